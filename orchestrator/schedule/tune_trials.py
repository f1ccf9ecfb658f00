"""Tune runs jobs as trials, as many at once as fit, and tells what happens to each."""

import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune

from orchestrator.config.experiment import Experiment, StepTiming
from orchestrator.jobs.execute import JobResult, Task, run
from orchestrator.jobs.union import needed
from orchestrator.schedule.cluster import Plan
from orchestrator.schedule.train_workers import run_on_workers

CRASHES = 3
"""How often a trial whose process was killed starts again, from its last checkpoint."""


@dataclass(frozen=True)
class Event:
    """Something happened to a job. Exactly one of the three stages."""

    fingerprint: str
    epoch: int | None = None  # an epoch is done ...
    metrics: Mapping[str, float] | None = None  # ... with these metrics
    recalled: bool = False  # ... before the trial started here, which may have been told then
    finished: JobResult | None = None  # it has ended; neither: it has started


def run_trials(tasks: Sequence[Task], plan: Plan, folder: Path, listen: Callable[[Event], None]) -> None:
    """Run every task: trainings, those that start from another after it; then measurements of trained models;
    last the timings of a step, one at a time, which want a quiet machine.

    A task is left out where a training that it needs was among the tasks and did not finish.

    Args:
        tasks: with distinct fingerprints.
        plan: how many at once, and on what.
        folder: for Ray's own bookkeeping, which is removed at the end.
        listen: called in this process, in the order of events.

    Raises:
        KeyboardInterrupt: the user stopped it; what was finished has been told.
    """
    lost: set[str] = set()

    def hear(event: Event) -> None:
        if event.finished is not None and event.finished.status != "finished":
            lost.add(event.fingerprint)
        listen(event)

    inner = _on_workers(plan, folder) if plan.workers else _in_actor
    for wave in waves([task for task in tasks if isinstance(task.job, Experiment)]):
        if ready := [task for task in wave if not _needs(task) & lost]:
            _tune(ready, inner, plan.trial, plan.concurrent, folder, hear)
    probes = [task for task in tasks if not isinstance(task.job, Experiment | StepTiming)]
    if ready := [task for task in probes if not _needs(task) & lost]:
        _tune(ready, _in_actor, plan.measurement, plan.concurrent, folder, hear)
    if timings := [task for task in tasks if isinstance(task.job, StepTiming)]:
        _tune(timings, _in_actor, plan.measurement, 1, folder, hear)


def waves(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """The tasks in portions, each of which needs only what is in those before it, or in none."""
    left = list(tasks)
    while left:
        waiting = {task.job.fingerprint() for task in left}
        yield [task for task in left if not _needs(task) & waiting]
        left = [task for task in left if _needs(task) & waiting]


def _needs(task: Task) -> set[str]:
    return {before.fingerprint() for before in needed(task.job)}


def _tune(
    tasks: Sequence[Task],
    trial: Callable[..., None],
    resources: dict[str, float],
    concurrent: int,
    folder: Path,
    listen: Callable[[Event], None],
) -> None:
    relay, name = _Relay(listen), uuid.uuid4().hex
    # Tune writes its parameters into files, and the storage's address may hold a key.
    told = tune.with_parameters(trial, tasks={task.job.fingerprint(): task.plain() for task in tasks})
    tuner = tune.Tuner(
        tune.with_resources(told, resources),
        param_space={"job": tune.grid_search([task.job.fingerprint() for task in tasks])},
        tune_config=tune.TuneConfig(
            reuse_actors=True,
            max_concurrent_trials=concurrent,
            trial_name_creator=_name,
            trial_dirname_creator=_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(folder),
            callbacks=[relay],
            failure_config=tune.FailureConfig(max_failures=CRASHES),
            verbose=0,
        ),
    )
    try:
        tuner.fit()
    finally:
        shutil.rmtree(folder / name, ignore_errors=True)
    if relay.pending(tasks):
        raise KeyboardInterrupt


def _name(trial: Any) -> str:
    return f"{_fingerprint(trial)}-{trial.trial_id}"


def _fingerprint(trial: Any) -> str:
    fingerprint: str = trial.config["job"]
    return fingerprint


def _in_actor(config: dict[str, Any], tasks: Mapping[str, dict[str, Any]]) -> None:
    """A trial that trains in its own process, which the next trial uses again."""
    from orchestrator.schedule.worker_process import InTrial, quiet_process

    quiet_process()
    finished = run(Task.of(tasks[config["job"]]), InTrial.here())
    tune.report({"finished": json.dumps(finished.plain())})


def _on_workers(plan: Plan, folder: Path) -> Callable[..., None]:
    def drive(config: dict[str, Any], tasks: Mapping[str, dict[str, Any]]) -> None:
        finished = run_on_workers(tasks[config["job"]], plan.workers, plan.gpus_per_worker, folder)
        tune.report({"finished": json.dumps(finished.plain())})

    return drive


class _Relay(tune.Callback):  # type: ignore[misc]  # Ray is untyped here
    """Turns Tune's callbacks into events."""

    def __init__(self, listen: Callable[[Event], None]) -> None:
        self.listen = listen
        self.ended: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks for a restore, which is never made; what listens can't be pickled."""
        return {}

    def pending(self, tasks: Sequence[Task]) -> set[str]:
        return {task.job.fingerprint() for task in tasks} - self.ended

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.listen(Event(_fingerprint(trial)))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "finished" in result:
            self._end(trial, JobResult.of(json.loads(result["finished"])))
        elif "history" in result:
            for epoch, metrics in json.loads(result["history"]):
                self.listen(Event(_fingerprint(trial), epoch, metrics, recalled=True))
        elif "epoch" in result:
            event = Event(_fingerprint(trial), result["epoch"], json.loads(result["metrics"]))
            self.listen(event)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        if _fingerprint(trial) not in self.ended:
            last = (trial.get_pickled_error() or "its process died").__str__()
            self._end(trial, JobResult("failed", note=f"the trial was lost {CRASHES + 1} times: {last}"))

    def _end(self, trial: Any, finished: JobResult) -> None:
        self.ended.add(_fingerprint(trial))
        self.listen(Event(_fingerprint(trial), finished=finished))
