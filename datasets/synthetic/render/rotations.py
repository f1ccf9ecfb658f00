"""Rotations about the axes, in the right-handed frame used everywhere here: x right, y down, z away."""

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
"""(3,), metres or a direction."""

Matrix = NDArray[np.float64]
"""(3, 3)."""


def about_x(degrees: float) -> Matrix:
    """(3, 3). Positive bends what points up (-y) towards the viewer (-z), and what points down away."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def about_y(degrees: float) -> Matrix:
    """(3, 3). Positive turns what faces the viewer (-z) towards image left (-x)."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def about_z(degrees: float) -> Matrix:
    """(3, 3). Positive turns clockwise as the viewer sees it."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
