"""Every measurement of a trained model."""

from typing import Annotated

from pydantic import Field

from orchestrator.probes.calibration import Calibration
from orchestrator.probes.density import Density
from orchestrator.probes.gallery import Gallery
from orchestrator.probes.occlusion import Occlusion
from orchestrator.probes.scans import Scans
from orchestrator.probes.truncation import Truncation

Probe = Annotated[
    Occlusion | Truncation | Density | Calibration | Gallery | Scans, Field(discriminator="kind")
]
