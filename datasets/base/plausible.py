"""Labels that can't belong to their boxes: fractions of the picture, x and y swapped, boxes as corners.

Shapes: N people, K keypoints.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.io.errors import DataError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FAR = 0.25
"""Of the box's side, outside the box. Real annotations rarely have this: 6 of 800 in COCO's sample, none of
9,729 in Leeds Sports Poses."""
MOST_FAR = 0.1
"""Share of a set's labelled keypoints that may lie so far outside."""
_FEW = 17
"""Keypoints that may do so besides, as many as one person has: single records have errors of their own."""
_LEANING = 0.02
"""Of its side, by which a box may reach out of its picture."""


def check(path: Path, points: Floats, labelled: Bools, boxes: Floats, sides: Floats) -> None:
    """Refuse labels of which too many can't be meant as they are read.

    Args:
        path: the file of annotations.
        points: (N, K, 2) pixels; labelled: (N, K).
        boxes: (N, 4) x, y, width, height; sides: (N, 2) width and height of the pictures.

    Raises:
        DataError: which share of the keypoints is far off, and what they look like.
    """
    if not labelled.any():
        return
    if as_fractions(points[labelled], sides):
        _refuse(path, "keypoints lie between 0 and 1: fractions of the picture and not pixels")
    if as_fractions(boxes[boxes[:, 2:].all(1)], sides):
        _refuse(path, "boxes lie between 0 and 1: fractions of the picture and not pixels")
    if as_corners(points, labelled, boxes, sides):
        _refuse(path, "boxes reach out of their pictures, and fit as corners x1, y1, x2, y2")
    share, N = share_outside(points, labelled, boxes), labelled.sum()
    if share * N > MOST_FAR * N + _FEW:
        swapped = share_outside(points[..., ::-1], labelled, boxes)
        hint = "; with x and y swapped they would fit" if swapped < share / 2 else ""
        _refuse(
            path, f"{share:.0%} of the labelled keypoints lie far outside the boxes of their people{hint}"
        )


def check_boxes(path: Path, boxes: Floats, sides: Floats) -> None:
    """As `check`, of boxes whose keypoints are not known."""
    if len(boxes):
        check(path, boxes[:, None, :2], np.ones((len(boxes), 1), bool), boxes, sides)


def share_outside(points: Floats, labelled: Bools, boxes: Floats) -> float:
    """Of the labelled keypoints, those farther outside than FAR of the box's larger side."""
    low, side = boxes[:, None, :2], boxes[:, None, 2:]
    outside = np.maximum(low - points, points - low - side).max(2)
    return float((outside > FAR * side.max(2))[labelled].mean())


def as_fractions(coordinates: Floats, sides: Floats) -> bool:
    """Whether coordinates (n, ...) lie between 0 and 1, not all of them at an end, in larger pictures."""
    within = ((coordinates >= 0) & (coordinates <= 1)).mean() if coordinates.size else 0.0
    parts = ((coordinates > 0) & (coordinates < 1)).any()
    return bool(within > 1 - MOST_FAR and parts and (sides > 2).all())


def as_corners(points: Floats, labelled: Bools, boxes: Floats, sides: Floats) -> bool:
    """Whether boxes fit when read as corners, while many reach out of their pictures as they are read."""
    low, high = boxes[:, :2], boxes[:, 2:]
    leaning = ((low + high > sides * (1 + _LEANING) + 1).any(1)).mean()
    slack = FAR * np.maximum(high - low, 0).max(1, keepdims=True)
    inside = ((points >= (low - slack)[:, None]) & (points <= (high + slack)[:, None])).all(2)
    fit = (high > low).all(1) & (high <= sides * (1 + FAR)).all(1) & (inside | ~labelled).all(1)
    return bool(leaning > MOST_FAR and fit.mean() > 1 - MOST_FAR)


def _refuse(path: Path, problem: str) -> None:
    raise DataError(
        path,
        problem,
        remedy="Write keypoints as x, y and boxes as x, y, width, height, all in pixels of the picture",
        code="implausible-labels",
    )
