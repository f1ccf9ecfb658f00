"""People cropped from a pack, in 2-D or with depth; and predictions for them, put in order and checked.

A pack of people holds, beside its pixels, `id` (N,), `options` (N, 3, 4) as from `crop.placements`, `points`
(N, P, 2) in pixels of the pictures, `labelled` (N, P) and, where joints have depth, `depth` (N, P) in the
units of the target.

Shapes: B samples of a batch, N samples of a split, P joints, D coordinates, H W pixels of a crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.contract import Batch, Key, Pairs, Predictions, PredictionsError
from datasets.crops import cached_crops, crop
from datasets.crops.counter_rng import uniforms
from datasets.crops.crop import Augment
from datasets.crops.pack import Pack, open_pack

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

RANGE = 0.5
"""Of the target where joints have depth: a joint beyond ± this in any coordinate has weight 0."""


class Crops(NamedTuple):
    """Samples as arrays, before they are a batch."""

    image: NDArray[np.uint8]  # (B, H, W, 3)
    target: Floats  # (B, P, D)
    weight: Floats  # (B, P, D)


@dataclass(frozen=True)
class PoseSplit:
    """The samples of one pack. Holds a path, not the pixels, so that it travels to workers cheaply."""

    folder: Path
    size: tuple[int, int]
    augment: Augment
    pairs: Pairs
    seed: int

    @property
    def pack(self) -> Pack:
        """The open pack, shared within the process."""
        return open_pack(self.folder)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ids(self) -> Rows:
        """(N,) as the data set counts its people."""
        return np.asarray(self.pack.arrays["id"])

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        """The samples at `keys`; image (B, H, W, 3), target and weight (B, P, D)."""
        epochs, rows = np.array(keys, np.int64).reshape(-1, 2).T
        ids = self.ids[rows]
        return batch(self.crops(rows, uniforms(self.seed, epochs, ids, crop.DRAWS)), ids)

    def crops(self, rows: Rows, draws: Floats) -> Crops:
        """The samples in `rows` (B,), augmented by `draws` (B, crop.DRAWS)."""
        pack = self.pack
        place, angle, mirrored = crop.augmented(self.augment, draws, pack.arrays["options"][rows])
        maps = crop.matrices(place, angle, mirrored, self.size)
        target = self._with_depth(rows, crop.to_crop(maps, pack.arrays["points"][rows], self.size))
        weight = pack.arrays["labelled"][rows][:, :, None] * np.ones(target.shape)
        if "depth" in pack.arrays:
            weight *= (np.abs(target) <= RANGE).all(2, keepdims=True)
        target[mirrored] = crop.swap_pairs(target[mirrored], self.pairs)
        weight[mirrored] = crop.swap_pairs(weight[mirrored], self.pairs)
        image = cached_crops.crops(self.folder, rows, maps, self.size, self.augment)
        return Crops(image, target, weight)

    def targets(self) -> Floats:
        """The whole split's targets (N, P, D), unaugmented and in its order."""
        return self._with_depth(
            np.arange(len(self)), crop.to_crop(self._maps(), self.pack.arrays["points"], self.size)
        )

    def to_picture(self, mu: Floats) -> Floats:
        """Coordinates (N, P, 2) on the split's unaugmented crops, in its order, as pixels of the pictures."""
        return crop.to_picture(self._maps(), mu, self.size)

    def _maps(self) -> Floats:
        bodies = self.pack.arrays["options"][:, 0]
        still = np.zeros(len(bodies))
        return crop.matrices(bodies, still, still > 0, self.size)

    def _with_depth(self, rows: Rows, target: Floats) -> Floats:
        depth = self.pack.arrays.get("depth")
        return target if depth is None else np.concatenate([target, depth[rows][:, :, None]], axis=2)


def batch(crops: Crops, ids: Rows) -> Batch:
    """The samples as tensors."""
    return Batch(
        image=torch.from_numpy(crops.image),
        target=torch.from_numpy(crops.target.astype(np.float32)),
        weight=torch.from_numpy(crops.weight.astype(np.float32)),
        id=torch.from_numpy(ids),
    )


def reach_of(augment: Augment) -> list[float]:
    """What of an augmentation decides how much of the pictures a pack has to hold."""
    steepest = augment.rotation if augment.rotation_probability else 0.0
    return [augment.scale[1], steepest, augment.shift, float(augment.half_body > 0)]


def ordered(predictions: Predictions, ids: Rows, points: int, dim: int) -> Floats:
    """Predicted coordinates (N, P, D), in the order of `ids`.

    Raises:
        PredictionsError: an id is unknown, missing or repeated, a shape is wrong, or a number is not finite.
    """
    return predictions.mu[order_of(predictions, ids, points, dim)].astype(np.float64)


def order_of(predictions: Predictions, ids: Rows, points: int, dim: int) -> Rows:
    """(N,) which prediction belongs to each of the `ids`.

    Raises:
        PredictionsError: as `ordered`.
    """
    if predictions.mu.shape != (len(predictions.id), points, dim):
        raise PredictionsError(
            f"mu {predictions.mu.shape} of {len(predictions.id)} samples with {points} points in {dim}-D"
        )
    order, wanted = np.argsort(predictions.id), np.argsort(ids)
    if not np.array_equal(predictions.id[order], ids[wanted]):
        given = np.unique(predictions.id)
        raise PredictionsError(
            f"ids of predictions: {len(np.setdiff1d(given, ids))} unknown, "
            f"{len(np.setdiff1d(ids, given))} missing, {len(predictions.id) - len(given)} repeated"
        )
    if not np.isfinite(predictions.mu).all():
        raise PredictionsError("predictions with numbers that are not finite")
    rows = np.empty(len(ids), np.int64)
    rows[wanted] = order
    return rows
