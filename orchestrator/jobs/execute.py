"""Running one job, wherever that is: what a trial gets, and what it says."""

import fcntl
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from pydantic import TypeAdapter

from datasets.contract import Data, DataPaths
from datasets.io.errors import NotPreparedError
from datasets.union import DataConfig
from orchestrator.config.experiment import Experiment, StepTiming
from orchestrator.jobs.union import Job
from orchestrator.probes.base import TrainedModel
from orchestrator.probes.step_time import measure
from orchestrator.probes.union import Probe
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.runtime import Runtime
from orchestrator.training.trainer import TrainingModule, fit, trained_state
from orchestrator.util.errors import UserError

_JOB: TypeAdapter[Job] = TypeAdapter(Job)


@dataclass(frozen=True)
class JobResult:
    """How a job ended."""

    status: Literal["finished", "diverged", "failed"]
    metrics: dict[str, float] = field(default_factory=dict)
    duration: float = 0.0
    note: str = ""
    warnings: tuple[str, ...] = ()
    detail: str = ""  # JSON: what a probe found beside its numbers

    def plain(self) -> dict[str, Any]:
        """As it travels between processes."""
        return {**asdict(self), "warnings": list(self.warnings)}

    @staticmethod
    def of(plain: dict[str, Any]) -> "JobResult":
        """Read what `plain` wrote."""
        return JobResult(**{**plain, "warnings": tuple(plain["warnings"])})


@dataclass(frozen=True)
class Task:
    """A job and where its data and checkpoints lie: everything that a process far away needs."""

    job: Job
    place: DataPaths
    storage: str

    def plain(self) -> dict[str, Any]:
        """As it travels between processes."""
        return {
            "job": self.job.model_dump_json(),
            "cache": str(self.place.cache),
            "root": None if self.place.root is None else str(self.place.root),
            "pack": self.place.pack,
            "storage": self.storage,
        }

    @staticmethod
    def of(plain: dict[str, Any]) -> "Task":
        """Read what `plain` wrote."""
        from pathlib import Path

        root = plain["root"]
        place = DataPaths(Path(plain["cache"]), None if root is None else Path(root), plain["pack"])
        return Task(_JOB.validate_json(plain["job"]), place, plain["storage"])


def run(task: Task, runtime: Runtime) -> JobResult:
    """Run a job to its end. What the job itself does wrong ends it as failed; a killed process is for
    the scheduler to repeat."""
    return _guarded(lambda: _run(task, runtime))


def _run(task: Task, runtime: Runtime) -> JobResult:
    job = task.job
    if isinstance(job, StepTiming):
        return JobResult("finished", measure(job, runtime.device))
    checkpoints = Checkpoints(task.storage)
    if isinstance(job, Experiment):
        outcome = fit(job, opened(job.data, task.place, job.seed), runtime, checkpoints)
        return JobResult(outcome.status, outcome.metrics, outcome.duration, outcome.note, outcome.warnings)
    return _probe(job, task.place, runtime, checkpoints)


def _probe(probe: Probe, place: DataPaths, runtime: Runtime, checkpoints: Checkpoints) -> JobResult:
    began = time.perf_counter()
    found = probe.measure(subject(probe.of, place, runtime.device, checkpoints))
    return JobResult("finished", found.metrics, time.perf_counter() - began, detail=json.dumps(found.detail))


def opened(config: DataConfig, place: DataPaths, seed: int) -> Data:
    """The data; made ready first where this node has no copy yet, as without a folder that all nodes see.

    One process of a node prepares while the others wait for it.

    Raises:
        DataError: they can't be prepared here.
    """
    try:
        return config.open(place, seed)
    except NotPreparedError:
        place.cache.mkdir(parents=True, exist_ok=True)
        with (place.cache / "preparing.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            config.prepare(place)
        return config.open(place, seed)


def subject(
    experiment: Experiment, place: DataPaths, device: torch.device, checkpoints: Checkpoints
) -> TrainedModel:
    """A trained model, ready to be looked at, with its data.

    Raises:
        CheckpointError: it has not been trained, or its checkpoint lies elsewhere.
        DataError: its data can't be prepared here.
    """
    trainee = TrainingModule(experiment, pretrained=False)
    trainee.load_state_dict(trained_state(experiment, checkpoints))
    trainee.to(device).eval()
    data = opened(experiment.data, place, experiment.seed)
    return TrainedModel(experiment, trainee.model, trainee.objective, data, device)


def _guarded(work: Callable[[], JobResult]) -> JobResult:
    try:
        return work()
    except UserError as error:
        return JobResult("failed", note=str(error))
    except Exception:
        # One broken trial must not take the other trials of the sweep with it.
        return JobResult("failed", note=traceback.format_exc(limit=-8))
