"""One trial on several Ray Train workers."""

import json
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray.train
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer, get_device
from ray.train.v2.api.exceptions import TrainingFailedError
from ray.tune.integration.ray_train import TuneReportCallback

from orchestrator.jobs.execute import JobResult, Task, run
from orchestrator.schedule.cluster import WORKER_CPU
from orchestrator.training.checkpoint import CheckpointError, Checkpoints, read_checkpoint
from orchestrator.training.runtime import Distributed

LOST_WORKERS = 3
"""How often the group of workers starts again, from the last checkpoint, after it lost one without having
done an epoch in between."""


class JobFailedError(Exception):
    """A job failed by its own fault; the text is the note of its result."""


@dataclass(frozen=True)
class WorkerRuntime(Distributed):
    """One of the Ray Train workers of a trial: rank 0's reports are passed to Tune."""

    system: bool = False  # whether they tell how busy the machine is

    @staticmethod
    def current(*, system: bool) -> "WorkerRuntime":
        """For the calling worker."""
        from orchestrator.util import system_metrics

        system_metrics.begin()
        context = ray.train.get_context()
        device = get_device()
        loaders = 4 if device.type == "cuda" else 0
        return WorkerRuntime(device, context.get_world_rank(), context.get_world_size(), loaders, system)

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        """A barrier: every worker waits for the others."""
        from orchestrator.schedule.worker_process import reported

        ray.train.report(reported(epoch, metrics, system=self.system))

    def replay(self, history: Sequence[tuple[int, dict[str, float]]]) -> None:
        """A barrier too."""
        ray.train.report({"history": json.dumps(history)})


def run_on_workers(task: dict[str, Any], workers: int, gpus_per_worker: float, folder: Path) -> JobResult:
    """Start a group of workers, wait for its end, and return how it ended. Runs inside a Tune trial.

    The checkpoint is found by the fingerprint, so that a group that starts again resumes where the last
    one was.
    """
    checkpoint = Checkpoints(task["storage"]).path(Task.of(task).job.fingerprint())
    while True:
        began = _epoch(checkpoint)
        try:
            return JobResult.of(_run_group(task, workers, gpus_per_worker, folder))
        except TrainingFailedError as error:
            if _notes(error) or _epoch(checkpoint) <= began:
                return JobResult("failed", note=min(_notes(error), key=_is_trace, default=str(error)))


def _epoch(checkpoint: str) -> int:
    """How many are done."""
    with suppress(CheckpointError):
        return read_checkpoint(checkpoint, weights=False).progress.epoch
    return 0


def _run_group(task: dict[str, Any], workers: int, gpus_per_worker: float, folder: Path) -> dict[str, Any]:
    """The result of the worker of rank 0.

    Raises:
        TrainingFailedError: the job failed by its own fault, or workers were lost too often.
    """
    # A new name each time, so that Train takes up nothing of a group that was killed.
    name = f"{Task.of(task).job.fingerprint()}-{uuid.uuid4().hex[:8]}"
    trainer = TorchTrainer(
        # Not as `train_loop_config`, which Ray keeps and shows: the storage's address may hold a key.
        lambda: _worker(task),
        # NCCL refuses two workers on one GPU.
        torch_config=TorchConfig(backend="nccl" if gpus_per_worker >= 1 else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=workers,
            use_gpu=gpus_per_worker > 0,
            resources_per_worker={"CPU": WORKER_CPU, **({"GPU": gpus_per_worker} if gpus_per_worker else {})},
        ),
        run_config=RunConfig(
            name=name,
            storage_path=str(folder),
            failure_config=FailureConfig(max_failures=LOST_WORKERS),
            callbacks=[TuneReportCallback()],
        ),
    )
    try:
        found: dict[str, Any] = trainer.fit().return_value
        return found
    finally:
        shutil.rmtree(folder / name, ignore_errors=True)


def _notes(error: TrainingFailedError) -> list[str]:
    """Those of workers whose job failed by its own fault."""
    failures = getattr(error, "worker_failures", {}).values()
    causes = [getattr(failure, "_base_exc", failure) for failure in failures]  # as Ray wraps them
    return [str(cause) for cause in causes if isinstance(cause, JobFailedError)]


def _is_trace(note: str) -> bool:
    """Of several workers' notes a sentence goes first: a traceback may only say that another is gone."""
    return "Traceback" in note


def _worker(task: dict[str, Any]) -> dict[str, Any]:
    from orchestrator.schedule.worker_process import set_up_process

    set_up_process()
    job = Task.of(task)
    runtime = WorkerRuntime.current(system=job.system_metrics)
    finished = run(job, runtime)
    if finished.status == "failed" and runtime.world_size > 1:
        # Raised, not returned: the other workers wait for this one in a collective and must be ended too.
        raise JobFailedError(finished.note)
    return finished.plain()
