"""What all rounds of a run share, and running the jobs of one."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rich.console import Console

from datasets.base.data_set import Contents
from datasets.union import DataConfig
from orchestrator.config.initial_weights import check_weights
from orchestrator.jobs.execute import Task
from orchestrator.jobs.job import Job
from orchestrator.run.ledger import Labels, Ledger, group, labels_of
from orchestrator.run.progress import Display, JobProgress, live_view
from orchestrator.run.settings import RunSettings
from orchestrator.schema.record import Record
from orchestrator.sweep.plan import Planned
from orchestrator.sweep.sweep import Table
from orchestrator.tracking.tracker import Tracker
from orchestrator.util import provenance
from orchestrator.util.terminal import bar

if TYPE_CHECKING:
    from orchestrator.schedule.cluster import Plan

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Session:
    """What all rounds of a run share."""

    tables: Sequence[Table]
    settings: RunSettings
    tracker: Tracker
    contents: Contents
    console: Console
    ran: set[str] = field(default_factory=set)  # fingerprints, so that --fresh runs each job once
    prepared: set[DataConfig] = field(default_factory=set)


def missing_jobs(jobs: Mapping[str, Job], known: Mapping[str, Record], fresh: Set[str]) -> dict[str, Job]:
    """The jobs to run: those without a result, or that are to have a fresh one.

    Not those that need a training which diverged before and is not run again.
    """
    missing = {fp: job for fp, job in jobs.items() if fp in fresh or fp not in known or not known[fp].done}

    def can_run(job: Job) -> bool:
        needs = [experiment.fingerprint() for experiment in job.needs]
        return all(fp in missing or fp not in known or known[fp].status != "diverged" for fp in needs)

    return {fp: job for fp, job in missing.items() if can_run(job)}


def run_jobs(
    jobs: Mapping[str, Job],
    planned: Sequence[Planned],
    session: Session,
    *,
    again: Mapping[str, str] = NOTHING,
    until: Mapping[str, int] = NOTHING,
) -> None:
    """Prepare their data and run jobs.

    Args:
        planned: all tables of the round, which give the jobs their names.
        again: the runs of those that have finished before, and are to have fresh ones.
        until: the epoch after which a training stops; the others run to their end.
    """
    from orchestrator.schedule.tune_trials import run_trials

    settings, tracker, console = session.settings, session.tracker, session.console
    tracker.reserve(group(settings, job) for job in jobs.values())
    _prepare(jobs, session)
    plan = _connected(settings, console)
    labels = labels_of(planned)
    display = _display(jobs, labels, until, settings.scale)
    ledger = Ledger(tracker, display, jobs, labels, settings, plan.workers or 1, console, again)
    tracker.shared.announce(planned[0].declaration.command, {fp: labels.names[fp] for fp in jobs})
    with live_view(display, console):
        run_trials(
            _tasks(jobs, settings, until),
            plan,
            settings.cache.parent / "ray",
            ledger.record,
            ledger.give_up,
            ledger.claim,
            ledger.say_held,
        )


def _connected(settings: RunSettings, console: Console) -> "Plan":
    """Start or join Ray; how trials run there."""
    from orchestrator.schedule import cluster
    from orchestrator.schedule.connection import connect

    with console.status("starting Ray"):
        connect()
        plan = cluster.plan(settings.resources)
    if plan.waits:
        console.print(cluster.waiting(plan), soft_wrap=True)
    return plan


def _tasks(jobs: Mapping[str, Job], settings: RunSettings, until: Mapping[str, int]) -> list[Task]:
    sources, loads = provenance.imported_sources(), settings.system_metrics
    return [
        Task(job, settings.paths, settings.storage, sources, until.get(fp), loads) for fp, job in jobs.items()
    ]


def _display(jobs: Mapping[str, Job], labels: Labels, until: Mapping[str, int], scale: str) -> Display:
    shown = {
        fp: JobProgress(labels.names[fp], until.get(fp, job.epochs), job.data.headline if job.data else "")
        for fp, job in jobs.items()
    }
    return Display(shown, scale)


def _prepare(jobs: Mapping[str, Job], session: Session) -> None:
    console = session.console
    trainings = [job.trained for job in jobs.values() if job.trained is not None]
    check_weights(trainings)
    summaries = []
    # Not by fingerprint, which is the source's alone: another augmentation may need another pack of it.
    for data in dict.fromkeys(e.data for e in trainings if e.data not in session.prepared):
        with bar(console, f"preparing {data.name}") as advance:
            counts = data.prepare(session.settings.paths, advance, session.contents)
        session.prepared.add(data)
        summaries.append(f"{data.name}: {counts.sentence()}")
    for summary in dict.fromkeys(summaries):
        console.print(summary)
