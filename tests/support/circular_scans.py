"""Circular scans around the optic disc, as taken for glaucoma: no macula, nerve fibres thick and bright.

Shapes: H W pixels, K = 8 boundaries.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from datasets.synthetic.retinas.anatomy import Section
from datasets.synthetic.retinas.optics import Grid, Optics, scan

HEIGHT, WIDTH, ROW_UM = 496, 768, 3.87
LAYERS_UM = (38.0, 30.0, 25.0, 64.0, 19.0, 40.0)
"""Below the nerve fibres, down to Bruch's membrane."""


def circular(
    seed: int, tilt_um: float = 180.0, fibres_um: float = 165.0, dim: float = 35.0
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A scan (H, W) of a circle of 3.4 mm, and the rows of its boundaries (K, W).

    The nerve fibres are thickest above and below the disc, where they leave it; the eye's tilt and curvature
    make two waves of the circle.

    Args:
        tilt_um: half the height of the larger wave.
        fibres_um: thickness of the nerve fibre layer where it is thickest.
        dim: grey values by which all that lies below the nerve fibres is darker than in a macula.
    """
    rng = np.random.default_rng(seed)
    turn = np.linspace(0, 2 * np.pi, WIDTH, endpoint=False)
    thick = np.exp(-((np.abs(turn - np.pi) - 1.35) ** 2) / 0.3)  # two humps
    fibres = 45 + (fibres_um - 45) * thick + 5 * np.sin(3 * turn + rng.uniform(0, 6))
    start = rng.uniform(0, 2 * np.pi)
    bruch = 1250 + tilt_um * np.sin(turn + start) + 0.25 * tilt_um * np.cos(2 * turn + rng.uniform(0, 6))
    layers = np.vstack([fibres, *(np.full(WIDTH, um) for um in LAYERS_UM)])
    boundaries = bruch - np.vstack([layers[::-1].cumsum(0)[::-1], np.zeros(WIDTH)])
    grid = Grid(np.linspace(0, 10.7, WIDTH), HEIGHT, ROW_UM)
    image, _ = scan(rng, Optics(margins=0.0, vessels=12.0), Section(boundaries, ()), grid)
    depth = (np.arange(HEIGHT)[:, None] + 0.5) * ROW_UM
    below = gaussian_filter((depth > boundaries[1]).astype(float), (2, 0))
    darker = (image - dim * below).clip(0).round().astype(np.uint8)
    return darker, boundaries / ROW_UM - 0.5
