"""t-tests that are looked at more than once: exact critical values for small numbers of seeds.

A claim is tested after 4 seeds, again after 7, and so on. Each look spends a part of the level in proportion
to the seeds seen so far (alpha spending, Lan and DeMets 1983; linear as in Kim and DeMets 1987), so that the
chance of any wrong rejection over all looks is at most the level.

The t statistics of the looks depend on each other. Under the null hypothesis their joint distribution is
computed exactly, not by the normal approximation, which errs noticeably below about 30 seeds: the values
x_1 ... x_n are a point whose direction is uniform on the sphere, and u_n = Σx / sqrt(n Σx²) = sin(angle),
from which t = sqrt(n - 1) tan(angle), is a Markov chain, since the length of the point is independent of its
direction. One value more gives

    u_{n+1} = (sqrt(n) cos(a) u_n + sin(a)) / sqrt(n + 1),

where sin(a) is a coordinate of a uniform point on the sphere in n + 1 dimensions. The chain is followed on a
grid of angles. The critical values are within about 0.2 % of those of two million simulated tests.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from orchestrator.schema.limits import MAX_SEEDS

Sides = Literal[1, 2]
Floats = NDArray[np.float64]

CELLS = 400
"""Of the grid of angles. Twice as many change critical values by less than 0.1 %."""

_EDGES = np.linspace(-np.pi / 2, np.pi / 2, CELLS + 1)
_TINIEST = 1e-12
"""A level below which nothing is worth testing."""


def spent(level: float, seeds: int, most: int = MAX_SEEDS) -> float:
    """What of `level` may have been used up once `seeds` seeds have been seen, all of it at `most`."""
    return level * min(1.0, seeds / most)


def critical_values(
    level: float, looks: Sequence[int], most: int = MAX_SEEDS, sides: Sides = 2
) -> tuple[float, ...]:
    """The absolute value of t at or above which each look rejects.

    Args:
        level: of all looks together, in (0, 1).
        looks: numbers of seeds, at least 2 and rising.
        most: seeds at which the level is spent.
        sides: 2 for |t|, 1 for t itself.

    Returns:
        a value for each look; infinity where nothing of the level is left for it.

    Raises:
        ValueError: the looks do not rise, or begin below 2.
    """
    _check(looks)
    return _critical_values(level, tuple(looks), most, sides)


@lru_cache(maxsize=4096)
def _critical_values(level: float, looks: tuple[int, ...], most: int, sides: Sides) -> tuple[float, ...]:
    weights, seen, used, values = _uniform(looks[0]), looks[0], 0.0, list[float]()
    for look in looks:
        for n in range(seen, look):
            weights = weights @ _one_more(n)
        seen, allowed = look, spent(level, look, most)
        angle = _cut(weights, allowed - used, sides)
        # The first look has no past: Student's t itself, free of the grid.
        values.append(_t(angle, look) if values else float(stats.t.isf(allowed / sides, look - 1)))
        weights = weights * _kept(angle, sides)
        used = max(used, allowed)
    return tuple(values)


def p_values(t: Floats, looks: Sequence[int], most: int = MAX_SEEDS, sides: Sides = 2) -> Floats:
    """The smallest level at which one of the looks so far rejects (Liu and Anderson 2008), in [1e-12, 1].

    Args:
        t: (..., looks) the statistics of one claim or many; with one side, positive where they speak against
            the null hypothesis.
        looks: numbers of seeds at each.

    Returns:
        (...), for a single look exactly, otherwise within 0.1 % of what bisection of `critical_values` gives.
    """
    if len(looks) == 1:
        (seeds,) = looks
        size = np.abs(t[..., 0]) if sides == 2 else np.asarray(t[..., 0])
        tail = sides * stats.t.sf(size, seeds - 1)
        return np.asarray(np.minimum(1.0, tail * max(1.0, most / seeds)), np.float64)
    levels, values = _curves(tuple(looks), most, sides)
    size = np.abs(t) if sides == 2 else np.asarray(t)
    at_each = [
        np.exp(np.interp(-size[..., look], -values[:, look], np.log(levels), left=np.log(levels[0])))
        for look in range(len(looks))
    ]
    reached = [np.where(size[..., look] < values[-1, look], 1.0, at_each[look]) for look in range(len(looks))]
    return np.asarray(np.minimum.reduce(reached), np.float64)


def interval(
    means: Sequence[float],
    errors: Sequence[float],
    looks: Sequence[int],
    level: float,
    most: int = MAX_SEEDS,
    sides: Sides = 2,
) -> tuple[float, float]:
    """Repeated confidence interval (Jennison and Turnbull 1989): covers at all looks with chance 1 - level.

    Args:
        means, errors: the estimate and its standard error at each look.
        sides: 1 where each end by itself misses with chance `level`, as two one-sided tests have it.

    Returns:
        what the intervals of all looks have in common; the last one where they have nothing in common.
    """
    values = critical_values(level, looks, most, sides)
    ends = [(m - c * e, m + c * e) for m, e, c in zip(means, errors, values, strict=True)]
    low, high = max(low for low, _ in ends), min(high for _, high in ends)
    return (low, high) if low <= high else ends[-1]


@cache
def _curves(looks: tuple[int, ...], most: int, sides: Sides) -> tuple[Floats, Floats]:
    """Levels (L,), rising, and the critical values (L, looks) of each: they fall as the level rises."""
    levels = np.concatenate([np.geomspace(_TINIEST, 0.5, 240), np.linspace(0.51, 0.999, 50)])
    return levels, np.array([critical_values(float(level), looks, most, sides) for level in levels])


def _t(angle: float, n: int) -> float:
    return float(np.sqrt(n - 1) * np.tan(angle)) if angle < np.pi / 2 else np.inf


def _check(looks: Sequence[int]) -> None:
    if not looks or looks[0] < 2 or any(b <= a for a, b in pairwise(looks)):
        raise ValueError(f"looks must rise from 2 seeds or more, not {tuple(looks)}")


def _uniform(n: int) -> Floats:
    """The chance of each cell for the angle of n values."""
    return np.diff(_angle_cdf(_EDGES, n))


def _angle_cdf(angle: Floats, n: int) -> Floats:
    """P(a <= angle), where sin(a) is a coordinate of a uniform point on the unit sphere in n dimensions."""
    y = np.sin(angle)
    half = special.betainc(0.5, (n - 1) / 2, np.minimum(y * y, 1.0)) / 2
    return np.asarray(0.5 + np.sign(y) * half, np.float64)


@cache
def _one_more(n: int) -> Floats:
    """(CELLS, CELLS): from a cell after n values to each cell after n + 1."""
    u = np.sin((_EDGES[1:] + _EDGES[:-1]) / 2)
    # sqrt(n) cos(a) u + sin(a) = length cos(a - turn)
    length = np.sqrt(n * u * u + 1)
    turn = np.arctan2(1 / length, np.sqrt(n) * u / length)[:, None]
    reach = np.arccos(np.clip(np.sin(_EDGES) * np.sqrt(n + 1) / length[:, None], -1, 1))

    def below(angle: Floats) -> Floats:
        return _angle_cdf(np.clip(angle, -np.pi / 2, np.pi / 2), n + 1)

    # Angles for which the new u exceeds an edge: about `turn`, and about `turn` less a whole turn.
    above = below(turn + reach) - below(turn - reach) + below(turn + reach - 2 * np.pi)
    cdf = 1 - above
    cdf[:, 0], cdf[:, -1] = 0.0, 1.0
    return np.diff(cdf, axis=1)


def _cut(weights: Floats, level: float, sides: Sides) -> float:
    """The angle beyond which (on both sides, or above) the chance is `level`."""
    if level <= _TINIEST * 1e-3:
        return np.pi / 2
    cumulative = np.concatenate([[0.0], np.cumsum(weights)])

    def beyond(angle: float) -> float:
        above = cumulative[-1] - np.interp(angle, _EDGES, cumulative)
        return float(above + (np.interp(-angle, _EDGES, cumulative) if sides == 2 else 0.0))

    lowest = 0.0 if sides == 2 else -np.pi / 2
    if beyond(lowest) <= level:
        return lowest
    return float(optimize.brentq(lambda angle: beyond(angle) - level, lowest, np.pi / 2))


def _kept(angle: float, sides: Sides) -> Floats:
    """The share of each cell in which no look has rejected."""
    share = np.clip((angle - _EDGES[:-1]) / np.diff(_EDGES), 0, 1)
    return np.asarray(share * share[::-1] if sides == 2 else share, np.float64)
