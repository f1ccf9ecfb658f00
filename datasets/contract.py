"""The contract between data sets and the code that trains and evaluates on them.

Shapes: B batch, N samples, P points (joints, or columns of a scan), D coordinates of a point, H W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Key = tuple[int, int]
"""(epoch, index): the epoch decides the augmentation, the index the sample."""

Pairs = tuple[tuple[int, int], ...]
"""Points that change places when the picture is mirrored."""


class Batch(NamedTuple):
    """Samples, stacked. Coordinates are in units of the crop, centred: u = x / W - 0.5, v = y / H - 0.5."""

    image: Tensor  # uint8 (B, H, W, 3), RGB
    target: Tensor  # float32 (B, P, D)
    weight: Tensor  # float32 (B, P, D), 0 where there is no label
    id: Tensor  # int64 (B,), unique within a split

    def to(self, device: torch.device) -> "Batch":
        """The same samples on a device; the ids stay where they are."""
        image, target, weight = (t.to(device, non_blocking=True) for t in self[:3])
        return Batch(image, target, weight, self.id)


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for the samples of a split, in the coordinates of `Batch.target`."""

    id: NDArray[np.int64]  # (N,)
    mu: NDArray[np.float32]  # (N, P, D)
    sigma: NDArray[np.float32] | None  # (N, P, D), or None where the model predicts no scale
    score: NDArray[np.float32]  # (N, P), confidence, higher is more certain


class PredictionsError(ValueError):
    """Predictions that do not belong to the samples: another id, shape or number of them, or not finite."""


@dataclass(frozen=True)
class DataPaths:
    """Where data lies on this machine. Never part of an experiment."""

    cache: Path  # generated data and packs are written here
    root: Path | None = None  # the user's own copy of a data set; None for generated data
    pack: bool = True  # decoded pictures are kept; otherwise each is decoded whenever a crop is taken from it


class Split(Protocol):
    """One split of a data set: a map-style torch Dataset that loads whole batches."""

    def __len__(self) -> int: ...

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of its pictures."""
        ...

    @property
    def ids(self) -> NDArray[np.int64]:
        """(N,) the samples' ids, in the order of the indices."""
        ...

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        """The samples at `keys`. The same key gives the same bits in every process."""
        ...


class Data(Protocol):
    """A data set that has been opened."""

    @property
    def train(self) -> Split:
        """Augmented; `Key.epoch` matters."""
        ...

    @property
    def val(self) -> Split:
        """Never augmented; `Key.epoch` is ignored."""
        ...

    @property
    def flip_pairs(self) -> Pairs | None:
        """For the flip test, or None where mirroring makes no sense."""
        ...

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        """The benchmark's metrics of predictions for `val`, in any order.

        Raises:
            PredictionsError: an id is unknown, missing or repeated, a shape is wrong, or a number not finite.
        """
        ...
