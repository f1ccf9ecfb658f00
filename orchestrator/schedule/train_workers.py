"""One trial on several Ray Train workers."""

import json
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray.train
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer, get_device
from ray.train.v2.api.exceptions import TrainingFailedError
from ray.tune.integration.ray_train import TuneReportCallback

from orchestrator.jobs.execute import JobResult, Task, run
from orchestrator.schedule.cluster import WORKER_CPU
from orchestrator.training.runtime import Distributed

LOST_WORKERS = 3
"""How often the group of workers starts again, from the last checkpoint, after it lost one."""


class JobFailedError(Exception):
    """A job failed by its own fault; the text is the note of its result."""


class WorkerRuntime(Distributed):
    """One of the Ray Train workers of a trial: rank 0's reports are passed to Tune."""

    @staticmethod
    def current() -> "WorkerRuntime":
        """For the calling worker."""
        context = ray.train.get_context()
        device = get_device()
        loaders = 4 if device.type == "cuda" else 0
        return WorkerRuntime(device, context.get_world_rank(), context.get_world_size(), loaders)

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        """A barrier: every worker waits for the others."""
        ray.train.report({"epoch": epoch, "metrics": json.dumps(metrics)})

    def replay(self, history: Sequence[tuple[int, dict[str, float]]]) -> None:
        """A barrier too."""
        ray.train.report({"history": json.dumps(history)})


def run_on_workers(task: dict[str, Any], workers: int, gpus_per_worker: float, folder: Path) -> JobResult:
    """Start a group of workers, wait for its end, and return how it ended. Runs inside a Tune trial.

    The checkpoint is found by the fingerprint, so that a group that starts again resumes where the last
    one was.
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
        return JobResult.of(trainer.fit().return_value)
    except TrainingFailedError as error:
        return JobResult("failed", note=_note(error))
    finally:
        shutil.rmtree(folder / name, ignore_errors=True)


def _note(error: TrainingFailedError) -> str:
    """The note of a job that failed by its own fault, else the group's error. Of several workers' notes a
    sentence goes first: a traceback may only say that another worker is gone."""
    failures = getattr(error, "worker_failures", {}).values()
    causes = [getattr(failure, "_base_exc", failure) for failure in failures]  # as Ray wraps them
    notes = [str(cause) for cause in causes if isinstance(cause, JobFailedError)]
    return min(notes, key=lambda note: "Traceback" in note, default=str(error))


def _worker(task: dict[str, Any]) -> dict[str, Any]:
    from orchestrator.schedule.worker_process import set_up_process

    set_up_process()
    runtime = WorkerRuntime.current()
    finished = run(Task.of(task), runtime)
    if finished.status == "failed" and runtime.world_size > 1:
        # Raised, not returned: the other workers wait for this one in a collective and must be ended too.
        raise JobFailedError(finished.note)
    return finished.plain()
