"""Two graders who mark boundaries, with errors that differ between them and are larger around fluid.

Shapes: K = 8 boundaries, H W pixels of a scan.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.config import Amount, Frozen
from datasets.synthetic.retinas.anatomy import Floats, Section, columns_per_mm, smooth_noise


class Graders(Frozen):
    """The errors of graders. Lengths in µm."""

    unrest: Amount = Field(2.6, ge=0)  # standard deviation of the random error along a boundary
    habit: Amount = Field(1.2, ge=0)  # standard deviation of a grader's bias, the same in every scan
    doubt: Amount = Field(2.0, ge=0)  # under fluid the random error is 1 + doubt times as large
    gaps: float = Field(0.25, ge=0, le=1)  # share of scans in which part of some boundary is left out


def labelled_columns(rng: np.random.Generator, width: int) -> slice:
    """The columns that are labelled at all: about 86 to 667 of 768, as in the DME set."""
    first, last = rng.normal((0.112, 0.868), 0.012)
    return slice(round(width * first), round(width * last))


def grade(
    rng: np.random.Generator, graders: Graders, habit: Floats, cut: Section, x: Floats, labelled: slice
) -> Floats:
    """One grader's boundaries (K, W) in µm, NaN where unlabelled.

    Args:
        habit: (K,) µm, this grader's bias.
        x: (W,) mm.
        labelled: the columns outside which nothing is marked.
    """
    from scipy.ndimage import gaussian_filter1d

    density = columns_per_mm(x)
    near = gaussian_filter1d(cut.under_fluid.astype(float), 0.1 * density)
    error = (
        graders.unrest * (1 + graders.doubt * near) * smooth_noise(rng, cut.boundaries.shape, 0.08 * density)
    )
    drawn = np.maximum.accumulate(cut.boundaries + habit[:, None] + error, axis=0)
    marked = np.full_like(drawn, np.nan)
    marked[:, labelled] = drawn[:, labelled]
    if rng.random() < graders.gaps:
        _leave_out(rng, marked, cut.under_fluid)
    return marked


def mark_fluid(rng: np.random.Generator, fluid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One grader's fluid (H, W): 0, or the number of the pocket. Outlines vary; some are missed."""
    found = (rng.random(int(fluid.max()) + 1) > 0.06)[fluid] & (fluid > 0)
    blurred = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 1.5)
    outlined = blurred > rng.uniform(0.35, 0.6)
    return np.where(outlined, cv2.dilate(fluid, np.ones((5, 5), np.uint8)), 0).astype(np.uint8)


def segment_automatically(
    rng: np.random.Generator, cut: Section, x: Floats, *, knows_fluid: bool, labelled: slice
) -> Floats:
    """A program's boundaries (K, W) in µm: good without fluid, bad under it unless it models fluid."""
    from scipy.ndimage import gaussian_filter1d

    density = columns_per_mm(x)
    near = gaussian_filter1d(cut.under_fluid.astype(float), 0.15 * density)
    error = 4 + (8 if knows_fluid else 45) * near
    found = cut.boundaries + error * smooth_noise(rng, cut.boundaries.shape, 0.15 * density)
    found = np.maximum.accumulate(found, axis=0)
    inside = np.zeros(len(x), bool)
    inside[labelled] = True
    return np.where(inside, found, np.nan)


def _leave_out(rng: np.random.Generator, marked: Floats, under_fluid: NDArray[np.bool_]) -> None:
    """Erases part of one or two neighbouring boundaries, under fluid where there is some."""
    width = marked.shape[1]
    candidates = np.flatnonzero(under_fluid if under_fluid.any() else np.isfinite(marked[0]))
    centre, half = int(rng.choice(candidates)), int(rng.uniform(0.01, 0.05) * width)
    first = int(rng.integers(1, 7))
    marked[first : first + int(rng.integers(1, 3)), max(centre - half, 0) : centre + half + 1] = np.nan
