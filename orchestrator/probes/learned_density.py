"""The learned density of Figure 1, beside the standard Laplace and Gaussian densities and the true errors.

In RLE without the term log s nothing ties sigma to a scale: -log Q alone pushes it up, and the flow contracts
by as much. So densities are compared as they are about their medians, in units of their scales, that of a
Laplace density being 1; the scales themselves stand beside them.

Shapes: L labelled points, C cells of a map's side, M places of a cut.
"""

import math
from collections.abc import Callable
from statistics import fmean
from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator
from pydantic_core import PydanticCustomError
from torch import nn

from datasets.coco.dataset import CocoData
from models.density import DENSITIES, DensityName
from models.objectives import DLE, RLE, Objective
from orchestrator.probes.base import Probe, ProbeResult, TrainedModel
from orchestrator.probes.density_grid import Floats, LogDensity, Marginal, Tabulated, evaluate_at, tabulate
from orchestrator.probes.residuals import residuals_of
from orchestrator.probes.sigma_in_errors import log_densities

MAP = np.linspace(-5, 5, 101)
"""Where the maps are evaluated, in units of scale; supplement E has the same interval."""

CUT = np.linspace(-10, 10, 401)
"""The same for the marginals, which show the tails."""

BINS = np.linspace(-10, 10, 101)
"""Edges of the histogram of true errors beside the marginals."""

MAP_BINS = np.linspace(-5, 5, 51)
DECIMALS = 5  # of maps, whose highest values are about 0.2
DIGITS = 4  # significant ones of cuts, which are drawn on a logarithmic axis too

STANDARD: dict[str, DensityName] = {"Laplace": "laplace", "Gaussian": "gaussian"}
"""The densities to compare with, as rows name them."""


class Density(Probe):
    """The shape of the density that a flow has learned, and its likelihood on the validation set's errors.

    Metrics are named `{density}/{quantity}`, where the density is one of "RLE G" (the flow alone), "RLE QG"
    (Q · G · s), "RLE Gauss G", "RLE Gauss QG", "DLE G", "Laplace" and "Gaussian", and the quantity one of

        scale       of a Laplace density of the same interquartile range
        peak, slope, kurtosis   of the marginals, see `tabulated.Marginal`
        kl_laplace, kl_gaussian  to the nearest such density of any place and scale, in nats
        kl_standard_laplace, kl_standard_gaussian  to the standard ones
        integral    before it is normalised: 1 for a density, 1 / s for Q · G
        nll         -log density of the validation set's errors, in units of the crop: nats a point. Laplace
                    and Gaussian are given the place and scale that suit these errors best.

    Raises:
        pydantic.ValidationError: the experiment has no flow or is not about COCO keypoints.
    """

    kind: Literal["density"] = "density"

    @model_validator(mode="after")
    def _has_a_flow(self) -> Self:
        objective = self.of.objective
        if self.of.data.kind != "coco" or not isinstance(objective, DLE | RLE) or objective.context:
            raise PydanticCustomError("no-flow", "one density is learned by DLE or RLE, on COCO keypoints")
        return self

    def measure(self, model: TrainedModel) -> ProbeResult:
        """Tabulate the densities, and predict every sample of the validation set once.

        Raises:
            DataError: nothing in the set is labelled.
            ProbeError: the flow's density is not finite.
        """
        assert isinstance(model.data, CocoData)
        residuals = residuals_of(model, model.data, flip=False)
        x, log_sigma = residuals.standardised, float(np.log(residuals.scales).sum(-1).mean())
        learned = _learned(self.of.objective, model.objective)
        shapes = {name: tabulate(log_density, model.device) for name, log_density in learned.items()}
        shapes |= {name: tabulate(DENSITIES[q].log_prob) for name, q in STANDARD.items()}
        nll = {
            name: math.log(shapes[name].integral) - evaluate_at(log_density, x, model.device).mean()
            for name, log_density in learned.items()
        }
        nll |= {"Laplace": _laplace_nll(x), "Gaussian": _gaussian_nll(x)}
        metrics = {
            f"{name}/{quantity}": value
            for name, table in shapes.items()
            for quantity, value in (_shape(table) | {"nll": float(nll[name]) + log_sigma}).items()
        }
        drawn = {
            name: _drawn(table) | ({"errors": _errors(x, table)} if name in learned else {})
            for name, table in shapes.items()
        }
        return ProbeResult(
            metrics, {"densities": drawn, "method": _method(self.of.objective), "points": len(x)}
        )


def _learned(objective: Objective, module: nn.Module) -> dict[str, LogDensity]:
    """By row: the flow's density, and with Q its product with that."""
    densities = log_densities(module)
    return {f"{_method(objective)} {name}": densities[name] for name in sorted(densities)}


def _method(objective: Objective) -> str:
    if isinstance(objective, DLE):
        return "DLE"
    return "RLE Gauss" if isinstance(objective, RLE) and objective.density == "gaussian" else "RLE"


def _shape(table: Tabulated) -> dict[str, float]:
    """What the density looks like, whatever its place; of the marginals the mean of both."""
    quantities: dict[str, Callable[[Marginal], float]] = {
        "scale": lambda m: m.scale,
        "peak": lambda m: m.peak,
        "slope": lambda m: m.slope,
        "kurtosis": lambda m: m.kurtosis,
    }
    return {
        **{name: fmean(map(quantity, table.marginals)) for name, quantity in quantities.items()},
        "kl_laplace": table.divergence_from_laplace(),
        "kl_gaussian": table.divergence_from_gaussian(),
        "kl_standard_laplace": table.divergence(DENSITIES["laplace"].log_prob),
        "kl_standard_gaussian": table.divergence(DENSITIES["gaussian"].log_prob),
        "integral": table.integral,
    }


def _laplace_nll(x: Floats) -> float:
    """Of the likeliest product of two Laplace densities, for points x (L, 2)."""
    b = np.abs(x - np.median(x, axis=0)).mean(0)
    return float((np.log(2 * b) + 1).sum())


def _gaussian_nll(x: Floats) -> float:
    """Of the likeliest product of two Gaussians."""
    return float(0.5 * np.log(2 * math.pi * math.e * x.var(0)).sum())


def _drawn(table: Tabulated) -> dict[str, Any]:
    """The density about its medians in units of its scales: a map (C · C), row by row, and the mean marginal
    (M,)."""
    return {
        "scale": [_short(m.scale) for m in table.marginals],
        "map": table.at(MAP).ravel().round(DECIMALS).tolist(),
        "cut": [_short(p) for p in np.mean([m.at(CUT) for m in table.marginals], axis=0)],
    }


def _errors(x: Floats, table: Tabulated) -> dict[str, Any]:
    """Histograms of points x (L, 2) as densities, in the units in which that density is drawn."""
    units = (x - [m.median for m in table.marginals]) / [m.scale for m in table.marginals]
    counts, _ = np.histogramdd(units, [MAP_BINS, MAP_BINS])
    cuts, _ = np.histogram(units, BINS)
    return {
        "map": (counts / (len(x) * (MAP_BINS[1] - MAP_BINS[0]) ** 2)).ravel().round(DECIMALS).tolist(),
        "cut": [_short(p) for p in cuts / (units.size * (BINS[1] - BINS[0]))],
    }


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
