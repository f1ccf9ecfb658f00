"""Probes: measurements of a trained model, what they are given and what they return."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.contract import Data
from datasets.union import DataConfig
from orchestrator.config.experiment import Experiment
from orchestrator.config.fingerprint import Fingerprinted
from orchestrator.config.schedule import Schedule
from orchestrator.training.precision import in_bf16
from orchestrator.util.errors import UserError


class ProbeError(UserError):
    """Something can't be measured on this model; the message says what is wrong with it."""


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
    """Metrics for tables, and whatever the probe's figures are drawn from, ready for JSON."""

    metrics: dict[str, float]
    detail: dict[str, Any] = field(default_factory=dict)


def known_mean(values: NDArray[np.floating[Any]]) -> float:
    """The mean of what is finite; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


class Probe(Fingerprinted, ABC):
    """A measurement of a trained model; `kind` is its name in stores."""

    stage: ClassVar[Literal["probe"]] = "probe"
    epochs: ClassVar[int] = 0

    of: Experiment
    kind: str

    @abstractmethod
    def measure(self, model: TrainedModel) -> ProbeResult:
        """Measure the trained model of `of`."""

    @property
    def needs(self) -> tuple[Experiment, ...]:
        """The trainings that must have finished before, the first first."""
        return (*self.of.needs, self.of)

    @property
    def trained(self) -> Experiment:
        """The training whose model it measures."""
        return self.of

    @property
    def data(self) -> DataConfig:
        """What the model was trained on, on whose validation set it is measured."""
        return self.of.data

    @property
    def schedule(self) -> Schedule:
        """Of the training, in whose precision the model is measured."""
        return self.of.schedule

    @property
    def seed(self) -> int:
        """Of the trained model."""
        return self.of.seed

    def describe(self) -> str:
        """For example `density of RLE 3x64 on coco, seed 0`."""
        return f"{self.kind} of {self.of.describe()}"
