"""Objectives: what a regressor is trained towards. Frozen values, each beside the module that it builds.

Every module is called with mu (B, P, D), sigma (B, P, D) or None, target and weight (B, P, D), step and seed,
and returns a `Loss`: the sum over points and coordinates, the mean over the batch. Coordinates of weight 0
are left out before any arithmetic, so that nothing in them, a NaN included, reaches the loss or a gradient. A
loss that is not finite is returned as it is, and a negative one is normal, as densities exceed 1.
"""

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, PositiveInt, model_validator

from models.config import Frozen
from models.conventions import ConventionName, Formula
from models.density import DENSITIES, DensityName
from models.flow import Flow
from models.likelihood import LikelihoodLoss, Normaliser
from models.losses import ErrorLoss, Loss, ScaledLoss

__all__ = ["DLE", "L1", "L2", "RLE", "LearnedScale", "Loss", "Objective"]


class L1(Frozen):
    """Direct regression: Σ |mu_hat - mu|."""

    needs_scale: ClassVar[bool] = False
    uses_flow: ClassVar[bool] = False

    kind: Literal["l1"] = "l1"

    def build(self, dim: int) -> ErrorLoss:
        """For points of `dim` coordinates; any number will do."""
        return ErrorLoss(torch.abs)


class L2(Frozen):
    """Direct regression: Σ (mu_hat - mu)²."""

    needs_scale: ClassVar[bool] = False
    uses_flow: ClassVar[bool] = False

    kind: Literal["l2"] = "l2"

    def build(self, dim: int) -> ErrorLoss:
        """For points of `dim` coordinates; any number will do."""
        return ErrorLoss(torch.square)


class LearnedScale(Frozen):
    """-log of a Laplace or Gaussian density whose scale is predicted: Σ (-log Q(x) + log σ), Q standard."""

    needs_scale: ClassVar[bool] = True
    uses_flow: ClassVar[bool] = False

    kind: Literal["learned_scale"] = "learned_scale"
    density: DensityName = "laplace"

    def build(self, dim: int) -> ScaledLoss:
        """For points of `dim` coordinates; any number will do."""
        return ScaledLoss(DENSITIES[self.density])


class DLE(Frozen):
    """Direct likelihood estimation: the flow alone stands for the errors (paper Eq. 5; conventions.py)."""

    needs_scale: ClassVar[bool] = True
    uses_flow: ClassVar[bool] = True

    kind: Literal["dle"] = "dle"
    flow: Flow = Flow()
    convention: ConventionName = "paper"

    def build(self, dim: int) -> LikelihoodLoss:
        """For points of `dim` coordinates.

        Raises:
            ValueError: `dim` is below 2, and a flow cannot split one coordinate.
        """
        return LikelihoodLoss(self.flow, dim, Formula(self.convention, density=None), normaliser=None)


class RLE(Frozen):
    """Residual log-likelihood estimation: -log Q - log G + log σ (- log s) (paper Eq. 8; conventions.py).

    `s` is None as in the paper's results, "grid" as in its Table 7, or "samples", from the mean of G over
    `samples` fresh samples of Q. Without s the flow receives exactly DLE's gradient: -log Q has none for it.
    """

    needs_scale: ClassVar[bool] = True
    uses_flow: ClassVar[bool] = True

    kind: Literal["rle"] = "rle"
    flow: Flow = Flow()
    density: DensityName = "laplace"
    s: Literal["grid", "samples"] | None = None
    samples: PositiveInt = 400
    convention: ConventionName = "paper"

    @model_validator(mode="after")
    def _convention_allows_it(self) -> Self:
        if self.s is not None and self.convention != "paper":
            raise ValueError(f"s belongs to the convention 'paper'; '{self.convention}' has no such term")
        if self.convention == "official" and self.density == "gaussian":
            raise ValueError("the convention 'official' has no Gaussian Q: the authors' code has none")
        return self

    def build(self, dim: int) -> LikelihoodLoss:
        """For points of `dim` coordinates.

        Raises:
            ValueError: `dim` is below 2, or so large that the grid for s would have over a million nodes.
        """
        return LikelihoodLoss(self.flow, dim, Formula(self.convention, self.density), self._normaliser())

    def _normaliser(self) -> Normaliser | None:
        return None if self.s is None else Normaliser(self.s, DENSITIES[self.density], self.samples)


Objective = Annotated[L1 | L2 | LearnedScale | DLE | RLE, Field(discriminator="kind")]
