"""Two people who mark boundaries: never quite the truth, never quite the same, and worse around fluid.

Shapes: K = 8 boundaries, H W pixels of a scan.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter1d

from datasets.config import Frozen
from datasets.synthetic.retinas.anatomy import Floats, Section, columns_per_mm, smooth_noise


class Graders(Frozen):
    """How far graders are from the truth. Lengths in µm."""

    unrest: float = Field(2.6, ge=0)  # deviation of a hand that follows a boundary
    habit: float = Field(1.2, ge=0)  # of where a grader sees a boundary, the same in every scan
    doubt: float = Field(2.0, ge=0)  # how many times more unrest under fluid, beside the usual
    gaps: float = Field(0.25, ge=0, le=1)  # the share of scans with a stretch of some boundary left out


def span(rng: np.random.Generator, width: int) -> slice:
    """The columns that are labelled at all: about 86 to 667 of 768, as in the DME set."""
    first, last = rng.normal((0.112, 0.868), 0.012)
    return slice(round(width * first), round(width * last))


def grade(
    rng: np.random.Generator, graders: Graders, habit: Floats, cut: Section, x: Floats, labelled: slice
) -> Floats:
    """One grader's boundaries (K, W) in µm, NaN where unlabelled.

    Args:
        habit: (K,) µm, this grader's own.
        x: (W,) mm.
        labelled: the columns outside which nothing is marked.
    """
    density = columns_per_mm(x)
    near = gaussian_filter1d(cut.under_fluid.astype(float), 0.1 * density)
    unrest = (
        graders.unrest * (1 + graders.doubt * near) * smooth_noise(rng, cut.boundaries.shape, 0.08 * density)
    )
    seen = np.maximum.accumulate(cut.boundaries + habit[:, None] + unrest, axis=0)
    marked = np.full_like(seen, np.nan)
    marked[:, labelled] = seen[:, labelled]
    if rng.random() < graders.gaps:
        _leave_out(rng, marked, cut.under_fluid)
    return marked


def mark_fluid(rng: np.random.Generator, fluid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One grader's fluid (H, W): 0, or the number of the pocket. Outlines differ, and some are overlooked."""
    seen = (rng.random(int(fluid.max()) + 1) > 0.06)[fluid] & (fluid > 0)
    blurred = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), 1.5)
    outlined = blurred > rng.uniform(0.35, 0.6)
    return np.where(outlined, cv2.dilate(fluid, np.ones((5, 5), np.uint8)), 0).astype(np.uint8)


def algorithm(
    rng: np.random.Generator, cut: Section, x: Floats, *, knows_fluid: bool, labelled: slice
) -> Floats:
    """What a program of the time finds (K, W), in µm: fine where dry, lost under fluid unless it knows it."""
    density = columns_per_mm(x)
    near = gaussian_filter1d(cut.under_fluid.astype(float), 0.15 * density)
    error = 4 + (8 if knows_fluid else 45) * near
    found = cut.boundaries + error * smooth_noise(rng, cut.boundaries.shape, 0.15 * density)
    found = np.maximum.accumulate(found, axis=0)
    inside = np.zeros(len(x), bool)
    inside[labelled] = True
    return np.where(inside, found, np.nan)


def _leave_out(rng: np.random.Generator, marked: Floats, under_fluid: NDArray[np.bool_]) -> None:
    """Erase a stretch of one or two neighbouring boundaries, rather under fluid than elsewhere."""
    width = marked.shape[1]
    candidates = np.flatnonzero(under_fluid if under_fluid.any() else np.isfinite(marked[0]))
    centre, half = int(rng.choice(candidates)), int(rng.uniform(0.01, 0.05) * width)
    first = int(rng.integers(1, 7))
    marked[first : first + int(rng.integers(1, 3)), max(centre - half, 0) : centre + half + 1] = np.nan
