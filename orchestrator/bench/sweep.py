"""Trials under Ray beside the time that they train: what scheduling them costs."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets.contract import DataPaths
from datasets.synthetic.people.people import People
from orchestrator.bench.result import Finding, Grid, Tell, significant
from orchestrator.config.experiment import Experiment
from orchestrator.config.precision import settled
from orchestrator.config.vary import vary
from orchestrator.jobs.execute import Task
from orchestrator.schedule import cluster
from orchestrator.schedule.connection import connect
from orchestrator.schedule.native_precision import native
from orchestrator.schedule.tune_trials import Event, run_trials
from orchestrator.training.checkpoint import Checkpoints

PEOPLE = People(train=1024, val=128)
EPOCHS = 3
TRIALS, EMPTY = 4, 10  # for each that runs at once

DESCRIPTION = (
    "Trainings of the demo's network on few images, as many at once as there are CPUs. The ideal time is "
    "the sum of the times that the trials spend in training and evaluation, divided by the number of "
    "CPUs; the rest is overhead: starting processes, importing, loading and reporting. An empty trial is "
    "one whose training is already finished: it opens the data, builds the network and loads its "
    "checkpoint. Starting Ray is not counted."
)


@dataclass
class Clock:
    """Hears events and notes when."""

    began: float = field(default_factory=time.perf_counter)
    ended: list[float] = field(default_factory=list)  # seconds after the beginning
    durations: list[float] = field(default_factory=list)  # of training and evaluation
    notes: list[str] = field(default_factory=list)  # of trials that failed

    def record(self, event: Event) -> None:
        """One event."""
        if event.finished is not None:
            self.ended.append(time.perf_counter() - self.began)
            self.durations.append(event.finished.duration)
            if event.finished.status == "failed":
                self.notes.append(event.finished.note)


def measure(tell: Tell, demo: Experiment, trials: int = TRIALS, empty: int = EMPTY) -> Finding:
    """Run a small sweep, then empty trials.

    Args:
        trials, empty: how many for each that runs at once, at least 2.

    Raises:
        RuntimeError: a trial failed.
        ClusterError: the cluster is too small for a trial.
    """
    with tempfile.TemporaryDirectory(prefix="rle-lab-bench-") as folder:
        place = DataPaths(Path(folder) / "data")
        request = cluster.ResourceRequest(workers=0)
        base = settled(small(demo), None, lambda: native(request).precision)
        tell("generating pictures")
        base.data.prepare(place)
        tell("starting Ray")
        connect()
        plan = cluster.plan(request)
        count, idling = trials * plan.concurrent, empty * plan.concurrent
        tasks = [Task(vary(base, seed=seed), place, folder) for seed in range(count + idling)]
        tell(f"{count} trials, {plan.concurrent} at once")
        trained = _run(tasks[:count], plan, Path(folder) / "ray")
        tell(f"{idling} empty trials")
        _finish(tasks[count:], Checkpoints(folder), tasks[0])
        idle = _run(tasks[count:], plan, Path(folder) / "ray")
    return Finding("sweep", DESCRIPTION, (grid(trained, idle, plan.concurrent),))


def small(demo: Experiment) -> Experiment:
    """The demo's experiment on few pictures, for few epochs."""
    return vary(demo, data=vary(demo.data, source=PEOPLE), schedule=vary(demo.schedule, epochs=EPOCHS))


def _run(tasks: Sequence[Task], plan: cluster.Plan, folder: Path) -> Clock:
    clock = Clock()
    run_trials(tasks, plan, folder, clock.record)
    if clock.notes:
        raise RuntimeError(f"a trial failed: {clock.notes[0]}")
    return clock


def _finish(tasks: Sequence[Task], checkpoints: Checkpoints, done: Task) -> None:
    """Let each task find the end of the training `done` where it looks for its own checkpoint."""
    assert done.job.trained is not None
    finished = checkpoints.load_finished(done.job.trained)
    for task in tasks:
        checkpoints.save(finished, task.job.fingerprint())


def grid(trained: Clock, idle: Clock, at_once: int) -> Grid:
    """What the clocks of a sweep and of its empty trials say."""
    ideal = sum(trained.durations) / at_once
    # The first trial of each process pays for its start.
    warm = idle.ended[at_once:]
    pause = (warm[-1] - idle.ended[at_once - 1]) / len(warm)
    rows = (
        ("trials", f"{len(trained.ended)}, {at_once} at once"),
        ("seconds from the first start to the last end", significant(trained.ended[-1])),
        ("of which until the end of the first trial", significant(trained.ended[0])),
        ("sum of the trials' training and evaluation, s", significant(sum(trained.durations))),
        ("ideal: that, divided by the CPUs", significant(ideal)),
        ("wall time / ideal", significant(trained.ended[-1] / ideal)),
        ("empty trials per second, warm", significant(1 / pause)),
        ("seconds until the end of the first empty trial", significant(idle.ended[0])),
    )
    return Grid("A small sweep", ("", ""), rows)
