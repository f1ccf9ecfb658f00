"""Short readable names for runs, as MLflow and the progress display show them."""

from models.backbones import ResNet
from models.objectives import DLE, L1, L2, RLE, LearnedScale, Objective
from orchestrator.experiment import Job, ModelConfig, StepCost


def describe(job: Job) -> str:
    """For example `RLE 3x64, seed 0` or `step of ResNet-50 with RLE 3x64, seed 0`."""
    name = describe_objective(job.objective)
    if isinstance(job, StepCost):
        name = f"step of {_trunk(job.model)} with {name}"
    return f"{name}, seed {job.seed}"


def describe_objective(objective: Objective) -> str:
    """The method's name, and what of it is not the default."""
    match objective:
        case L1():
            return "L1"
        case L2():
            return "L2"
        case LearnedScale():
            return f"{objective.density.capitalize()}, learned scale"
        case DLE():
            return f"DLE {_flow(objective)}{_convention(objective)}"
        case RLE():
            density = "" if objective.density == "laplace" else f" {objective.density}"
            s = f" + s by {objective.s}" if objective.s else ""
            return f"RLE {_flow(objective)}{density}{s}{_convention(objective)}"


def _flow(objective: DLE | RLE) -> str:
    return f"{objective.flow.layers}x{objective.flow.width}"


def _convention(objective: DLE | RLE) -> str:
    return "" if objective.convention == "paper" else f", {objective.convention}"


def _trunk(model: ModelConfig) -> str:
    return f"ResNet-{model.trunk.depth}" if isinstance(model.trunk, ResNet) else "the small trunk"
