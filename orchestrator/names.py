"""Short readable names for runs, as MLflow and the progress display show them."""

from models.backbones import ResNet
from models.objectives import DLE, L1, L2, RLE, HeatmapMSE, LearnedScale, Objective, WeightedSum
from models.regressor import Regressor
from models.simplepose import Integral, SimplePose
from orchestrator.experiment import Job, StepCost


def describe(job: Job) -> str:
    """For example `RLE 3x64, seed 0` or `step of ResNet-50 with RLE 3x64, seed 0`.

    A model other than the regressor is named too: `Integral Pose, L1, seed 0`; SimplePose has one objective.
    """
    name = describe_objective(job.objective)
    if isinstance(job, StepCost):
        name = f"step of {_trunk(job.model)} with {name}"
    elif isinstance(job.model, SimplePose):
        name = "SimplePose"
    elif isinstance(job.model, Integral):
        name = f"Integral Pose, {name}"
    return f"{name}, seed {job.seed}"


def describe_objective(objective: Objective) -> str:
    """The method's name, and what of it is not the default."""
    match objective:
        case L1() | L2():
            return objective.kind.upper()
        case LearnedScale():
            return f"{objective.density.capitalize()}, learned scale"
        case DLE():
            return f"DLE {_flow(objective)}{_convention(objective)}"
        case RLE():
            density = "" if objective.density == "laplace" else f" {objective.density}"
            s = f" + s by {objective.s}" if objective.s else ""
            return f"RLE {_flow(objective)}{density}{s}{_convention(objective)}"
        case HeatmapMSE():
            return "heatmap MSE"
        case WeightedSum():
            return " + ".join(_term(weight, term) for weight, term in objective.terms)


def _term(weight: float, objective: Objective) -> str:
    return ("" if weight == 1 else f"{weight:g} ") + describe_objective(objective)


def _flow(objective: DLE | RLE) -> str:
    return f"{objective.flow.layers}x{objective.flow.width}"


def _convention(objective: DLE | RLE) -> str:
    return "" if objective.convention == "paper" else f", {objective.convention}"


def _trunk(model: Regressor) -> str:
    return f"ResNet-{model.trunk.depth}" if isinstance(model.trunk, ResNet) else "the small trunk"
