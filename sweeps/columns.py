"""Columns that several tables share."""

from models.objectives import DLE, RLE, LearnedScale
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.step_time import StepTiming
from orchestrator.schema.declaration import Better, DeclaredColumn
from orchestrator.sweep.sweep import Column, Counted, Measured, Metric
from sweeps.baselines import PAPER_COCO, RESNET50

OWN_BATCH = 64
"""Largest batch when a scale's own network is timed on one device."""

TIMED_BATCH = {"smoke": 1, "demo": 4, "photos": 4, "paper": 32}
"""Batch when ResNet-50 is timed: large enough for a fair measurement, small enough to be quick."""


def _flops(experiment: Experiment) -> float | None:
    objective, data = experiment.objective, experiment.data
    if not isinstance(objective, DLE | RLE):
        return None
    nodes = objective.integral_nodes(data.dim) if isinstance(objective, RLE) else 0
    return objective.flow.flops(data.points, data.dim, grid_points=nodes)


def _parameters(experiment: Experiment) -> float | None:
    objective = experiment.objective
    if not isinstance(objective, DLE | RLE):
        return None
    return objective.flow.parameters(experiment.data.dim)


def _own_step(experiment: Experiment, scale: str) -> StepTiming:
    return StepTiming(
        model=experiment.model,
        objective=experiment.objective,
        schedule=vary(
            experiment.schedule, batch=min(experiment.schedule.batch, OWN_BATCH), recipe_batch=None
        ),
        points=experiment.data.points,
        size=experiment.data.size,
        seed=experiment.seed,
    )


def _resnet_step(experiment: Experiment, scale: str) -> StepTiming:
    return StepTiming(
        model=RESNET50,
        objective=experiment.objective,
        schedule=vary(PAPER_COCO, batch=TIMED_BATCH[scale], precision=experiment.schedule.precision),
        points=experiment.data.points,
        size=(256, 192),
        seed=experiment.seed,
    )


def column(
    name: str,
    source: Metric | Counted | Measured,
    unit: str = "",
    better: Better = "neither",
    description: str = "",
    *,
    digits: int = 1,
    in_paper: bool = False,
    group: str = "",
) -> Column:
    """A column; one that the paper does not have unless `in_paper`."""
    spec = DeclaredColumn(
        name=name,
        unit=unit,
        digits=digits,
        better=better,
        description=description,
        in_paper=in_paper,
    )
    return Column(spec, source, group)


def metric(name: str, description: str = "") -> Column:
    """A metric of the paper in percent, higher being better, under its own name."""
    return column(name, Metric(name), "%", "higher", description, in_paper=True)


FLOPS = Column(
    DeclaredColumn(
        name="FLOPs", better="lower", human=True, description="of the flow, forward pass, per image"
    ),
    Counted(_flops),
)
PARAMS = Column(
    DeclaredColumn(name="Params", better="lower", human=True, description="of the flow"), Counted(_parameters)
)
AP, AP50, AP75 = metric("AP"), metric("AP50"), metric("AP75")
AP_SHUFFLED = column(
    "AP shuffled",
    Metric("AP shuffled"),
    "%",
    "higher",
    "AP with the scores permuted among the predictions; the difference from AP is due to ranking",
)
STEP = column(
    "Step",
    Measured("step_ms", _own_step),
    "ms",
    "lower",
    "a training step of this scale's network and recipe",
)
FLOW_SHARE = column(
    "Flow share",
    Measured("flow_share", _own_step),
    "%",
    "lower",
    "share of the flow in that step, forward and backward",
    digits=2,
)
STEP_R50 = column(
    "Step R50",
    Measured("step_ms", _resnet_step),
    "ms",
    "lower",
    "a training step of ResNet-50, 256×192, with the paper's recipe",
    digits=0,
)
FLOW_SHARE_R50 = column(
    "Flow share R50",
    Measured("flow_share", _resnet_step),
    "%",
    "lower",
    "share of the flow in the ResNet-50 step",
    digits=2,
)
PLAIN_SHARE_R50 = column(
    "Plain flow share R50",
    Measured("plain_flow_share", _resnet_step),
    "%",
    "lower",
    "the same with the flow as the authors' code has it, in matrix products, in place of this code's kernels",
    digits=2,
)
GRADIENT_Q = column(
    "Gradient Q",
    Metric("grad_mu_q", applies=lambda experiment: isinstance(experiment.objective, LearnedScale | RLE)),
    description="norm of the part of the gradient at μ that comes from Q, mean over joints in the last epoch",
)
GRADIENT_G = column(
    "Gradient G",
    Metric("grad_mu_g", applies=lambda experiment: isinstance(experiment.objective, DLE | RLE)),
    description="the same for the part from the flow",
)
PCKH_50, PCKH_10 = metric("PCKh@0.5"), metric("PCKh@0.1")
AUC = metric("AUC", "area under the PCKh curve from 0 to 0.5, trapezoidal rule")
PCKH_11 = column(
    "PCKh@0.11", Metric("PCKh@0.11"), "%", "higher", "what many public implementations report as PCKh@0.1"
)
AUC_MEAN = column("AUC mean", Metric("AUC mean"), "%", "higher", "the mean of the curve's 51 points")
