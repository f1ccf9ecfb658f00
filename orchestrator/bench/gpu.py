"""A GPU at the paper's recipe: its training step, its loaders, its flow, and what the paper would take on it.

Shapes: B batch, H W pixels.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch

from datasets.contract import Key
from datasets.synthetic.people.people import People, write
from models.backbones import ResNet, SmallTrunk
from models.regressor import Regressor
from orchestrator.bench import data
from orchestrator.bench.gpu_hours import (
    Jobs,
    hours,
    planned,
    step_kind,
    sweep_hours,
    trainings,
)
from orchestrator.bench.gpu_variants import Call, compilations, flows, steps, trunk_step
from orchestrator.bench.result import Finding, Grid, Tell, significant
from orchestrator.bench.step import RESNET50, Change, learner, step
from orchestrator.bench.timing import Times, compete
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.sweep.sweep import Sweep
from orchestrator.training.dataloader import load
from orchestrator.training.precision import exact_convolutions, in_bf16
from orchestrator.training.runtime import SingleProcess
from orchestrator.util.errors import UserError

DESCRIPTION = (
    "Random pictures on the GPU at the paper's recipe for COCO. The trunk alone is torchvision's, forward "
    "and backward in bf16 with fused Adam, on normalised pictures; ours is the step of a training: uint8 "
    "pictures, heads, RLE with its flow, the check of the gradient. GiB is what a step takes beyond what is "
    "there before it. Loaders read crops with the paper's augmentation from a pack in the page cache; beside "
    "a training, idle is the share of time in which the GPU waits for them. GPU-hours are epochs × steps × "
    "the measured time of a step, without evaluation and loading."
)


@dataclass(frozen=True)
class Sizes:
    """How large everything is that is measured."""

    recipe: Experiment
    scale: str  # of the sweeps whose GPU-hours are computed
    people: People  # whose crops are loaded
    processes: tuple[int, ...]  # that load them
    batches: int  # that they load while they are timed
    points: tuple[int, ...]  # of a batch that go through the flow
    rounds: int
    least: float  # seconds of each contestant in a round


FULL = Sizes(
    recipe=vary(RESNET50, schedule=vary(RESNET50.schedule, batch=256, precision="bf16")),
    scale="paper",
    people=data.GENERATED,
    processes=(4, 8),
    batches=40,
    points=(544, 2_176, 4_352, 8_704, 17_408, 34_816, 69_632),
    rounds=5,
    least=0.5,
)
"""The paper's recipe. A batch of it has 4,352 points, the demo's 1,088."""

TINY = Sizes(
    recipe=vary(
        FULL.recipe,
        model=Regressor(trunk=SmallTrunk(channels=(4, 8), strides=(8, 4))),
        schedule=vary(FULL.recipe.schedule, batch=4),
    ),
    scale="smoke",
    people=People(train=6, val=1),
    processes=(1, 2),
    batches=2,
    points=(544,),
    rounds=1,
    least=0.0,
)
"""As little as shows that everything runs, for a machine without a GPU; its numbers mean nothing."""


@dataclass
class Table:
    """The rows so far, and the time that is left."""

    device: torch.device
    sizes: Sizes
    tell: Tell
    limit: float  # seconds
    began: float = field(default_factory=time.perf_counter)
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, name: str, *cells: str) -> None:
        """A row; what it does not have stays empty."""
        self.rows.append((name, *cells, *[""] * (len(COLUMNS) - 1 - len(cells))))

    def attempt(self, part: str, work: Callable[[], None]) -> None:
        """Measure a part. Where there is no time for it, or it fails, a row says so and the others go on;
        Ctrl-C ends with what has been measured."""
        if time.perf_counter() - self.began >= self.limit:
            self.add(f"{part}: no time was left")
            return
        self.tell(part)
        try:
            work()
        except KeyboardInterrupt:
            self.limit = 0.0
            self.add(f"{part}: interrupted")
        except Exception as error:  # a compiler or a driver raises whatever it meets
            self.add(f"{part}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0][:80]}")


COLUMNS = ("", "ms", "a second", "ratio", "GiB", "idle %")


def measure(
    tell: Tell, sweeps: Sequence[Sweep], device: str, limit: float, sizes: Sizes | None = None
) -> Finding:
    """Measure a GPU. What is most uncertain to be quick, compiling, comes last.

    Args:
        sweeps: whose GPU-hours are computed.
        device: "cuda", or "cpu" to see that everything runs.
        limit: seconds after which no further part begins.

    Raises:
        UserError: there is no GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "bench gpu: PyTorch finds no GPU on this machine. --device cpu runs the same measurements in a "
            "tiny size, to show that they run.",
            code="no-gpu",
        )
    exact_convolutions()
    chosen = sizes or (FULL if device == "cuda" else TINY)
    table = Table(torch.device(device), chosen, tell, limit)
    with tempfile.TemporaryDirectory(prefix="rle-lab-bench-") as folder:
        table.attempt("training step", lambda: _steps(table, steps(chosen.recipe, table.device)))
        table.attempt("loaders", lambda: _loaders(table, Path(folder)))
        for points in chosen.points:
            table.attempt(f"flow, {points:,} points", partial(_flow, table, points))
        grids = _hours(table, planned(sweeps, chosen.scale))
        for name, change in compilations(table.device).items():
            table.attempt(f"step, {name}", partial(_changed, table, name, change))
        for points in chosen.points[::3]:
            table.attempt(f"compiled flow, {points:,} points", partial(_flow, table, points, compiled=True))
    title = _title(chosen)
    return Finding("gpu", DESCRIPTION, (Grid(title, COLUMNS, tuple(table.rows)), *grids))


def _title(sizes: Sizes) -> str:
    recipe = sizes.recipe
    assert isinstance(recipe.model, Regressor)
    trunk = recipe.model.trunk
    name = f"ResNet-{trunk.depth}" if isinstance(trunk, ResNet) else "a small network"
    height, width = recipe.data.size
    return f"{name}, {height}×{width}, batch {recipe.schedule.batch}, PyTorch {torch.__version__}"


def _steps(table: Table, calls: Mapping[str, Call]) -> None:
    """Pictures a second of steps, beside the first."""
    times = compete(calls, table.sizes.rounds, table.sizes.least)
    for name, call in calls.items():
        a_second = table.sizes.recipe.schedule.batch / times.median(name)
        ratio = significant(times.ratio(name))
        table.add(name, _ms(times, name), f"{a_second:,.0f}", ratio, _memory(call, table.device))


def _changed(table: Table, name: str, change: Change) -> None:
    """The trunk alone beside a step of which a part is compiled."""
    recipe, device = table.sizes.recipe, table.device
    compiled = step(recipe, device, bf16=True, change=change)
    _steps(table, {"trunk alone, again": trunk_step(recipe, device), f"ours, {name}": compiled})


def _flow(table: Table, points: int, compiled: bool = False) -> None:
    """The flow beside the plain one."""
    calls = flows(points, table.device, compiled=compiled)
    times = compete(calls, table.sizes.rounds, table.sizes.least / 3)
    for kind in calls:
        rate = f"{points / times.median(kind):,.0f}"
        name = f"{'compiled ' if compiled else ''}flow, {points:,} points: {kind}"
        table.add(name, _ms(times, kind), rate, significant(times.ratio(kind)))


def _ms(times: Times, name: str) -> str:
    return significant(1e3 * times.median(name))


def _memory(call: Call, device: torch.device) -> str:
    """What a call takes at most beyond what is allocated before it; empty where there is no GPU."""
    if device.type != "cuda":
        return ""
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    call()
    return significant((torch.cuda.max_memory_allocated(device) - before) / 2**30)


def _loaders(table: Table, folder: Path) -> None:
    """Samples a second from a pack to the device: loading alone, and beside a training."""
    sizes, device = table.sizes, table.device
    write(sizes.people, folder / "people", workers=1)
    split = data.prepare(folder / "people", folder, table.tell).split
    learn = learner(sizes.recipe, device, bf16=True)
    alone = _median(step(sizes.recipe, device, bf16=True))

    def pace(processes: int, work: Callable[..., object]) -> float:
        ahead = 2 * processes  # batches that PyTorch loads in advance
        keys = _keys(len(split), sizes.recipe.schedule.batch, ahead + sizes.batches)
        batches = load(split, keys, SingleProcess(device, processes))
        return _pace((work(*batch.to(device)[:3]) for batch in batches), ahead, device)

    def measured(processes: int) -> None:
        name = f"{processes} processes load"
        _loading(table, name, alone, pace(processes, lambda *tensors: None))
        training = pace(processes, learn)
        idle = f"{100 * max(0.0, 1 - alone / training):.1f}"
        _loading(table, f"{name}, ours trains", alone, training, "", idle)

    for processes in sizes.processes:
        table.attempt(f"{processes} processes that load", partial(measured, processes))


def _loading(table: Table, name: str, alone: float, seconds: float, *more: str) -> None:
    """A row; the ratio is to our step without loading."""
    a_second = table.sizes.recipe.schedule.batch / seconds
    table.add(name, significant(1e3 * seconds), f"{a_second:,.0f}", significant(alone / seconds), *more)


def _keys(samples: int, batch: int, batches: int) -> list[list[Key]]:
    """Random samples, which repeat where there are few: each is augmented anew."""
    drawn = np.random.default_rng(0).integers(samples, size=(batches, batch))
    return [[(epoch, int(index)) for index in row] for epoch, row in enumerate(drawn)]


def _pace(work: Iterator[object], ahead: int, device: torch.device) -> float:
    """Seconds an item, without the first ones, which were or could have been made in advance."""
    marks: list[float] = []
    for index, _ in enumerate(work):
        if index < ahead:
            continue
        marks.append(time.perf_counter())
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - marks[0]) / max(1, len(marks) - 1)


def _hours(table: Table, jobs: Jobs) -> tuple[Grid, ...]:
    """One measured step of each kind of training, and what they come to if all could be measured."""
    kinds = {step_kind(experiment): experiment for experiment in trainings(jobs).values()}
    measured: dict[str, float] = {}

    def measure_kind(kind: str, experiment: Experiment) -> None:
        bf16 = in_bf16(experiment.schedule, table.device)
        measured[kind] = _median(step(experiment, table.device, bf16))

    def step_time(experiment: Experiment) -> float:
        return measured[step_kind(experiment)]

    for kind, experiment in kinds.items():
        table.attempt(f"step of {kind}", partial(measure_kind, kind, experiment))
    cost = {kind: significant(hours(kinds[kind], step_time)) for kind in measured}
    rows = [(k, significant(1e3 * s), str(kinds[k].epochs), cost[k]) for k, s in measured.items()]
    each = Grid("One training", ("", "ms a step", "epochs", "GPU-hours"), tuple(rows))
    return (each, sweep_hours(jobs, step_time)) if measured.keys() == kinds.keys() else (each,)


def _median(call: Call, times: int = 5) -> float:
    """Seconds of a call, after two that pay for allocation and the choice of kernels."""
    taken = []
    for _ in range(2 + times):
        began = time.perf_counter()
        call()  # a step waits for the GPU: it looks at the gradient's norm
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[2:])
