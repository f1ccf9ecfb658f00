"""Running one job, wherever that is: what a trial gets, and what it says."""

import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from datasets.contract import Place
from datasets.errors import DataError
from models.backbones import WeightsError
from orchestrator.checkpoints import CheckpointError, Checkpoints
from orchestrator.experiment import Experiment, Job, StepCost
from orchestrator.fit import fit
from orchestrator.probes import measure
from orchestrator.runtime import Runtime

_JOB: TypeAdapter[Job] = TypeAdapter(Experiment | StepCost)


@dataclass(frozen=True)
class Finished:
    """How a job ended."""

    status: Literal["finished", "diverged", "failed"]
    metrics: dict[str, float] = field(default_factory=dict)
    duration: float = 0.0
    note: str = ""
    alarms: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As it travels between processes."""
        return {**asdict(self), "alarms": list(self.alarms)}

    @staticmethod
    def of(plain: dict[str, Any]) -> "Finished":
        """Read what `plain` wrote."""
        return Finished(**{**plain, "alarms": tuple(plain["alarms"])})


@dataclass(frozen=True)
class Task:
    """A job and where its data and checkpoints lie: everything that a process far away needs."""

    job: Job
    place: Place
    storage: str

    def plain(self) -> dict[str, Any]:
        """As it travels between processes."""
        return {
            "job": self.job.model_dump_json(),
            "cache": str(self.place.cache),
            "root": None if self.place.root is None else str(self.place.root),
            "storage": self.storage,
        }

    @staticmethod
    def of(plain: dict[str, Any]) -> "Task":
        """Read what `plain` wrote."""
        from pathlib import Path

        root = plain["root"]
        place = Place(Path(plain["cache"]), None if root is None else Path(root))
        return Task(_JOB.validate_json(plain["job"]), place, plain["storage"])


def run(task: Task, runtime: Runtime) -> Finished:
    """Run a job to its end. What the job itself does wrong ends it as failed; a killed process is for
    the scheduler to repeat."""
    return _guarded(lambda: _run(task, runtime))


def _run(task: Task, runtime: Runtime) -> Finished:
    if isinstance(task.job, StepCost):
        return Finished("finished", measure(task.job, runtime.device))
    data = task.job.data.open(task.place, task.job.seed)
    outcome = fit(task.job, data, runtime, Checkpoints(task.storage))
    return Finished(outcome.status, outcome.metrics, outcome.duration, outcome.note, outcome.alarms)


def _guarded(work: Callable[[], Finished]) -> Finished:
    try:
        return work()
    except (DataError, CheckpointError, WeightsError) as error:
        return Finished("failed", note=str(error))
    except Exception:
        # One broken trial must not take the other trials of the sweep with it.
        return Finished("failed", note=traceback.format_exc(limit=-8))
