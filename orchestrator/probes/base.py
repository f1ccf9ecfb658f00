"""What a probe of a trained model is given, and what it gives back."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from datasets.contract import Data
from models.config import Frozen
from orchestrator.config.experiment import Experiment
from orchestrator.config.fingerprint import digest, essence
from orchestrator.training.precision import in_bf16


@dataclass(frozen=True)
class TrainedModel:
    """A trained model and what it was trained on."""

    experiment: Experiment
    net: nn.Module  # what `experiment.model` builds, in evaluation mode, on the device
    objective: nn.Module  # what `experiment.objective` builds, the flow with it
    data: Data
    device: torch.device

    @property
    def bf16(self) -> bool:
        """Whether the net's trunk runs in bf16, as it did in evaluation."""
        return in_bf16(self.experiment.schedule, self.device)


@dataclass(frozen=True)
class ProbeResult:
    """What a probe found: numbers for tables, and whatever its figures are drawn from, ready for JSON."""

    metrics: dict[str, float]
    detail: dict[str, Any] = field(default_factory=dict)


class OfTrained(Frozen):
    """The part that every probe of a trained model has: which one."""

    of: Experiment

    @property
    def seed(self) -> int:
        """Of the trained model."""
        return self.of.seed

    def fingerprint(self) -> str:
        """16 hex digits: of the model, and of how it is looked at."""
        return digest({**essence(self), "of": self.of.fingerprint()})
