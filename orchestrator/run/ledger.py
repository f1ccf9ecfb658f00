"""What happens to jobs, written down and shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console

from orchestrator.config.experiment import Experiment, StepTiming
from orchestrator.config.fingerprint import flatten
from orchestrator.jobs.describe import describe
from orchestrator.jobs.union import Job
from orchestrator.run.progress import Display, ended
from orchestrator.run.settings import RunSettings
from orchestrator.schedule.tune_trials import Event
from orchestrator.tracking.tracker import Tracker, TrialInfo
from orchestrator.util import provenance


@dataclass(frozen=True)
class Ledger:
    """Hears what happens to jobs, writes it down and shows it."""

    tracker: Tracker
    display: Display
    jobs: Mapping[str, Job]
    tags: Mapping[str, dict[str, str]]
    options: RunSettings
    world_size: int
    console: Console

    def hear(self, event: Event) -> None:
        """One event, in order."""
        if event.finished is not None:
            self._end(event)
        elif event.epoch is not None and event.metrics is not None:
            if not event.recalled:
                self.display.epoch(event.fingerprint, event.epoch, event.metrics)
            self.tracker.epoch(event.fingerprint, event.epoch, event.metrics)
        else:
            self.display.start(event.fingerprint)
            self.tracker.start(self._info(event.fingerprint))

    def _end(self, event: Event) -> None:
        finished = event.finished
        assert finished is not None
        self.display.end(event.fingerprint, finished)
        self.tracker.finish(
            event.fingerprint,
            finished.status,
            finished.metrics,
            finished.duration,
            note=finished.note,
            warnings=finished.warnings,
            detail=finished.detail,
        )
        if not self.console.is_terminal:
            self.console.print(ended(self.display, event.fingerprint), highlight=False, soft_wrap=True)

    def _info(self, fingerprint: str) -> TrialInfo:
        from orchestrator.training.checkpoint import Checkpoints

        job = self.jobs[fingerprint]
        training = isinstance(job, Experiment)
        return TrialInfo(
            fingerprint=fingerprint,
            name=describe(job),
            group=group(self.options, job) if isinstance(job, Experiment) else "measurements",
            seed=job.seed,
            params=flatten(job),
            tags=self.tags.get(fingerprint, {}),
            json=job.model_dump_json(indent=1),
            data=_data(job),
            commit=provenance.commit(),
            machine=provenance.machine(),
            world_size=self.world_size if training else 1,
            checkpoint=Checkpoints(self.options.storage).path(fingerprint) if training else "",
        )


def _data(job: Job) -> str:
    """The fingerprint of what the job sees; empty for a timing of random pictures."""
    match job:
        case Experiment():
            return job.data.fingerprint()
        case StepTiming():
            return ""
        case _:
            return job.of.data.fingerprint()


def group(options: RunSettings, job: Experiment) -> str:
    """The MLflow experiment in which a training's runs compare: one a data set and scale."""
    name = job.data.name if options.data_root is None else options.data_root.name
    return f"{name}-{options.scale}"
