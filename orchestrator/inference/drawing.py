"""People drawn on their picture: limbs by the side of the body, likely errors as ellipses.

Shapes: N people, P points; pictures are uint8 (H, W, 3), RGB.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.skeleton import Side, Skeleton
from orchestrator.inference.estimator import PredictedPeople

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
Colour = tuple[int, int, int]

# Okabe and Ito's, which the common forms of colour blindness keep apart.
COLOURS: dict[Side, Colour] = {"left": (86, 180, 233), "right": (230, 159, 0), "middle": (240, 240, 240)}
DARK: Colour = (20, 20, 20)

LEAST_SIDE = 640
"""Smaller pictures are drawn on enlarged, so that lines are thin in comparison."""
THICKNESS = 0.012
"""Of a limb, as a share of the person's extent."""
VEIL = 0.45
"""How opaque ellipses are."""

_BITS = 4  # OpenCV draws at 1 / 16 pixel


def draw(picture: Picture, people: PredictedPeople, skeleton: Skeleton) -> Picture:
    """A copy of the picture with every person on it, the highest score last.

    The half axes of a filled ellipse are half the interval of likely errors; a model without a density has
    none. The ring about it is the region that is to hold 90 % of the truths, where that was measured.
    """
    zoom = max(1, math.ceil(LEAST_SIDE / max(picture.shape[:2])))
    canvas = (
        cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        if zoom > 1
        else picture.copy()
    )
    # The middle of a pixel stays the middle of what it becomes.
    points = (people.points + 0.5) * zoom - 0.5
    for person in np.argsort(people.total, kind="stable").tolist():
        axes = None if people.spread is None else people.spread[person, :, :2] * zoom
        canvas = _person(canvas, points[person], axes, skeleton)
        if people.region is not None:
            for point, half, side in zip(
                points[person], people.region[person, :, :2] * zoom, skeleton.sides, strict=True
            ):
                _ellipse(canvas, point, half, COLOURS[side], 1)
    return canvas


def _person(canvas: Picture, points: Floats, axes: Floats | None, skeleton: Skeleton) -> Picture:
    thick = thickness(points)
    if axes is not None:
        canvas = _ellipses(canvas, points, axes, skeleton.sides)
    for limb in skeleton.limbs:
        _line(canvas, points[list(limb)], DARK, thick + 2)
    for limb in skeleton.limbs:
        _line(canvas, points[list(limb)], COLOURS[skeleton.side(limb)], thick)
    for point, side in zip(points, skeleton.sides, strict=True):
        _disc(canvas, point, thick * 0.9 + 1, DARK)
        _disc(canvas, point, thick * 0.9, COLOURS[side])
    return canvas


def thickness(points: Floats) -> int:
    """Of the limbs of a person (P, 2), in pixels."""
    extent = float(np.linalg.norm(points.max(0) - points.min(0)))
    return int(np.clip(round(THICKNESS * extent), 2, 10))


def _ellipses(canvas: Picture, points: Floats, axes: Floats, sides: Sequence[Side]) -> Picture:
    veil = canvas.copy()
    for point, half, side in zip(points, axes, sides, strict=True):
        _ellipse(veil, point, half, COLOURS[side], cv2.FILLED)
    mixed: Picture = cv2.addWeighted(veil, VEIL, canvas, 1 - VEIL, 0)
    for point, half, side in zip(points, axes, sides, strict=True):
        _ellipse(mixed, point, half, COLOURS[side], 1)
    return mixed


def _line(canvas: Picture, ends: Floats, colour: Colour, thick: int) -> None:
    a, b = (_fixed(end) for end in ends)
    cv2.line(canvas, a, b, colour, thick, cv2.LINE_AA, _BITS)


def _disc(canvas: Picture, point: Floats, radius: float, colour: Colour) -> None:
    cv2.circle(canvas, _fixed(point), round(radius * 2**_BITS), colour, cv2.FILLED, cv2.LINE_AA, _BITS)


def _ellipse(canvas: Picture, point: Floats, axes: Floats, colour: Colour, thick: int) -> None:
    cv2.ellipse(canvas, _fixed(point), _fixed(axes), 0, 0, 360, colour, thick, cv2.LINE_AA, _BITS)


def _fixed(point: Floats) -> tuple[int, int]:
    x, y = np.round(point.clip(-(2**17), 2**17) * 2**_BITS).astype(int).tolist()
    return x, y
