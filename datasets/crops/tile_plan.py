"""Which rectangles of the pictures crops can show, so that nothing else need be kept.

Shapes: N samples.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.io.image import PictureFile


class Tile(NamedTuple):
    """A rectangle of a picture, and where to find its pixels."""

    source: int  # where they begin in `pixels.bin`; in an index, the number of the picture
    x: int
    y: int
    width: int
    height: int


Job = tuple[PictureFile, list[Tile]]
"""A picture and what to cut from it."""


def plan(
    pictures: Sequence[PictureFile], picture: NDArray[np.int64], reach: NDArray[np.float64]
) -> tuple[NDArray[np.int64], list[Job]]:
    """Tiles of the samples (N, 5), rows as in `Tile`, and for each picture that has any, the tiles to cut.

    Args:
        picture: (N,) index into `pictures`.
        reach: (N, 4) corners of what a sample's crops may show, in its picture; may lie partly outside.
    """
    sides = np.array([[p.width, p.height] * 2 for p in pictures])[picture]
    regions = reach.clip(0, sides).astype(np.int64)
    rows = np.empty((len(picture), 5), np.int64)
    jobs: list[Job] = []
    start = 0
    order = np.argsort(picture, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(picture[order])) + 1):
        cuts, which = _cuts(regions[mine])
        tiles = []
        for x1, y1, x2, y2 in cuts.tolist():
            tiles.append(Tile(start, x1, y1, x2 - x1, y2 - y1))
            start += 3 * (x2 - x1) * (y2 - y1)
        rows[mine] = np.array(tiles)[which]
        jobs.append((pictures[picture[mine[0]]], tiles))
    return rows, jobs


def _cuts(regions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corners to cut from one picture, and for each region the cut that it lies in.

    One rectangle around all where that is smaller than each by itself: people stand close together.
    """
    around = np.concatenate([regions[:, :2].min(0), regions[:, 2:].max(0)])[None]
    if _area(around) < _area(regions):
        return around, np.zeros(len(regions), np.int64)
    return regions, np.arange(len(regions))


def _area(corners: NDArray[np.int64]) -> int:
    return int(np.prod(corners[:, 2:] - corners[:, :2], axis=1).sum())
