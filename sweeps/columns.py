"""Columns that several tables share."""

from models.flops import flow_flops, flow_parameters
from models.objectives import DLE, RLE, LearnedScale
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.step_time import StepTiming
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.sweep.sweep import Column, Counted, Measured, Metric
from sweeps.baselines import PAPER_COCO, RESNET50

OWN_BATCH = 64
"""Pictures a step, at most, when a scale's own network is timed on one device."""

TIMED_BATCH = {"smoke": 1, "demo": 4, "paper": 32}
"""Pictures a step when ResNet-50 is timed: enough to be fair to it, few enough to wait for."""


def _flops(experiment: Experiment) -> float | None:
    objective = experiment.objective
    if not isinstance(objective, DLE | RLE):
        return None
    nodes = _nodes(objective) if isinstance(objective, RLE) else 0
    return flow_flops(objective.flow, experiment.data.points, experiment.data.dim, grid_points=nodes)


def _nodes(objective: RLE) -> int:
    """Points at which s is summed, once a picture: 20 × 20 on the grid of Eq. 7."""
    return {None: 0, "grid": 20 * 20, "samples": objective.samples}[objective.s]


def _parameters(experiment: Experiment) -> float | None:
    objective = experiment.objective
    if not isinstance(objective, DLE | RLE):
        return None
    return flow_parameters(objective.flow, experiment.data.dim)


def _own_step(experiment: Experiment, scale: str) -> StepTiming:
    return StepTiming(
        model=experiment.model,
        objective=experiment.objective,
        schedule=vary(experiment.schedule, batch=min(experiment.schedule.batch, OWN_BATCH)),
        points=experiment.data.points,
        size=experiment.data.size,
        seed=experiment.seed,
    )


def _resnet_step(experiment: Experiment, scale: str) -> StepTiming:
    return StepTiming(
        model=RESNET50,
        objective=experiment.objective,
        schedule=vary(PAPER_COCO, batch=TIMED_BATCH[scale], precision="auto"),
        points=experiment.data.points,
        size=(256, 192),
        seed=experiment.seed,
    )


FLOPS = Column(
    DeclaredColumn(name="FLOPs", better="lower", human=True, description="of the flow, forward, a picture"),
    Counted(_flops),
)
PARAMS = Column(
    DeclaredColumn(name="Params", better="lower", human=True, description="of the flow"), Counted(_parameters)
)
AP = Column(DeclaredColumn(name="AP", unit="%", better="higher"), Metric("AP"))
AP50 = Column(DeclaredColumn(name="AP50", unit="%", better="higher"), Metric("AP50"))
AP75 = Column(DeclaredColumn(name="AP75", unit="%", better="higher"), Metric("AP75"))
AP_SHUFFLED = Column(
    DeclaredColumn(
        name="AP shuffled",
        unit="%",
        better="higher",
        in_paper=False,
        description="AP with the scores permuted among the predictions; what AP has over it comes from "
        "ranking them",
    ),
    Metric("AP shuffled"),
)
STEP = Column(
    DeclaredColumn(
        name="Step",
        unit="ms",
        better="lower",
        in_paper=False,
        description="a training step of this scale's network and recipe",
    ),
    Measured("step_ms", _own_step),
)
FLOW_SHARE = Column(
    DeclaredColumn(
        name="Flow share",
        unit="%",
        digits=2,
        better="lower",
        in_paper=False,
        description="the flow's part of that step, forward and backward",
    ),
    Measured("flow_share", _own_step),
)
STEP_R50 = Column(
    DeclaredColumn(
        name="Step R50",
        unit="ms",
        digits=0,
        better="lower",
        in_paper=False,
        description="a training step of ResNet-50, 256×192, by the paper's recipe",
    ),
    Measured("step_ms", _resnet_step),
)
FLOW_SHARE_R50 = Column(
    DeclaredColumn(
        name="Flow share R50",
        unit="%",
        digits=2,
        better="lower",
        in_paper=False,
        description="the flow's part of the ResNet-50 step",
    ),
    Measured("flow_share", _resnet_step),
)
GRADIENT_Q = Column(
    DeclaredColumn(
        name="Gradient Q",
        digits=1,
        in_paper=False,
        description="mean norm, over joints, of the loss's gradient at μ that comes from Q, in the last "
        "epoch",
    ),
    Metric("grad_mu_q", applies=lambda experiment: isinstance(experiment.objective, LearnedScale | RLE)),
)
GRADIENT_G = Column(
    DeclaredColumn(
        name="Gradient G",
        digits=1,
        in_paper=False,
        description="the same for the part that comes from the flow",
    ),
    Metric("grad_mu_g", applies=lambda experiment: isinstance(experiment.objective, DLE | RLE)),
)
PCKH_50 = Column(DeclaredColumn(name="PCKh@0.5", unit="%", better="higher"), Metric("PCKh@0.5"))
PCKH_10 = Column(DeclaredColumn(name="PCKh@0.1", unit="%", better="higher"), Metric("PCKh@0.1"))
AUC = Column(
    DeclaredColumn(
        name="AUC",
        unit="%",
        better="higher",
        description="area under the PCKh curve from 0 to 0.5, by trapezoids",
    ),
    Metric("AUC"),
)
PCKH_11 = Column(
    DeclaredColumn(
        name="PCKh@0.11",
        unit="%",
        better="higher",
        in_paper=False,
        description="what much of the code in use computes under the name of PCKh@0.1",
    ),
    Metric("PCKh@0.11"),
)
AUC_MEAN = Column(
    DeclaredColumn(
        name="AUC mean",
        unit="%",
        better="higher",
        in_paper=False,
        description="the mean of the curve's 51 points",
    ),
    Metric("AUC mean"),
)
