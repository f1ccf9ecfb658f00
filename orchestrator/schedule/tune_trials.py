"""Tune runs jobs as trials, as many at once as fit, and reports what happens to each."""

import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ray import tune

from orchestrator.jobs.execute import JobResult, Task, other_sources, run
from orchestrator.jobs.job import Stage
from orchestrator.schedule.claims import Claim, ClaimingSearcher, Claims, InOrder, always
from orchestrator.schedule.cluster import Plan, Room, nodes, whole_nodes
from orchestrator.schedule.head import watched
from orchestrator.schedule.how_to_run import HowToRun
from orchestrator.schedule.train_workers import run_on_workers
from orchestrator.util.errors import SweepError

CRASHES = 3
"""How often a trial whose process or node was lost starts again, from its last checkpoint, without having
done an epoch in between."""


@dataclass(frozen=True)
class Event:
    """A job has started, has done an epoch, or has ended."""

    fingerprint: str
    epoch: int | None = None  # an epoch is done ...
    metrics: Mapping[str, float] | None = None  # ... with these metrics
    replayed: bool = False  # ... before the trial started here; it may have been reported then
    finished: JobResult | None = None  # it has ended; neither: it has started
    elsewhere: bool = False  # ... in another sweep, which has recorded it
    host: str = ""  # that runs it, where it is known


def run_trials(
    tasks: Sequence[Task],
    plan: Plan,
    folder: Path,
    on_event: Callable[[Event], None],
    give_up: Callable[[], None] = lambda: None,
    ask: Callable[[str], Claim] = always,
    on_wait: Callable[[int], None] = lambda jobs: None,
) -> None:
    """Run every task: trainings, those that start from another after it; then measurements of trained models.

    The timings of a step want a quiet machine. Of a cluster of several nodes they have one to themselves, one
    after another, while the others train; on a single node they come last, one at a time.

    A task is left out where a training that it needs was among the tasks and did not finish.

    Args:
        tasks: with distinct fingerprints.
        plan: on what they run. How many at once follows from the nodes that there are as they go on.
        folder: for Ray's own bookkeeping, which is removed at the end.
        on_event: called in this process, in the order of events.
        give_up: called where the head of the cluster is gone, before this process ends.
        ask: for the lease on a job, before it starts. What another sweep runs is waited for.
        on_wait: told how many jobs others run, where nothing else is left of a stage.

    Raises:
        SweepError: a trial ran other sources than this process; both are named.
        KeyboardInterrupt: the user stopped it; events of what had finished were passed on.
    """
    with watched(give_up):
        results = _Results({task.job.fingerprint(): task.sources for task in tasks}, on_event)
        _run_stages(tasks, plan, folder, results, lambda some: Claims(some, ask, results.elsewhere, on_wait))


def _run_stages(
    tasks: Sequence[Task],
    plan: Plan,
    folder: Path,
    results: "_Results",
    claims: Callable[[list[str]], Claims],
) -> None:

    def run_stage(ready: Sequence[Task], how: HowToRun) -> None:
        ready = [task for task in ready if not _needs(task) & results.failed]
        wanted = claims([task.job.fingerprint() for task in ready])
        # What others hold when all else has started is waited for outside Tune, where it can be interrupted.
        while (first := wanted.wait()) is not None:
            search = ClaimingSearcher(wanted, first, how.room, frozenset(how.apart))
            _tune(ready, search, how, folder, results.pass_on)
            results.check_sources()

    def of(stage: Stage) -> list[Task]:
        return [task for task in tasks if task.job.stage == stage]

    timings = of("timing")
    for generation in generations(of("training")):
        whole = whole_nodes(plan, nodes()) if timings else None
        beside, timings = (timings, []) if whole else ([], timings)
        apart = {task.job.fingerprint(): whole[0] for task in beside} if whole else {}
        trainable = _train_on_workers(plan, folder, frozenset(apart)) if plan.workers else _run_in_actor
        run_stage([*beside, *generation], HowToRun(trainable, plan.trial, Room(plan), apart))
    run_stage(of("probe"), HowToRun(_run_in_actor, plan.measurement, Room(plan)))
    resources, count = whole_nodes(plan, nodes()) or (plan.measurement, 1)
    run_stage(timings, HowToRun(_run_in_actor, resources, lambda: count))


@dataclass
class _Results:
    """What the trials of a sweep gave.

    Args:
        sources: those that are to run each, by fingerprint.
        on_event: told of each event.
    """

    sources: Mapping[str, str]
    on_event: Callable[[Event], None]
    failed: set[str] = field(default_factory=set)
    foreign: list[str] = field(default_factory=list)

    def pass_on(self, event: Event) -> None:
        """An event; a result of other sources than were wanted has failed."""
        result = event.finished
        if result is not None:
            # A trial that was lost does not say what it ran.
            says = result.status != "failed" or result.sources
            if says and (note := other_sources(result.sources, self.sources[event.fingerprint])):
                self.foreign.append(note)
                event = replace(event, finished=replace(result, status="failed", note=note))
                self.failed.add(event.fingerprint)
            if result.status != "finished":
                self.failed.add(event.fingerprint)
        self.on_event(event)

    def elsewhere(self, fingerprint: str, result: JobResult) -> None:
        """Another sweep has run a job."""
        if result.status != "finished":
            self.failed.add(fingerprint)
        self.on_event(Event(fingerprint, finished=result, elsewhere=True))

    def check_sources(self) -> None:
        """End the sweep where a trial ran other sources.

        Raises:
            SweepError: one did; both are named.
        """
        if self.foreign:
            raise SweepError(self.foreign[0], code="other-sources")


def generations(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """The tasks in topological generations: each needs only what is in those before it, or in none."""
    left = list(tasks)
    while left:
        waiting = {task.job.fingerprint() for task in left}
        yield [task for task in left if not _needs(task) & waiting]
        left = [task for task in left if _needs(task) & waiting]


def _needs(task: Task) -> set[str]:
    return {before.fingerprint() for before in task.job.needs}


def _tune(
    tasks: Sequence[Task],
    search: ClaimingSearcher,
    how: HowToRun,
    folder: Path,
    on_event: Callable[[Event], None],
) -> None:
    callback, name = _EventCallback(on_event), uuid.uuid4().hex
    by_fingerprint = {task.job.fingerprint(): task.plain() for task in tasks}
    tuner = tune.Tuner(
        # Tasks are no part of `param_space`, which Tune writes into files: the storage's address may hold
        # a key.
        tune.with_resources(tune.with_parameters(how.trainable, tasks=by_fingerprint), how.reserved),
        tune_config=tune.TuneConfig(
            search_alg=search,
            scheduler=InOrder(),
            num_samples=len(tasks),
            reuse_actors=True,
            trial_name_creator=_name,
            trial_dirname_creator=_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(folder),
            callbacks=[callback],
            failure_config=tune.FailureConfig(max_failures=CRASHES),
            verbose=0,
        ),
    )
    try:
        tuner.fit()
    finally:
        shutil.rmtree(folder / name, ignore_errors=True)
    if search.given - callback.ended or not search.ended:
        raise KeyboardInterrupt


def _name(trial: Any) -> str:
    return f"{_fingerprint(trial)}-{trial.trial_id}"


def _fingerprint(trial: Any) -> str:
    fingerprint: str = trial.config["job"]
    return fingerprint


def _run_in_actor(config: dict[str, Any], tasks: Mapping[str, dict[str, Any]]) -> None:
    """A trial that runs in its own process, which the next trial uses again."""
    from orchestrator.schedule.worker_process import TrialRuntime, set_up_process

    set_up_process()
    task = Task.of(tasks[config["job"]])
    finished = run(task, TrialRuntime.current(system=task.system_metrics))
    tune.report({"finished": json.dumps(finished.plain())})


def _train_on_workers(plan: Plan, folder: Path, apart: frozenset[str]) -> Callable[..., None]:
    def drive(config: dict[str, Any], tasks: Mapping[str, dict[str, Any]]) -> None:
        if config["job"] in apart:
            _run_in_actor(config, tasks)
            return
        finished = run_on_workers(tasks[config["job"]], plan.workers, plan.gpus_per_worker, folder)
        tune.report({"finished": json.dumps(finished.plain())})

    return drive


class _EventCallback(tune.Callback):  # type: ignore[misc]  # Ray is untyped here
    """Turns Tune's callbacks into events."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self.on_event = on_event
        self.ended: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks for a restore, which is never made; `on_event` can't be pickled."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.on_event(Event(_fingerprint(trial)))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "finished" in result:
            self._end(trial, JobResult.of(json.loads(result["finished"])))
        elif "history" in result:
            for epoch, metrics in json.loads(result["history"]):
                self.on_event(Event(_fingerprint(trial), epoch, metrics, replayed=True))
        elif "epoch" in result:
            trial.run_metadata.num_failures = 0  # it goes on; a node that is lost costs an epoch, no more
            host = str(result.get("hostname", ""))
            metrics = json.loads(result["metrics"])
            self.on_event(Event(_fingerprint(trial), result["epoch"], metrics, host=host))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        if _fingerprint(trial) not in self.ended:
            last = str(trial.get_pickled_error() or "its process died")
            note = f"the trial was lost {CRASHES + 1} times in one epoch: {last}"
            self._end(trial, JobResult("failed", note=note))

    def _end(self, trial: Any, finished: JobResult) -> None:
        self.ended.add(_fingerprint(trial))
        self.on_event(Event(_fingerprint(trial), finished=finished))
