"""How long the trainings of the paper take on a GPU: from measured steps, or from a rate that is assumed.

A training takes epochs × steps of an epoch × the time of a step; evaluation and loading are not counted.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from models.interface import OutputSpec
from orchestrator.bench.result import Grid
from orchestrator.config.experiment import Experiment
from orchestrator.config.precision import settled
from orchestrator.jobs.job import Job
from orchestrator.sweep.plan import PlanSettings, plan_tables
from orchestrator.sweep.sweep import Sweep

SAMPLES: Mapping[str, int] = {"coco": 149_813, "mpii": 22_246, "human36m": 624_376, "retina": 55}
"""Training samples of each benchmark, as published."""

ASSUMED_RATE = 61e12
"""FLOP/s in training: as published for ResNet-50 in mixed precision on one A100, 2,500 pictures of 224×224 a
second at three times the 8.18 GFLOP of a forward pass."""

StepTime = Callable[[Experiment], float]
"""Seconds of a training step of an experiment."""

Jobs = Mapping[str, Mapping[str, Job]]
"""By the name of their sweep and their fingerprint."""


def planned(sweeps: Sequence[Sweep], scale: str = "paper") -> Jobs:
    """What each sweep runs at a scale with one seed, recipes that leave it to the machine in bf16."""
    settings = PlanSettings(
        scale=scale,
        report=scale,
        seeds=(0,),
        data=lambda config: config.name,
        command="rle-lab",
        bind=lambda experiment: settled(experiment, None, lambda: "bf16"),
    )
    return {
        sweep.name: {fp: job for plan in plan_tables(sweep.tables, settings) for fp, job in plan.jobs.items()}
        for sweep in sweeps
        if sweep.tables
    }


def trainings(jobs: Jobs) -> dict[str, Experiment]:
    """The distinct trainings by fingerprint."""
    found = {fp: job for some in jobs.values() for fp, job in some.items()}
    return {fp: job for fp, job in found.items() if isinstance(job, Experiment)}


def assumed_step(experiment: Experiment) -> float:
    """Seconds of a step at `ASSUMED_RATE`: three times the forward pass."""
    return 3 * experiment.schedule.batch * forward_flops(experiment) / ASSUMED_RATE


def forward_flops(experiment: Experiment) -> float:
    """Of one sample; a multiplication and an addition count 2. Only matrices and convolutions count."""
    spec: OutputSpec = experiment.output_spec
    # Fake tensors have no content, so that nothing is computed.
    with FakeTensorMode(), FlopCounterMode(display=False) as counter:
        model = experiment.model.build(spec, pretrained=False)
        model(torch.zeros(1, *spec.size, 3, dtype=torch.uint8))
    return float(counter.get_total_flops())


def hours(experiment: Experiment, step: StepTime) -> float:
    """GPU-hours of a training."""
    schedule = experiment.schedule
    steps = SAMPLES[experiment.data.name] // schedule.batch
    return schedule.epochs * steps * step(experiment) / 3600


def sweep_hours(jobs: Jobs, step: StepTime) -> Grid:
    """Jobs, trainings and GPU-hours of each sweep, and of all, where shared trainings count once."""
    kinds: dict[str, float] = {}

    def cost(experiment: Experiment) -> float:
        kind = step_kind(experiment)
        if kind not in kinds:
            kinds[kind] = step(experiment)
        return hours(experiment, lambda _: kinds[kind])

    everything = {fp: job for some in jobs.values() for fp, job in some.items()}
    rows = [
        (name, str(len(some)), str(len(trainings({name: some}))), _sum(trainings({name: some}), cost))
        for name, some in {**jobs, "all together": everything}.items()
    ]
    return Grid("GPU-hours", ("sweep", "jobs", "trainings", "hours"), tuple(rows))


def step_kind(experiment: Experiment) -> str:
    """What decides the time of a step to within a few percent: network, crop, batch and precision.

    Trainings of one kind differ in flow, loss, seed or epochs.
    """
    schedule, data = experiment.schedule, experiment.data
    height, width = data.size
    network = str(experiment.model.kind)
    return f"{network}, {data.dim}-D, {height}×{width}, batch {schedule.batch}, {schedule.precision}"


def _sum(of: Mapping[str, Experiment], cost: StepTime) -> str:
    total = sum(map(cost, of.values()))
    return f"{total:.0f}" if total >= 1 else f"{total:.1f}"
