"""MPII's and Human3.6M's metrics, as pure functions.

Shapes: N people, K joints, T thresholds, D coordinates. Rates are in percent.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HEAD_SHARE = 0.6
"""Of the head box's diagonal: MPII's head size (Andriluka et al., CVPR 2014, and its evaluation toolkit)."""

AUC_THRESHOLDS = np.linspace(0.0, 0.5, 51)
"""Thresholds at which MPII's toolkit evaluates the PCKh curve."""


def head_sizes(boxes: Floats) -> Floats:
    """MPII's unit of length (N,), from head boxes (N, 2, 2): two opposite corners each, in pixels."""
    return np.asarray(HEAD_SHARE * np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1))


def head_errors(predicted: Floats, truth: Floats, heads: Floats) -> Floats:
    """Distances (N, K) between joints (N, K, 2), in head sizes (N,)."""
    return np.asarray(np.linalg.norm(predicted - truth, axis=2) / heads[:, None])


def pckh(errors: Floats, counted: Bools, threshold: float) -> float:
    """Percentage of joints that lie no farther off than `threshold`, each counted joint weighing the same.

    That is MPII's mean over kinds of joints weighted by how often each is annotated.

    Args:
        errors: (N, K) in head sizes.
        counted: (N, K), at least one true: annotated, and of a kind that the benchmark evaluates.
    """
    return float(pckh_curve(errors, counted, np.array([threshold]))[0])


def pckh_curve(errors: Floats, counted: Bools, thresholds: Floats) -> Floats:
    """`pckh` at each of the thresholds (T,).

    Raises:
        ValueError: the shapes differ, or nothing is counted.
    """
    if errors.shape != counted.shape or not counted.any():
        raise ValueError(f"errors {errors.shape}, counted {counted.shape}, {counted.sum()} of them")
    ordered = np.sort(errors[counted])
    return np.asarray(100.0 * np.searchsorted(ordered, thresholds, side="right") / len(ordered))


def trapezoid_auc(curve: Floats) -> float:
    """The area under a curve on even thresholds, its axis scaled to [0, 1]: MPII's toolkit."""
    return float((curve[1:] + curve[:-1]).mean() / 2)


def mean_auc(curve: Floats) -> float:
    """The mean of a curve's points, the other reading of AUC that is in use."""
    return float(curve.mean())


def joint_errors(predicted: Floats, truth: Floats) -> Floats:
    """Distances (N, K) between joints (N, K, D), in their unit; their mean is MPJPE."""
    if predicted.shape != truth.shape:
        raise ValueError(f"predicted {predicted.shape} and true joints {truth.shape}")
    return np.asarray(np.linalg.norm(predicted - truth, axis=2))


def aligned(predicted: Floats, truth: Floats) -> Floats:
    """Each prediction after the rotation, scaling and shift that bring it nearest to the truth.

    The least squares over similarity transforms, without reflections (Umeyama, PAMI 1991, equations 40-43).
    A prediction that is a single point stays one, at the centre of the truth.

    Args:
        predicted: (N, K, D).
        truth: the same of the labels.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"predicted {predicted.shape} and true joints {truth.shape}")
    middle = truth.mean(1, keepdims=True)
    x, y = predicted - predicted.mean(1, keepdims=True), truth - middle
    U, spread, Vt = np.linalg.svd(y.transpose(0, 2, 1) @ x)
    sign = np.ones(spread.shape)
    sign[:, -1] = np.where(np.linalg.det(U @ Vt) < 0, -1.0, 1.0)
    rotation = (U * sign[:, None, :]) @ Vt
    size = (x**2).sum((1, 2))
    scale = (spread * sign).sum(1) / np.where(size > 0, size, 1.0)
    return np.asarray(scale[:, None, None] * x @ rotation.transpose(0, 2, 1) + middle)
