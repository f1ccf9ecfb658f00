"""Objectives: the losses that a model can be trained with, as frozen values that build them.

What they build is a `LossModule`, called with mu, sigma and target (B, P, D); it returns the mean over the
batch of the sum over points and coordinates, or of the mean over the pixels of heatmaps. Coordinates of
weight 0 are left out before any arithmetic, so that nothing in them, a NaN included, reaches the loss or a
gradient. A loss that is not finite is returned as it is, and a negative one is normal, as densities exceed 1.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from models.config import Frozen
from models.density import DENSITIES, POINTS_PER_AXIS, DensityName
from models.errors import ConfigError
from models.flow import Flow
from models.kinds import OpenTo
from models.likelihood import LikelihoodLoss, Normaliser, context_of
from models.losses import HeatmapLoss, SumLoss
from models.realnvp import RealNVP
from models.rle_conventions import ConventionName, Formula
from models.spline_flow import NSF
from models.terms import L1, L2, BetaLaplace, CorrelatedGaussian, LearnedScale
from models.terms import Term as BaseTerm
from models.ultralytics import UltralyticsRLE

__all__ = [
    "DLE",
    "L1",
    "L2",
    "RLE",
    "BetaLaplace",
    "CorrelatedGaussian",
    "HeatmapMSE",
    "LearnedScale",
    "Objective",
    "UltralyticsRLE",
    "WeightedSum",
    "simplified",
]


# RealNVP has no field `kind`: it was the only family when the first experiments were stored.
AnyFlow = Annotated[RealNVP | NSF | Flow, OpenTo(Flow, built_in=RealNVP)]
"""A flow: RealNVP, a neural spline flow, or one of a family of one's own."""


Nodes = Annotated[int, Field(ge=1, le=10**6)]
"""At which a flow is evaluated at each step."""

Weight = Annotated[float, Field(ge=0, le=1e6)]


class DLE(BaseTerm):
    """Direct likelihood estimation: the flow alone models the errors (paper Eq. 5; rle_conventions.py)."""

    needs_scale: ClassVar[bool] = True

    kind: Literal["dle"] = "dle"
    flow: AnyFlow = RealNVP()
    convention: ConventionName = "paper"

    @property
    def name(self) -> str:
        """As runs name the method, with what is not the default: `DLE 3x64, official`."""
        return f"DLE {self.flow.name}{_variant(self.convention)}"

    @property
    def context(self) -> int:
        """What the flow is conditioned on."""
        return context_of(self.flow)

    def build(self, dim: int) -> LikelihoodLoss:
        """For points of `dim` coordinates.

        Raises:
            ConfigError: `dim` is below 2, and a flow cannot split one coordinate.
        """
        return LikelihoodLoss(self.flow, dim, Formula(self.convention, density=None), normaliser=None)


FIELDS_OF_S = {"grid": {"nodes", "shifted", "s_gradient"}, "samples": {"samples", "s_gradient"}}
"""The fields of RLE that each kind of s uses."""


class RLE(BaseTerm):
    """Residual log-likelihood estimation: -log Q - log G + log σ (- log s) (paper Eq. 8; rle_conventions.py).

    `s` is None as in the paper's results, "grid" as in its Table 7, or "samples", from the mean of G over
    `samples` fresh samples of Q. Without s the flow receives exactly DLE's gradient: -log Q has none for it.

    The grid has `nodes` on each axis, and if `shifted` moves at random at each step, by up to the distance of
    two. Without `s_gradient`, log s is a constant of each step: it changes the loss and no gradient.

    `flow_weight` is how often -log G counts, 1 in the paper. It scales what the flow moves at mu and sigma;
    its own parameters are trained for the same densities with any weight above 0.
    """

    needs_scale: ClassVar[bool] = True

    kind: Literal["rle"] = "rle"
    flow: AnyFlow = RealNVP()
    density: DensityName = "laplace"
    s: Literal["grid", "samples"] | None = None
    samples: Nodes = 400
    nodes: Nodes = POINTS_PER_AXIS
    shifted: bool = False
    s_gradient: bool = True
    convention: ConventionName = "paper"
    flow_weight: float = Field(default=1.0, gt=0, le=1e6)

    @model_validator(mode="after")
    def _s_uses_its_fields(self) -> Self:
        unused = set[str]().union(*FIELDS_OF_S.values()) - FIELDS_OF_S.get(self.s or "", set())
        for name in sorted(unused):
            if getattr(self, name) != type(self).model_fields[name].default:
                message = "{field} changes nothing with s = {s}: leave it out, or choose another s"
                raise PydanticCustomError("unused-by-s", message, {"field": name, "s": repr(self.s)})
        return self

    @model_validator(mode="after")
    def _convention_allows_it(self) -> Self:
        if self.s is not None and self.convention != "paper":
            raise PydanticCustomError("s-outside-paper", "s belongs to the convention 'paper' alone")
        if self.s is not None and self.context:
            raise PydanticCustomError(
                "s-of-context", "s is one number; of a conditioned flow each point has its own"
            )
        if self.convention == "official" and self.density == "gaussian":
            raise PydanticCustomError("official-gaussian", "the authors' code has no Gaussian Q")
        if self.s is not None and self.flow_weight != 1:
            raise PydanticCustomError("s-of-product", "s normalises Q · G: with it, flow_weight is 1")
        return self

    @property
    def name(self) -> str:
        """As runs name the method, with what is not the default: `RLE 3x64 gaussian + s by grid`."""
        density = "" if self.density == "laplace" else f" {self.density}"
        s = self._name_of_s() if self.s else ""
        weight = "" if self.flow_weight == 1 else f", flow × {self.flow_weight:g}"
        return f"RLE {self.flow.name}{density}{s}{_variant(self.convention)}{weight}"

    @property
    def context(self) -> int:
        """What the flow is conditioned on."""
        return context_of(self.flow)

    def build(self, dim: int) -> LikelihoodLoss:
        """For points of `dim` coordinates.

        Raises:
            ConfigError: `dim` is below 2, or so large that the grid for s would have over a million nodes.
        """
        formula = Formula(self.convention, self.density, self.flow_weight)
        return LikelihoodLoss(self.flow, dim, formula, self._normaliser())

    def check(self, dim: int) -> None:
        """Raises ConfigError where `build` would."""
        self.integral_nodes(dim)

    def integral_nodes(self, dim: int) -> int:
        """How many nodes the integral for s has; 0 without s.

        Raises:
            ConfigError: the grid would have over a million.
        """
        return normaliser.size(dim) if (normaliser := self._normaliser()) else 0

    def _normaliser(self) -> Normaliser | None:
        if self.s is None:
            return None
        q = DENSITIES[self.density]
        return Normaliser(self.s, q, self.samples, self.nodes, self.shifted, self.s_gradient)

    def _name_of_s(self) -> str:
        """Such as ` + s by grid` or ` + s by shifted grid of 60, constant`."""
        nodes = "" if self.nodes == POINTS_PER_AXIS else f" of {self.nodes}"
        constant = "" if self.s_gradient else ", constant"
        return f" + s by {'shifted ' if self.shifted else ''}{self.s}{nodes}{constant}"


class HeatmapMSE(BaseTerm):
    """Heatmaps: half the mean square distance to a Gaussian for each point (SimplePose, Xiao et al., 2018).

    Its size, about 1e-3, is that of a mean over pixels, where other objectives sum over coordinates.
    """

    needs_heatmap: ClassVar[bool] = True

    kind: Literal["heatmap_mse"] = "heatmap_mse"
    # Of the Gaussians, in pixels of the map; 2 suits SimplePose's 64×48.
    sigma: float = Field(default=2.0, gt=0, le=1e4)

    @property
    def name(self) -> str:
        """As runs name the method."""
        return "heatmap MSE"

    def build(self, dim: int) -> HeatmapLoss:
        """For points of `dim` coordinates, of which the maps show the first two.

        Raises:
            ConfigError: `dim` is neither 2 nor 3.
        """
        self.check(dim)
        return HeatmapLoss(self.sigma)

    def check(self, dim: int) -> None:
        """Raises ConfigError where `build` would."""
        if dim not in (2, 3):
            raise ConfigError(f"heatmaps show points in 2-D or 3-D, not {dim} coordinates", "heatmap-dim")


OneTerm = L1 | L2 | LearnedScale | BetaLaplace | CorrelatedGaussian | DLE | RLE | UltralyticsRLE | HeatmapMSE
Term = Annotated[OneTerm, Discriminator("kind"), OpenTo(BaseTerm)]


class WeightedSum(Frozen):
    """Σ weight · term, of terms of different kinds. Terms of weight 0 are dropped when it is made.

    A field of type `Objective` holds a sum that is one term of weight 1 as that term, so that it is the same
    experiment; `simplified` does it elsewhere.
    """

    kind: Literal["sum"] = "sum"
    terms: tuple[tuple[Weight, Term], ...] = Field(max_length=100)

    @field_validator("terms")
    @classmethod
    def _drop_unused_terms(cls, terms: tuple[tuple[Weight, Term], ...]) -> tuple[tuple[Weight, Term], ...]:
        live = tuple((weight, term) for weight, term in terms if weight)
        kinds = [term.kind for _, term in live]
        if not live:
            raise PydanticCustomError("no-terms", "every term has weight 0: nothing would be learned")
        if len(set(kinds)) != len(kinds):
            raise PydanticCustomError("repeated-term", "each kind of term may occur once only")
        return live

    @property
    def needs_scale(self) -> bool:
        """Whether any term does."""
        return any(term.needs_scale for _, term in self.terms)

    @property
    def needs_heatmap(self) -> bool:
        """Whether any term does."""
        return any(term.needs_heatmap for _, term in self.terms)

    @property
    def context(self) -> int:
        """Of the term that needs the most; terms share its numbers, from the first on."""
        return max(term.context for _, term in self.terms)

    @property
    def name(self) -> str:
        """As runs name the method: `RLE 3x64 + 0.5 heatmap MSE`."""
        return " + ".join((f"{weight:g} " if weight != 1 else "") + term.name for weight, term in self.terms)

    def check(self, dim: int) -> None:
        """Raises ConfigError where `build` would."""
        for _, term in self.terms:
            term.check(dim)

    def build(self, dim: int) -> SumLoss:
        """For points of `dim` coordinates.

        Raises:
            ConfigError: a term can't be built for them.
        """
        weights = {str(term.kind): weight for weight, term in self.terms}
        return SumLoss(weights, {term.kind: term.build(dim) for _, term in self.terms})


def _variant(convention: ConventionName) -> str:
    return "" if convention == "paper" else f", {convention}"


def simplified(objective: "Objective") -> "Objective":
    """A sum that consists of one term of weight 1 as that term, anything else as it is."""
    if isinstance(objective, WeightedSum) and len(objective.terms) == 1 and objective.terms[0][0] == 1:
        return objective.terms[0][1]
    return objective


Objective = Annotated[
    OneTerm | WeightedSum,
    Discriminator("kind"),
    OpenTo(BaseTerm),
    AfterValidator(simplified),
]
