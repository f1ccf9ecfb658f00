"""Densities of two coordinates, tabulated: mass, marginals, shape and divergence.

Shapes: N points, M nodes of an axis.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from orchestrator.probes.base import ProbeError

Floats = NDArray[np.float64]

LogDensity = Callable[[Tensor], Tensor]
"""Natural logarithm of a density, normalised or not: float32 (N, 2) -> (N,)."""

NODES = 401
CORE = 0.5
REACH = 60.0
"""Nodes lie at CORE · sinh(t) units of scale, t equidistant, to REACH on both sides: 0.014 units apart in the
middle, so that a peak is resolved, and 5 % of their distance farther out, so that heavy tails are held."""

LAPLACE_QUARTILES = 2 * math.log(2)
"""Interquartile range of the standard Laplace density."""

BESIDE = 0.1
"""Units of scale from the peak at which its slope is taken."""

POINTS = 2**15  # evaluated at once


@dataclass(frozen=True)
class Marginal:
    """The density of one coordinate at nodes x (M,), in ascending order; p (M,) has mass 1."""

    x: Floats
    p: Floats

    @cached_property
    def _mass(self) -> Floats:
        """(M,) the mass below each node."""
        below = np.concatenate([[0.0], _cumulative(self.p, self.x)])
        return np.asarray(below / below[-1])

    def cdf(self, at: Floats) -> Floats:
        """The mass below each of `at`, any shape."""
        return np.interp(at, self.x, self._mass)

    @cached_property
    def _squares(self) -> tuple[Floats, Floats]:
        """(M,) ∫ cdf² below each node, and ∫ (1 - cdf)² above it."""
        parts = [np.concatenate([[0.0], _cumulative(f**2, self.x)]) for f in (self._mass, 1 - self._mass)]
        return parts[0], parts[1][-1] - parts[1]

    def crps(self, at: Floats) -> Floats:
        """The continuous ranked probability score ∫ (cdf(t) - [t ≥ at])² dt, in units of x, for any shape."""
        below, above = (np.interp(at, self.x, part) for part in self._squares)
        outside = np.maximum(self.x[0] - at, 0) + np.maximum(at - self.x[-1], 0)
        return np.asarray(below + above + outside)

    def quantile(self, share: float) -> float:
        """Below which lies that share of the mass."""
        return float(np.interp(share, self._mass, self.x))

    def mean(self, of: Callable[[Floats], Floats]) -> float:
        """E[of(x)]."""
        return float(np.trapezoid(of(self.x) * self.p, self.x) / np.trapezoid(self.p, self.x))

    @property
    def median(self) -> float:
        """Where half of the mass lies on either side."""
        return self.quantile(0.5)

    @property
    def scale(self) -> float:
        """The scale of the Laplace density of the same interquartile range. Tails don't bear on it."""
        return (self.quantile(0.75) - self.quantile(0.25)) / LAPLACE_QUARTILES

    @property
    def deviation(self) -> float:
        """E|x - median|, the likeliest scale of a Laplace density."""
        return self.mean(lambda x: np.abs(x - self.median))

    @property
    def variance(self) -> float:
        """The second central moment."""
        return self.mean(np.square) - self.mean(lambda x: x) ** 2

    @property
    def kurtosis(self) -> float:
        """Excess kurtosis: 0 for a Gaussian, 3 for a Laplace density."""
        middle = self.mean(lambda x: x)
        return self.mean(lambda x: (x - middle) ** 4) / self.variance**2 - 3

    @property
    def peak(self) -> float:
        """The greatest density of the variable in units of its scale: 0.388 for a Gaussian, 0.5 for a Laplace
        density."""
        return float(self.p.max()) * self.scale

    @property
    def slope(self) -> float:
        """How fast the log density falls beside its peak, per unit of scale: 0.05 for a Gaussian, which is
        round there, 1 for a Laplace density, which has a crease."""
        top = int(self.p.argmax())
        step = BESIDE * self.scale
        beside = np.interp([self.x[top] - step, self.x[top] + step], self.x, np.log(self.p + 1e-300))
        return float((math.log(self.p[top]) - beside.mean()) / BESIDE)

    def at(self, units: Floats) -> Floats:
        """The density of the variable about its median, in units of its scale."""
        return np.interp(self.median + units * self.scale, self.x, self.p) * self.scale


@dataclass(frozen=True)
class Tabulated:
    """A density at the nodes of a grid, normalised; `integral` is what it was before."""

    x: tuple[Floats, Floats]  # the nodes of the two axes, (M,) each
    widths: tuple[Floats, Floats]  # the stretch of the axis that each node stands for
    log_p: Floats  # (M, M)
    integral: float

    @cached_property
    def marginals(self) -> tuple[Marginal, Marginal]:
        """Of the two coordinates."""
        p = np.exp(self.log_p)
        return Marginal(self.x[0], p @ self.widths[1]), Marginal(self.x[1], self.widths[0] @ p)

    def at(self, units: Floats) -> Floats:
        """The density about its medians in units of its scales, at all pairs of `units` (C,): (C, C)."""
        from scipy.interpolate import RegularGridInterpolator

        axes = [m.median + units * m.scale for m in self.marginals]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
        log_p = RegularGridInterpolator(self.x, self.log_p, bounds_error=False, fill_value=-np.inf)(points)
        return np.asarray(np.exp(log_p) * self.marginals[0].scale * self.marginals[1].scale)

    @cached_property
    def _regions(self) -> tuple[Floats, Floats]:
        """-log p of all nodes in ascending order, and the mass up to each."""
        order = np.argsort(-self.log_p, axis=None, kind="stable")
        mass = np.exp(self.log_p) * np.outer(*self.widths)
        return -self.log_p.ravel()[order], np.cumsum(mass.ravel()[order])

    def level(self, log_p: Floats) -> Floats:
        """The mass of the region where the density is higher, in [0, 1], for log densities of any shape.

        So a region of highest density with a mass of 0.9 holds those whose level is at most 0.9.
        """
        return np.interp(-log_p, *self._regions).clip(0, 1)

    @property
    def entropy(self) -> float:
        """-E[log p], in nats."""
        return -self._mean(self.log_p)

    def divergence(self, other: LogDensity) -> float:
        """Kullback and Leibler's, from this to a normalised density, in nats."""
        return max(0.0, -self.entropy - self._mean(evaluate(other, self.x)))  # 0 but for rounding

    def _mean(self, values: Floats) -> float:
        return float(self.widths[0] @ (np.exp(self.log_p) * values) @ self.widths[1])

    def divergence_from_laplace(self) -> float:
        """To the nearest product of two Laplace densities, whatever their places and scales, in nats."""
        cross = sum(math.log(2 * m.deviation) + 1 for m in self.marginals)
        return max(0.0, cross - self.entropy)

    def divergence_from_gaussian(self) -> float:
        """To the nearest product of two Gaussians, whatever their places and scales, in nats."""
        cross = sum(0.5 * math.log(2 * math.pi * math.e * m.variance) for m in self.marginals)
        return max(0.0, cross - self.entropy)


def _cumulative(values: Floats, x: Floats) -> Floats:
    """(M - 1,) the integral from the first node to each of the others."""
    return np.cumsum(np.diff(x) * (values[1:] + values[:-1]) / 2)


def tabulate(log_density: LogDensity, device: torch.device | None = None) -> Tabulated:
    """Tabulate a density about its medians, in units of its scales, wherever and however wide it may be.

    Raises:
        ProbeError: it is not finite, or has no mass within reach.
    """
    table = _around((0.0, 0.0), (1.0, 1.0), log_density, device)
    for _ in range(2):  # the first grid finds place and scale roughly, the second well
        u, v = table.marginals
        table = _around((u.median, v.median), (u.scale, v.scale), log_density, device)
    return table


def _around(
    centre: tuple[float, float],
    scale: tuple[float, float],
    log_density: LogDensity,
    device: torch.device | None,
) -> Tabulated:
    t = np.linspace(-1, 1, NODES) * math.asinh(REACH / CORE)
    dt = t[1] - t[0]
    x = (centre[0] + scale[0] * CORE * np.sinh(t), centre[1] + scale[1] * CORE * np.sinh(t))
    widths = (scale[0] * CORE * np.cosh(t) * dt, scale[1] * CORE * np.cosh(t) * dt)
    log_p = evaluate(log_density, x, device)
    mass = float(widths[0] @ np.exp(log_p) @ widths[1])
    if not (math.isfinite(mass) and mass > 0):
        raise ProbeError(f"a density whose integral is {mass} can't be tabulated", code="not-a-density")
    return Tabulated(x, widths, log_p - math.log(mass), mass)


def evaluate(
    log_density: LogDensity, axes: tuple[Floats, Floats], device: torch.device | None = None
) -> Floats:
    """The log density at all pairs of nodes, (M, M), the first coordinate along the first axis."""
    u, v = np.meshgrid(*axes, indexing="ij")
    points = np.stack([u.ravel(), v.ravel()], 1)
    return evaluate_at(log_density, points, device).reshape(u.shape)


def evaluate_at(log_density: LogDensity, points: Floats, device: torch.device | None = None) -> Floats:
    """The log density at points (N, 2): (N,)."""
    x = torch.from_numpy(points).float().to(device)
    with torch.inference_mode():
        log_p = torch.cat([log_density(x[start : start + POINTS]) for start in range(0, len(x), POINTS)])
    return np.asarray(log_p.double().cpu().numpy())
