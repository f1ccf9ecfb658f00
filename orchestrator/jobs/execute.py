"""Running one job in whatever process: what a trial gets, and what it returns."""

import fcntl
import json
import re
import socket
import time
import traceback
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch

from datasets.contract import Data, DataPaths
from datasets.io.errors import NotPreparedError
from datasets.union import DataConfig
from orchestrator.config.experiment import Experiment
from orchestrator.jobs.job import Job, read_job
from orchestrator.probes.base import Probe, TrainedModel
from orchestrator.probes.step_time import StepTiming
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.module import restored
from orchestrator.training.precision import arithmetic, in_bf16
from orchestrator.training.runtime import Runtime
from orchestrator.training.trainer import fit
from orchestrator.util import provenance
from orchestrator.util.busy import watched
from orchestrator.util.errors import UserError
from orchestrator.util.own_code import OwnCode, own_codes


@dataclass(frozen=True)
class JobResult:
    """How a job ended; or that it was stopped where its task says, to go on another time."""

    status: Literal["finished", "diverged", "stopped", "failed"]
    metrics: dict[str, float] = field(default_factory=dict)
    duration: float = 0.0
    note: str = ""
    warnings: tuple[str, ...] = ()
    detail: str = ""  # JSON: what a probe measured beside its metrics
    # Precision, processor, torch and machine, and the code of classes of one's own.
    computed_with: dict[str, str] = field(default_factory=dict)
    sources: str = ""  # of the code that ran it, and where they lie

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
    paths: DataPaths
    storage: str
    sources: str = ""  # of the code that is to run it, as `provenance.imported_sources`; empty for any
    until: int | None = None  # the epoch after which a training is stopped; None for its end
    system_metrics: bool = False  # whether a training reports how busy its machine is

    def plain(self) -> dict[str, Any]:
        """As it travels between processes."""
        return {
            "job": self.job.model_dump_json(),
            "cache": str(self.paths.cache),
            "root": None if self.paths.root is None else str(self.paths.root),
            "pack": self.paths.pack,
            "storage": self.storage,
            "sources": self.sources,
            "until": self.until,
            "system_metrics": self.system_metrics,
            "code": [asdict(code) for code in own_codes(self.job)],
        }

    @staticmethod
    def of(plain: dict[str, Any]) -> "Task":
        """Read what `plain` wrote, after loading the code of classes of one's own that it came with."""
        for code in plain["code"]:
            OwnCode(**code).load()
        root = plain["root"]
        paths = DataPaths(Path(plain["cache"]), None if root is None else Path(root), plain["pack"])
        rest = plain["sources"], plain["until"], plain["system_metrics"]
        return Task(read_job(plain["job"]), paths, plain["storage"], *rest)


def run(task: Task, runtime: Runtime) -> JobResult:
    """Run a job to its end. What the job itself does wrong ends it as failed; a killed process is for
    the scheduler to repeat."""
    ran = provenance.imported_sources()
    if (note := other_sources(ran, task.sources)) is not None:
        return JobResult("failed", note=note, sources=ran)
    try:
        return replace(_run(task, runtime), sources=ran, computed_with=_computed_with(task.job, runtime))
    except UserError as error:
        return JobResult("failed", note=str(error), sources=ran)
    except Exception as error:
        # One broken trial must not take the other trials of the sweep with it.
        note = _out_of_memory(error) or traceback.format_exc(limit=-8)
        return JobResult("failed", note=note, sources=ran)


def other_sources(ran: str, wanted: str) -> str | None:
    """A sentence where other sources ran a job than were to (`provenance.imported_sources`), else None.

    Args:
        ran: those that ran it; empty where it does not say, as older code.
        wanted: the driver's; empty for any.
    """
    if not wanted or ran.partition(" ")[0] == wanted.partition(" ")[0]:
        return None
    return (
        f"a trial ran other code than this sweep: its sources are {ran or 'of an older version'}, "
        f"the sweep's {wanted}. Check PYTHONPATH on {socket.gethostname()} and other nodes, or submit it "
        "with `ray job submit --working-dir .`"
    )


def _out_of_memory(error: Exception) -> str | None:
    """A sentence where PyTorch could not allocate a tensor, else None."""
    if isinstance(error, torch.OutOfMemoryError):
        place, remedy = "the GPU's", "one trial a GPU (--gpus-per-worker 1)"
    elif isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error):
        place, remedy = "this machine's", "fewer trials at once (--concurrent 1)"
    else:
        return None
    wanted = re.search(r"tried to allocate ([\d.]+ \w+)", str(error), re.IGNORECASE)
    size = f" ({wanted[1]} more were needed)" if wanted else ""
    return (
        f"{place} memory is full{size}. Use more --workers, so that each takes a smaller part of a batch, "
        f"or {remedy}."
    )


def _computed_with(job: Job, runtime: Runtime) -> dict[str, str]:
    bf16 = in_bf16(job.schedule, runtime.device)
    code = ", ".join(f"{own.module} {own.digest}" for own in own_codes(job))
    own = {"code": code} if code else {}
    return {**arithmetic(bf16, runtime.device), "machine": provenance.machine(), **own}


def _run(task: Task, runtime: Runtime) -> JobResult:
    checkpoints = Checkpoints(task.storage)
    match task.job:
        case Experiment() as experiment:
            data = open_data(experiment.data, task.paths, experiment.seed)
            outcome = fit(experiment, data, runtime, checkpoints, task.until)
            return JobResult(
                outcome.status, outcome.metrics, outcome.duration, outcome.note, outcome.warnings
            )
        case StepTiming() as timing:
            with watched() as others:
                metrics = timing.measure(runtime.device)
            return JobResult("finished", metrics, warnings=others.warnings())
        case Probe() as probe:
            began = time.perf_counter()
            found = probe.measure(trained_model(probe.of, task.paths, runtime.device, checkpoints))
            duration = time.perf_counter() - began
            return JobResult("finished", found.metrics, duration, detail=json.dumps(found.detail))
        case job:
            raise TypeError(f"no way to run {type(job).__name__}")


def open_data(config: DataConfig, paths: DataPaths, seed: int) -> Data:
    """The data of a job; prepared first where this node has no copy yet, as without a shared folder.

    One process of a node prepares while the others wait for it.

    Raises:
        DataError: they can't be prepared here.
    """
    try:
        return config.open(paths, seed)
    except NotPreparedError:
        paths.cache.mkdir(parents=True, exist_ok=True)
        with (paths.cache / "preparing.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            config.prepare(paths)
        return config.open(paths, seed)


def trained_model(
    experiment: Experiment, paths: DataPaths, device: torch.device, checkpoints: Checkpoints
) -> TrainedModel:
    """A trained model in evaluation mode on the device, with its data.

    Raises:
        CheckpointError: it has not been trained, or its checkpoint lies elsewhere.
        DataError: its data can't be prepared here.
    """
    checkpoint = checkpoints.load_finished(experiment)
    module = restored(checkpoint, checkpoints.path(experiment.fingerprint())).to(device).eval()
    data = open_data(experiment.data, paths, experiment.seed)
    return TrainedModel(experiment, module.model, module.objective, data, device)
