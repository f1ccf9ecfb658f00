"""Every measurement of a trained model."""

from typing import Annotated

from pydantic import Field

from orchestrator.probes.calibration import Calibration
from orchestrator.probes.gradient_curve import GradientCurve
from orchestrator.probes.learned_density import Density
from orchestrator.probes.occlusion import Occlusion
from orchestrator.probes.pose_gallery import Gallery
from orchestrator.probes.proper_scores import ProperScores
from orchestrator.probes.region_coverage import RegionCoverage
from orchestrator.probes.retina_gallery import Scans
from orchestrator.probes.truncation import Truncation

AnyProbe = Annotated[
    Occlusion
    | Truncation
    | Density
    | Calibration
    | RegionCoverage
    | ProperScores
    | Gallery
    | Scans
    | GradientCurve,
    Field(discriminator="kind"),
]
