"""How a trial's process is set up, and how a training in it reports to Tune."""

import ctypes
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import ray
import torch
from ray import tune

from orchestrator.training.precision import exact_convolutions
from orchestrator.training.runtime import SingleProcess
from orchestrator.util import system_metrics

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""


def set_up_process() -> None:
    """One thread a process, as the scheduler shares out the CPUs; exact convolutions on a GPU."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    keep_freed_memory()
    exact_convolutions()


def keep_freed_memory() -> None:
    """Have glibc keep what is freed, where there is glibc. A training frees the same blocks step after step;
    fetching them from the kernel again takes a twentieth of a step where several processes do so at once."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 32 << 20)  # the largest that it takes
        mallopt(M_TRIM_THRESHOLD, 1 << 30)


def own_device() -> torch.device:
    """The GPU that Ray gave to this process, or the CPU."""
    return torch.device("cuda", 0) if ray.get_gpu_ids() and torch.cuda.is_available() else torch.device("cpu")


def reported(epoch: int, metrics: dict[str, float], *, system: bool) -> dict[str, Any]:
    """What travels of an epoch.

    Args:
        system: whether how busy the machine is goes with it.
    """
    found = metrics | system_metrics.system_metrics() if system else metrics
    return {"epoch": epoch, "metrics": json.dumps(found)}


@dataclass(frozen=True)
class TrialRuntime(SingleProcess):
    """A training inside a Tune trial's own actor: reports go to Tune."""

    system: bool = False  # whether they tell how busy the machine is

    @staticmethod
    def current(*, system: bool) -> "TrialRuntime":
        """For the calling process."""
        system_metrics.begin()
        return TrialRuntime(own_device(), system=system)

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        """One result for Tune; reported again after a crash, it is the same result again."""
        tune.report(reported(epoch, metrics, system=self.system))

    def replay(self, history: Sequence[tuple[int, dict[str, float]]]) -> None:
        """One result for all."""
        tune.report({"history": json.dumps(history)})
