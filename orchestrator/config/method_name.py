"""Short readable names of methods, as runs and the progress display show them."""

from typing import TYPE_CHECKING

from models.boundary_unet import BoundaryNet
from models.heatmap_nets import Integral, SimplePose

if TYPE_CHECKING:
    from orchestrator.config.experiment import Experiment


def method_name(experiment: "Experiment") -> str:
    """The objective's name, and what of model, data and start is not the default: `Integral Pose, L1`.

    A model other than the regressor is named too; SimplePose has one objective.
    """
    name = experiment.objective.name
    if isinstance(experiment.model, SimplePose):
        name = "SimplePose"
    elif isinstance(experiment.model, Integral):
        name = f"Integral Pose, {name}"
    elif isinstance(experiment.model, BoundaryNet) and experiment.model.head == "softargmax":
        name = f"soft-argmax, {name}"
    if experiment.data.variant:
        name = f"{name} {experiment.data.variant}"
    return name if experiment.start is None else f"{name} from {method_name(experiment.start)}"
