"""How far predicted boundaries lie from labelled ones: mean absolute errors, in rows and in micrometres.

Shapes: N scans, K = 8 boundaries, W columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.retina.scan_files import BOUNDARIES

Rows = NDArray[np.floating[Any]]

HE_COLUMNS = (134 / 768, 634 / 768)
"""Columns 135 to 634 of 768, counted from 1, as shares of the width: those of He et al.'s evaluation."""


def he_columns(width: int) -> slice:
    """The columns of a scan that He et al. evaluate; the same part of a scan of any other width."""
    first, last = HE_COLUMNS
    return slice(round(first * width), round(last * width))


def boundary_errors(predicted: Rows, truth: Rows, baseline: Rows, row_um: float) -> dict[str, float]:
    """Mean absolute errors of boundaries, by two protocols, each in px (rows) and in um.

    `MAE px` and `MAE um` are means over every label there is. `MAE px He` and `MAE um He` follow `dme_eval.m`
    of He et al. (MICCAI 2019): columns 135-634 of 768 (the same part of scans of any other width), labels
    left out where the algorithm of Chiu et al. found nothing, the mean over the columns of each scan, then
    over scans, then over boundaries. Each key also comes with the name of a boundary at its end.

    Args:
        predicted: (N, K, W) rows.
        truth: (N, K, W) rows, NaN where unlabelled.
        baseline: (N, K, W) rows, NaN where the algorithm of Chiu et al. found nothing.
        row_um: the height of a row in micrometres.

    Returns:
        Keys as above. A mean over nothing is left out.

    Raises:
        ValueError: the shapes differ, there are not 8 boundaries, or a prediction is not finite.
    """
    _check(predicted, truth, baseline)
    error = np.abs(predicted.astype(np.float64) - truth)
    measured = {
        "": (_mean(error), _means(np.moveaxis(error, 1, 0))),
        " He": _he(np.where(np.isnan(baseline), np.nan, error)[..., he_columns(error.shape[2])]),
    }
    values = {
        f"MAE {unit}{protocol}{name}": scale * value
        for protocol, (overall, each) in measured.items()
        for unit, scale in (("px", 1.0), ("um", row_um))
        for name, value in [("", overall), *((f" {b}", e) for b, e in zip(BOUNDARIES, each, strict=True))]
    }
    return {key: float(value) for key, value in values.items() if np.isfinite(value)}


def _he(error: NDArray[np.float64]) -> tuple[float, list[float]]:
    by_scan = [_means(boundary) for boundary in np.moveaxis(error, 1, 0)]
    each = [_mean(np.array(scans)) for scans in by_scan]
    return _mean(np.array(each)), each


def _means(groups: NDArray[np.float64]) -> list[float]:
    return [_mean(group) for group in groups]


def _mean(values: NDArray[np.float64]) -> float:
    """Over what is labelled; NaN over nothing."""
    labelled = values[~np.isnan(values)]
    return float(labelled.mean()) if labelled.size else float("nan")


def _check(predicted: Rows, truth: Rows, baseline: Rows) -> None:
    shapes = [a.shape for a in (predicted, truth, baseline)]
    if len(set(shapes)) != 1 or len(shapes[0]) != 3 or shapes[0][1] != len(BOUNDARIES):
        raise ValueError(
            f"expected three arrays (scans, {len(BOUNDARIES)} boundaries, columns), got {shapes}"
        )
    if not np.isfinite(predicted).all():
        raise ValueError("a predicted boundary is not finite")
