"""Regions of errors that hold: split conformal prediction with the predicted scale.

A region is the ellipse (ellipsoid) about mu whose half axes are sigma times a factor: that of the point, a
temperature, so that a joint whose scale is predicted too small is put right, times that of the quarter of
scales, so that the regions of uncertain points hold as well as those of certain ones. mu is left as it is.

Shapes: N samples, P points, D coordinates, Q quarters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVELS = (50, 90)
"""Of the truths, in percent, that regions are to hold."""

LEAST = 50
"""Labels of a point below which the factor of all points stands in for its own."""

QUARTERS = 4


@dataclass(frozen=True)
class Held:
    """The shares of truths in their regions."""

    coverage: float  # of all labelled points
    worst_quarter: float  # of the quarter of points with the largest predicted scale
    worst_point: float  # of the point, such as a joint, with the lowest


@dataclass(frozen=True)
class Regions:
    """Factors of regions, and what such regions hold."""

    levels: tuple[int, ...]
    temperatures: tuple[tuple[float, ...], ...]  # (levels, P)
    edges: tuple[float, ...]  # (Q - 1,) between quarters of the geometric mean of sigma over coordinates
    radii: tuple[tuple[float, ...], ...]  # (levels, Q)
    held: Held | None = None  # of samples that regions of 90 % were not fitted on

    def half_axes(self, sigma: Floats, level: int) -> Floats:
        """(N, P, D) of the regions of a level, in the units of sigma (N, P, D)."""
        which = self.levels.index(level)
        quarter = np.searchsorted(self.edges, mean_scale(sigma))
        factor = np.array(self.temperatures[which]) * np.array(self.radii[which])[quarter]
        return np.asarray(sigma * factor[..., None])


def mean_scale(sigma: Floats) -> Floats:
    """The geometric mean over coordinates (..., D), by which points are certain or uncertain: (...)."""
    with np.errstate(divide="ignore"):  # of float32 that has run out
        return np.asarray(np.exp(np.log(sigma).mean(-1)))


def conformal_quantile(values: Floats, level: float) -> float:
    """The value that a new one does not exceed with a chance of at least `level`, if all are exchangeable.

    The chance is below `level` + 1 / (n + 1) where no two are equal (Vovk et al., 2005; Lei et al., 2018).

    Returns:
        one of the values (n,), or infinity where there are too few for the level.
    """
    rank = math.ceil(round((len(values) + 1) * level, 9))
    return float(np.sort(values)[rank - 1]) if rank <= len(values) else math.inf


def fit_regions(error: Floats, sigma: Floats, weight: Floats) -> Regions | None:
    """Factors from samples that nothing was trained on: those of points from half of them, every other one,
    those of quarters from the other half, which makes the coverage of each quarter that of split conformal
    prediction, whatever the first half gave.

    Args:
        error, sigma, weight: (N, P, D); points with a weight of 0 are not labelled.

    Returns:
        None where there are too few labelled points.
    """
    labelled = _labelled(weight)
    if not labelled[::2].any():
        return None
    distance = _distances(error, sigma, labelled)
    edges = np.quantile(mean_scale(sigma[::2])[labelled[::2]], np.arange(1, QUARTERS) / QUARTERS)
    quarter = np.where(labelled, np.searchsorted(edges, mean_scale(sigma)), -1)[1::2]
    factors = [_factors(distance, quarter, level / 100) for level in LEVELS]
    if not all(np.isfinite(part).all() for both in factors for part in both):
        return None
    temperatures, radii = zip(*factors, strict=True)
    return Regions(LEVELS, _tuples(temperatures), tuple(edges.tolist()), _tuples(radii))


def measure_regions(error: Floats, sigma: Floats, weight: Floats) -> Regions | None:
    """Regions fitted on all samples, and what regions fitted on either half of them hold of the other.

    Args:
        error, sigma, weight: (N, P, D) in the order of ids: frames of one video mostly lie in one half.

    Returns:
        None where there are too few labelled points in either half.
    """
    half = len(error) // 2
    parts = slice(None, half), slice(half, None)
    fitted = fit_regions(error, sigma, weight)
    halves = [fit_regions(error[part], sigma[part], weight[part]) for part in parts]
    if fitted is None or halves[0] is None or halves[1] is None:
        return None
    inside = np.concatenate(
        [
            _distances(error[part], other.half_axes(sigma[part], 90), _labelled(weight[part])) <= 1
            for part, other in zip(parts, halves[::-1], strict=True)
            if other is not None
        ]
    )
    return replace(fitted, held=share_held(inside, sigma, _labelled(weight)))


def share_held(inside: NDArray[np.bool_], sigma: Floats, labelled: NDArray[np.bool_]) -> Held:
    """The shares of labelled points that are inside (N, P).

    Points with fewer than `LEAST` labels are not looked at by themselves, unless all have so few.
    """
    scale = np.where(labelled, mean_scale(sigma), -np.inf)
    count = max(1, labelled.sum() // QUARTERS)
    worst = np.argsort(scale, axis=None, kind="stable")[-count:]
    counts = labelled.sum(0)
    known = counts >= min(LEAST, counts.max())
    each = (inside & labelled).sum(0)[known] / counts[known]
    return Held(float(inside[labelled].mean()), float(inside.ravel()[worst].mean()), float(each.min()))


def _labelled(weight: Floats) -> NDArray[np.bool_]:
    return np.asarray((weight > 0).all(-1), bool)


def _tuples(rows: Sequence[Floats]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row.tolist()) for row in rows)


def _distances(error: Floats, sigma: Floats, labelled: NDArray[np.bool_]) -> Floats:
    """Lengths (N, P) of errors in units of sigma, NaN where there is no label."""
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = np.linalg.norm(np.where(labelled[..., None], error, np.nan) / sigma, axis=-1)
    return np.asarray(lengths)


def _factors(distance: Floats, quarter: NDArray[np.int64], level: float) -> tuple[Floats, Floats]:
    """Of points (P,), from the samples 0, 2, 4, ..., and of quarters (Q,), from 1, 3, 5, ..."""
    every = distance[::2]
    pooled = conformal_quantile(every[~np.isnan(every)], level)
    columns = [values[~np.isnan(values)] for values in every.T]
    temperatures = np.array(
        [conformal_quantile(values, level) if len(values) >= LEAST else pooled for values in columns]
    )
    ratio = distance[1::2] / temperatures
    radii = np.array([conformal_quantile(ratio[quarter == which], level) for which in range(QUARTERS)])
    # Where most scales are equal, quarters are empty.
    return temperatures, np.where(np.isfinite(radii), radii, conformal_quantile(ratio[quarter >= 0], level))
