"""Objectives without a flow, and the base of all; see objectives.py for what they share."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from pydantic import Field

from models.config import Frozen
from models.correlated import CorrelatedLoss
from models.density import DENSITIES, DensityName, laplace
from models.errors import ConfigError
from models.losses import ErrorLoss, LossModule, ScaledLoss


class Term(Frozen, ABC):
    """An objective, and what it needs of the model. One of your own has a `kind` and these two methods."""

    needs_scale: ClassVar[bool] = False
    needs_heatmap: ClassVar[bool] = False

    @property
    @abstractmethod
    def name(self) -> str:
        """As runs name the method."""

    @property
    def context(self) -> int:
        """How many numbers of each point it needs beside mu and sigma, of a regressor."""
        return 0

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


class BetaLaplace(Term):
    """A Laplace density with a predicted scale, each coordinate weighted by σ^β, which has no gradient.

    β-NLL (Seitzer et al., 2022) weights a Gaussian's by σ^2β, since its gradient at mu is of the size 1 / σ²;
    that of a Laplace density is 1 / σ. So β = 0 is the likelihood, and with β = 1 mu learns as from L1.
    """

    needs_scale: ClassVar[bool] = True

    kind: Literal["beta_laplace"] = "beta_laplace"
    beta: float = Field(default=0.5, ge=0, le=1)

    @property
    def name(self) -> str:
        """As runs name the method."""
        return f"Laplace, β = {self.beta:g}"

    def build(self, dim: int) -> ScaledLoss:
        """For points of any number of coordinates."""
        return ScaledLoss(laplace, self.beta)


class CorrelatedGaussian(Term):
    """A Gaussian of two coordinates with predicted scales and correlation (models/correlated.py)."""

    needs_scale: ClassVar[bool] = True

    kind: Literal["correlated_gaussian"] = "correlated_gaussian"

    @property
    def name(self) -> str:
        """As runs name the method."""
        return "Gaussian, correlated"

    @property
    def context(self) -> int:
        """The correlation, before tanh."""
        return 1

    def build(self, dim: int) -> CorrelatedLoss:
        """For points of two coordinates.

        Raises:
            ConfigError: `dim` is not 2.
        """
        self.check(dim)
        return CorrelatedLoss()

    def check(self, dim: int) -> None:
        """Raises ConfigError where `build` would."""
        if dim != 2:
            raise ConfigError(f"one correlation is for two coordinates, not {dim}", "correlated-dim")
