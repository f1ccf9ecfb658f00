"""What happens to jobs, tracked and displayed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rich.console import Console

from orchestrator.jobs.execute import JobResult
from orchestrator.jobs.job import Job
from orchestrator.jobs.labels import differing, distinct_names, parameters
from orchestrator.run.progress import Display
from orchestrator.run.settings import RunSettings
from orchestrator.schema.record import Record
from orchestrator.sweep.plan import Planned
from orchestrator.tracking.tracker import Tracker, TrackingError, TrialInfo
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.util import provenance
from orchestrator.util.redact import redacted

if TYPE_CHECKING:
    from orchestrator.schedule.claims import Claim
    from orchestrator.schedule.tune_trials import Event


@dataclass(frozen=True)
class Labels:
    """What tells jobs apart in lists, each by fingerprint."""

    names: Mapping[str, str]
    params: Mapping[str, dict[str, str]]  # the fields in which trainings differ
    tags: Mapping[str, dict[str, str]]  # of trainings, the tables that each serves


@dataclass(frozen=True)
class Ledger:
    """Passes the events of jobs to the tracker and the display."""

    tracker: Tracker
    display: Display
    jobs: Mapping[str, Job]
    labels: Labels
    settings: RunSettings
    world_size: int
    console: Console
    again: Mapping[str, str] = field(default_factory=dict)  # finished runs, by fingerprint, that do not count
    hosts: dict[str, str] = field(default_factory=dict)  # that run the jobs, as they were last recorded

    def claim(self, fingerprint: str) -> "Claim":
        """Ask for the lease on a job. Where the store does not answer, it is run: a sweep must not end with
        its store, and nobody else gets a lease there either."""
        claim = self._claim(fingerprint)
        if claim == "mine" and self.settings.fresh:
            Checkpoints(self.settings.storage).delete(fingerprint)
        return claim

    def _claim(self, fingerprint: str) -> "Claim":
        try:
            found = self.tracker.shared.claim(fingerprint, self.again.get(fingerprint, ""))
        except TrackingError as error:
            if error.code != "away":
                raise
            return "mine"
        if not isinstance(found, Record):
            return found
        assert found.status in ("finished", "diverged")
        return JobResult(found.status, dict(found.metrics), found.duration, found.note, found.warnings)

    def say_held(self, jobs: int) -> None:
        """That jobs are left which another sweep runs."""
        self.console.print(
            f"{jobs} jobs are being run by another sweep on this store (rle-lab status): waiting for them",
            soft_wrap=True,
        )

    def record(self, event: "Event") -> None:
        """One event, in order."""
        if event.finished is not None:
            self._end(event)
        elif event.epoch is not None and event.metrics is not None:
            if not event.replayed:
                self.display.epoch(event.fingerprint, event.epoch, event.metrics)
            self.tracker.epoch(event.fingerprint, event.epoch, event.metrics)
            if event.host and self.hosts.get(event.fingerprint) != event.host:
                self.hosts[event.fingerprint] = event.host
                self.tracker.tag(event.fingerprint, {"node": event.host})
        else:
            self.display.start(event.fingerprint)
            self.tracker.start(self._info(event.fingerprint))

    def give_up(self) -> None:
        """The process is about to end, from whatever thread: what runs is marked as interrupted."""
        self.console.show_cursor()
        self.tracker.close(hurry=True)

    def _end(self, event: "Event") -> None:
        assert event.finished is not None
        if event.elsewhere:
            self.display.end(event.fingerprint, event.finished)
            if not self.console.is_terminal:
                line = self.display.log_line(event.fingerprint)
                self.console.print(f"{line} (run by another sweep)", soft_wrap=True)
            return
        # A traceback may hold an address with its key.
        note = redacted(event.finished.note, self.settings.storage, self.settings.tracking_uri)
        result = replace(event.finished, note=note)
        self.display.end(event.fingerprint, result)
        if result.computed_with:
            sources = {"sources": result.sources} if result.sources else {}
            self.tracker.tag(event.fingerprint, {**result.computed_with, **sources})
        self.tracker.finish(
            event.fingerprint,
            result.status,
            result.metrics,
            result.duration,
            note=result.note,
            warnings=result.warnings,
            detail=result.detail,
        )
        if why := self.display.jobs[event.fingerprint].collapse:
            self.tracker.tag(event.fingerprint, {"collapsed": why})
        if not self.console.is_terminal:
            line = self.display.log_line(event.fingerprint, self.tracker.why_behind())
            self.console.print(line, soft_wrap=True)

    def _info(self, fingerprint: str) -> TrialInfo:
        job = self.jobs[fingerprint]
        training = job.stage == "training"
        tags = self.labels.tags.get(fingerprint, {})
        return TrialInfo(
            fingerprint=fingerprint,
            name=self.labels.names[fingerprint],
            group=group(self.settings, job),
            seed=job.seed,
            tags=tags,
            json=job.model_dump_json(indent=1),
            params={
                **self.labels.params.get(fingerprint, {}),
                **parameters(job, next(iter(tags.values()), "")),
            },
            headline=job.data.headline if training and job.data is not None else "",
            data="" if job.data is None else job.data.fingerprint(),
            commit=provenance.commit(),
            machine=provenance.machine(),
            world_size=self.world_size if training else 1,
            checkpoint=Checkpoints(self.settings.storage).path(fingerprint) if training else "",
            data_name=data_name(self.settings, job),
            data_folder=str(self.settings.data_root or ""),
            data_json="" if job.data is None else job.data.model_dump_json(),
        )


def data_name(settings: RunSettings, job: Job) -> str:
    """What MLflow's column of data sets shows; empty for random pictures."""
    if job.data is None:
        return ""
    root = settings.data_root
    return f"generated {job.data.name}" if root is None else f"{job.data.name} in {root.name}"


def group(settings: RunSettings, job: Job) -> str:
    """The MLflow experiment in which a job's run compares with others: for trainings one a data set and
    scale."""
    if job.stage != "training" or job.data is None:
        return "measurements"
    name = job.data.name if settings.data_root is None else settings.data_root.name
    return f"{name}-{settings.scale}"


def labels_of(planned: Sequence[Planned]) -> Labels:
    """Of every job behind the planned tables, those that are done included, so that names do not depend on
    what is."""
    jobs = {fp: job for p in planned for fp, job in p.jobs.items()}
    names = distinct_names(list(jobs.values()))
    return Labels(dict(zip(jobs, names, strict=True)), differing(jobs), table_tags(planned))


def table_tags(planned: Sequence[Planned]) -> dict[str, dict[str, str]]:
    """For each training, the tables that it serves and its row in each, as `table.1=3x64`."""
    tags: dict[str, dict[str, str]] = {}
    for p in planned:
        for fingerprint, row in p.rows.items():
            tags.setdefault(fingerprint, {})[f"table.{p.declaration.table}"] = row
    return tags
