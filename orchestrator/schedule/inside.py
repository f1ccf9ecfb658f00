"""What a process of a trial knows of itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import ray
import torch
from ray import tune

from orchestrator.runtime import Alone


def quiet_process() -> None:
    """One thread a process: the scheduler shares out the CPUs, and thread pools would fight over them."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if torch.cuda.is_available():
        torch.backends.cudnn.deterministic = True


def own_device() -> torch.device:
    """The GPU that Ray gave to this process, or the CPU."""
    return torch.device("cuda", 0) if ray.get_gpu_ids() and torch.cuda.is_available() else torch.device("cpu")


@dataclass(frozen=True)
class InTrial(Alone):
    """A training inside a Tune trial's own actor: reports go to Tune."""

    @staticmethod
    def here() -> "InTrial":
        """For the calling process."""
        return InTrial(own_device())

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        """One result for Tune; told again after a crash, it is the same result again."""
        tune.report({"epoch": epoch, "metrics": json.dumps(metrics)})

    def recall(self, history: Sequence[tuple[int, dict[str, float]]]) -> None:
        """One result for all."""
        tune.report({"history": json.dumps(history)})
