"""Thousands of short trials, and a store with as many runs: whether either costs more than in proportion."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from datasets.coco.config import CocoFolder
from datasets.contract import DataPaths
from orchestrator.bench import growth_store
from orchestrator.bench.growth import grid
from orchestrator.bench.growth_plot import Panel
from orchestrator.bench.result import Finding, Tell
from orchestrator.config.experiment import Experiment
from orchestrator.config.precision import settled
from orchestrator.config.vary import vary
from orchestrator.jobs.execute import Task
from orchestrator.schedule import cluster
from orchestrator.schedule.connection import connect
from orchestrator.schedule.tune_trials import Event, run_trials
from orchestrator.util.errors import SweepError
from orchestrator.util.redact import shown

TRIALS = (100, 1_000, 10_000)

DESCRIPTION = (
    "Trials that end at once, since their data are not there, as many at a time as there are CPUs: what is "
    "left is scheduling them, in milliseconds a trial, of the clock and of the processor time of the sweep's "
    "own process. The store is filled as a sweep fills it, each trial with its lease, two epochs and its "
    "end; its times are the clock's. The exponent of a cost by trial is 0 where all cost in proportion."
)


def measure(tell: Tell, demo: Experiment, uri: str, trials: Sequence[int] = TRIALS) -> Finding:
    """Schedule, then fill and read a store.

    Args:
        uri: of an empty store; a sqlite file of its own if empty.
        trials: ascending multiples of ten.

    Raises:
        SweepError: the store is not empty.
    """
    if uri and growth_store.holds_trials(uri):
        raise SweepError(f"{shown(uri)}: it holds trials. Name an empty store", code="not-empty")
    scheduled = scheduling(tell, demo, trials)
    stored = growth_store.measure(tell, demo, trials, uri, time.perf_counter)
    return Finding("thousands", DESCRIPTION, tuple(map(grid, (scheduled, *stored))))


def scheduling(tell: Tell, demo: Experiment, trials: Sequence[int] = TRIALS) -> Panel:
    """Milliseconds a trial, by trials."""
    absent = vary(settled(demo, "float32", lambda: "float32"), data=vary(demo.data, source=CocoFolder()))
    costs: dict[float, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="rle-lab-bench-") as folder:
        place = DataPaths(Path(folder) / "data", Path(folder) / "absent")
        tell("starting Ray")
        connect()
        plan = cluster.plan(cluster.ResourceRequest(workers=0))
        for count in trials:
            tell(f"{count:,} trials")
            tasks = [Task(vary(absent, seed=seed), place, folder) for seed in range(count)]
            costs[count] = _cost(tasks, plan, Path(folder) / "ray")
    return Panel("trials", "scheduling, ms a trial", costs)


def _cost(tasks: Sequence[Task], plan: cluster.Plan, folder: Path) -> dict[str, float]:
    """Counted from the end of the first trial of each process, which pays for its start."""
    ends: list[tuple[float, float]] = []

    def note(event: Event) -> None:
        if event.finished is not None:
            ends.append((time.perf_counter(), time.process_time()))

    run_trials(tasks, plan, folder, note)
    first = min(plan.concurrent, len(ends) - 1) - 1
    names = ("clock", "the sweep's process")
    spent = [1e3 * (last - begin) for begin, last in zip(ends[first], ends[-1], strict=True)]
    return {name: each / (len(ends) - 1 - first) for name, each in zip(names, spent, strict=True)}
