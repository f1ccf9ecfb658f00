"""How wide errors are in units of the predicted scale, measured on samples that nothing was trained on.

Neither a likelihood nor its flow promises that: on few samples both fit the errors of training, which are
smaller. So a width for each coordinate is fitted on validation samples; what it holds is measured on others.

Shapes: N samples, P points, D coordinates.
"""

import math

import numpy as np
from numpy.typing import NDArray

from orchestrator.training.checkpoint_content import Spread
from orchestrator.training.regions import measure_regions

SHARE = 0.6827
"""Of all errors: those within one standard deviation, were they Gaussian."""


def measure_spread(
    error: NDArray[np.float32], sigma: NDArray[np.float32] | None, weight: NDArray[np.float32]
) -> Spread | None:
    """The half widths that hold `SHARE` of the errors, and what they hold of errors they were not fitted on.

    The first and the second half of the samples, in the order of their ids, judge each other: frames of one
    video, or people of one picture, mostly lie together.

    Args:
        error: (N, P, D) of predictions, in the order of their ids.
        sigma: (N, P, D), or None for a model without a scale.
        weight: (N, P, D) 0 where there is no label.

    Returns:
        None where a coordinate has no label in either half, or there is no scale.
    """
    if sigma is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(weight > 0, np.abs(error) / sigma, np.nan).astype(np.float64)
    half = len(ratio) // 2
    widths, first, second = half_widths(ratio), half_widths(ratio[:half]), half_widths(ratio[half:])
    if widths is None or first is None or second is None:
        return None
    held = np.concatenate([_held(ratio[:half], second), _held(ratio[half:], first)])
    labelled = np.asarray((weight > 0).any(2))
    return Spread(
        half_widths=tuple(widths.tolist()),
        coverage=float(held.mean()),
        samples=int(labelled.any(axis=1).sum()),
        points=int(labelled.sum()),
        regions=measure_regions(*(part.astype(np.float64) for part in (error, sigma, weight))),
    )


def half_widths(ratio: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """(D,) for each coordinate the ratio (N, P, D) below which `SHARE` of one more than there are lies.

    So on average as many new errors lie within as was promised. None where a coordinate has no ratio, which
    is NaN.
    """
    widths = []
    for values in np.moveaxis(ratio, -1, 0):
        known = np.sort(values[~np.isnan(values)])
        if not known.size:
            return None
        rank = min(math.ceil((known.size + 1) * SHARE), known.size)
        widths.append(known[rank - 1])
    found = np.array(widths)
    return found if np.isfinite(found).all() else None


def _held(ratio: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Of each known ratio whether it lies within its width."""
    return np.asarray((ratio <= widths)[~np.isnan(ratio)])
