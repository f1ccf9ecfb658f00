"""Objectives without a flow, and the base of all; see objectives.py for what they share."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch

from models.config import Frozen
from models.density import DENSITIES, DensityName
from models.losses import ErrorLoss, LossModule, ScaledLoss


class Term(Frozen, ABC):
    """An objective, and what it needs of the model. One of your own has a `kind` and these two methods."""

    needs_scale: ClassVar[bool] = False
    needs_heatmap: ClassVar[bool] = False

    @property
    @abstractmethod
    def name(self) -> str:
        """As runs name the method."""

    @abstractmethod
    def build(self, dim: int) -> LossModule:
        """The loss for points of `dim` coordinates.

        Raises:
            ConfigError: there is none for them.
        """

    def check(self, dim: int) -> None:
        """Raises ConfigError where `build` would for points of at least two coordinates."""


class L1(Term):
    """Direct regression: Σ |mu_hat - mu|."""

    kind: Literal["l1"] = "l1"

    @property
    def name(self) -> str:
        """As runs name the method."""
        return "L1"

    def build(self, dim: int) -> ErrorLoss:
        """For points of any number of coordinates."""
        return ErrorLoss(torch.abs)


class L2(Term):
    """Direct regression: Σ (mu_hat - mu)²."""

    kind: Literal["l2"] = "l2"

    @property
    def name(self) -> str:
        """As runs name the method."""
        return "L2"

    def build(self, dim: int) -> ErrorLoss:
        """For points of any number of coordinates."""
        return ErrorLoss(torch.square)


class LearnedScale(Term):
    """-log of a Laplace or Gaussian density whose scale is predicted: Σ (-log Q(x) + log σ), Q standard."""

    needs_scale: ClassVar[bool] = True

    kind: Literal["learned_scale"] = "learned_scale"
    density: DensityName = "laplace"

    @property
    def name(self) -> str:
        """As runs name the method."""
        return f"{self.density.capitalize()}, learned scale"

    def build(self, dim: int) -> ScaledLoss:
        """For points of any number of coordinates."""
        return ScaledLoss(DENSITIES[self.density])
