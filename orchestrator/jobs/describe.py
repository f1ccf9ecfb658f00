"""Short readable names for runs, as MLflow and the progress display show them."""

from models.backbones import ResNet
from models.boundary_unet import BoundaryNet
from models.heatmap_nets import Integral, SimplePose
from models.objectives import DLE, L1, L2, RLE, HeatmapMSE, LearnedScale, Objective, WeightedSum
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment, StepTiming
from orchestrator.jobs.union import Job


def describe(job: Job) -> str:
    """For example `RLE 3x64 on coco, seed 0` or `step of ResNet-50 with RLE 3x64, seed 0`.

    A model other than the regressor is named too: `Integral Pose, L1 on mpii, seed 0`; SimplePose has one
    objective.
    """
    if isinstance(job, Experiment):
        return f"{_method(job)} on {job.data.name}, seed {job.seed}"
    if isinstance(job, StepTiming):
        name = f"step of {_trunk(job.model)} with {describe_objective(job.objective)}"
        return f"{name}, seed {job.seed}"
    return f"{job.kind} of {describe(job.of)}"


def _method(experiment: Experiment) -> str:
    name = describe_objective(experiment.objective)
    if isinstance(experiment.model, SimplePose):
        name = "SimplePose"
    elif isinstance(experiment.model, Integral):
        name = f"Integral Pose, {name}"
    elif isinstance(experiment.model, BoundaryNet) and experiment.model.head == "softargmax":
        name = f"soft-argmax, {name}"
    if experiment.data.variant:
        name = f"{name} {experiment.data.variant}"
    return name if experiment.start is None else f"{name} from {_method(experiment.start)}"


def describe_objective(objective: Objective) -> str:
    """The method's name, and what of it is not the default."""
    match objective:
        case L1() | L2():
            return objective.kind.upper()
        case LearnedScale():
            return f"{objective.density.capitalize()}, learned scale"
        case DLE():
            return f"DLE {objective.flow.name}{_convention(objective)}"
        case RLE():
            density = "" if objective.density == "laplace" else f" {objective.density}"
            s = f" + s by {objective.s}" if objective.s else ""
            return f"RLE {objective.flow.name}{density}{s}{_convention(objective)}"
        case HeatmapMSE():
            return "heatmap MSE"
        case WeightedSum():
            return " + ".join(_term(weight, term) for weight, term in objective.terms)


def _term(weight: float, objective: Objective) -> str:
    return ("" if weight == 1 else f"{weight:g} ") + describe_objective(objective)


def _convention(objective: DLE | RLE) -> str:
    return "" if objective.convention == "paper" else f", {objective.convention}"


def _trunk(model: Regressor) -> str:
    return f"ResNet-{model.trunk.depth}" if isinstance(model.trunk, ResNet) else "the small trunk"
