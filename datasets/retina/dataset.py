"""B-scans as samples: flattened crops, boundaries as points, augmentation.

Shapes: N scans, B batch, H W pixels of a crop, K = 8 boundaries, P points, D coordinates of a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from datasets.config import Factor, Frozen
from datasets.contract import Batch, Key
from datasets.crops.counter_rng import uniforms
from datasets.retina.flatten import BRUCH_AT, resample
from datasets.retina.samples import Scans, open_scans
from datasets.retina.scan_files import BOUNDARIES, Rows

_DRAWS = 3  # random numbers a sample


class ScanAugment(Frozen):
    """He et al.'s augmentation (MICCAI 2019): mirror images, and vertical scaling about Bruch's membrane.

    How much they scale is not printed.
    """

    flip: float = Field(0.5, ge=0, le=1)  # probability
    scale: tuple[Factor, Factor] = (0.8, 1.2)
    scale_probability: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _scale_is_a_range(self) -> "ScanAugment":
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale is (smallest, largest), not {self.scale}")
        return self


STILL = ScanAugment(flip=0, scale_probability=0)
"""No augmentation."""


@dataclass(frozen=True)
class ScanSplit:
    """The scans of some subjects. A column's 8 rows make one point of 8 coordinates, or four of two.

    A point lives where all of its coordinates are labelled and lie within the crop; elsewhere its weight is
    0. Coordinates are row / H - 0.5.
    """

    folder: Path  # of the prepared scans
    subjects: tuple[int, ...]
    dim: int  # D, a divisor of 8: neighbours from the top are taken together
    augment: ScanAugment
    seed: int

    @property
    def scans(self) -> Scans:
        """Of both splits, shared within the process."""
        return open_scans(self.folder)

    @property
    def places(self) -> NDArray[np.int64]:
        """(N,) where this split's scans lie in the arrays of `scans`."""
        return np.flatnonzero(np.isin(self.scans.subject, self.subjects))

    @property
    def ids(self) -> NDArray[np.int64]:
        """(N,) 1000 × the subject + the place in the volume."""
        return np.asarray(self.scans.id[self.places])

    def __len__(self) -> int:
        return len(self.places)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of a crop."""
        height, width = self.scans.crop.shape[1:]
        return height, width

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        """Grey pictures with three equal channels. The same key gives the same bits in every process."""
        scans = self.scans
        epochs, indices = np.array(keys, np.int64).reshape(-1, 2).T
        places = self.places[indices]
        ids = scans.id[places]
        draws = uniforms(self.seed, epochs, ids, _DRAWS)
        made = [
            augmented(self.augment, draw, scans.crop[place], scans.rows[place])
            for draw, place in zip(draws, places, strict=True)
        ]
        image = np.stack([crop for crop, _ in made])
        target, weight = as_points(np.stack([rows for _, rows in made]), image.shape[1], self.dim)
        return Batch(
            image=torch.from_numpy(np.repeat(image[..., None], 3, axis=-1)),
            target=torch.from_numpy(target),
            weight=torch.from_numpy(weight),
            id=torch.from_numpy(np.array(ids)),
        )


def augmented(
    augment: ScanAugment, draws: NDArray[np.float64], crop: NDArray[np.uint8], rows: Rows
) -> tuple[NDArray[np.uint8], Rows]:
    """A crop (H, W) and its rows (K, W), perhaps scaled, perhaps mirrored.

    Args:
        draws: (3,) uniform numbers: whether to mirror, whether to scale, and by how much.
    """
    if draws[1] < augment.scale_probability:
        low, high = augment.scale
        factor, level = low + (high - low) * draws[2], BRUCH_AT * len(crop)
        sources = level + (np.arange(len(crop)) - level) / factor
        crop = resample(crop, np.broadcast_to(sources[:, None], crop.shape))
        rows = (level + (rows - level) * factor).astype(np.float32)
    return (crop[:, ::-1], rows[:, ::-1]) if draws[0] < augment.flip else (crop, rows)


def within(rows: Rows, height: int) -> NDArray[np.bool_]:
    """Which rows are labelled and lie within a crop of that height."""
    with np.errstate(invalid="ignore"):
        return np.asarray((rows >= -0.5) & (rows <= height - 0.5))


def as_points(rows: Rows, height: int, dim: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Target and weight (B, P, D) from rows (B, K, W) of a crop; P = W · K / D, column by column."""
    target, live = (_by_column(a, dim) for a in (rows / height - 0.5, within(rows, height)))
    whole = np.broadcast_to(live.all(-1, keepdims=True), target.shape)
    return np.where(whole, target, 0).astype(np.float32), whole.astype(np.float32)


def as_rows(points: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Rows (N, K, W) of a crop from points (N, P, D): the inverse of `as_points`."""
    boundaries = points.reshape(len(points), width, len(BOUNDARIES))
    return np.ascontiguousarray(np.swapaxes((boundaries + 0.5) * height, 1, 2), np.float32)


def _by_column(values: NDArray[np.generic], dim: int) -> NDArray[np.generic]:
    return np.swapaxes(values, 1, 2).reshape(len(values), -1, dim)
