"""People's keypoints as predicted, in pixels of the picture: crops and flip test as in evaluation.

Shapes: N boxes of a picture, P points, D coordinates, H W pixels of a crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.base.pose_data import Depth, PoseData, as_poses
from datasets.contract import Batch, Key, Pairs, Predictions
from datasets.crops import crop
from datasets.crops.pack import Pack
from datasets.io.errors import DataError
from datasets.metrics.oks import person_scores
from datasets.union import benchmarks
from orchestrator.inference.found import Units
from orchestrator.inference.model_store import Trained
from orchestrator.training.evaluation import predictions
from orchestrator.training.runtime import SingleProcess

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PredictedPeople:
    """What a model predicts for the boxes of one picture."""

    points: Floats  # (N, P, 2) pixels
    z: Floats | None  # (N, P) mm behind the pelvis, of models with depth
    sigma: Floats | None  # (N, P, D) the predicted scale, of x and y in pixels and of z in mm
    spread: Floats | None  # (N, P, D) the same in errors: half the interval that is to hold 68 % of them
    score: Floats  # (N, P) confidence
    total: Floats  # (N,) mean + max of these, and the box's own: how COCO's evaluation ranks people
    area: Floats  # (N,) square pixels, of the crop
    region: Floats | None = None  # (N, P, D) half axes of the ellipsoid that is to hold 90 % of the truths

    def rows(self, index: NDArray[np.int64]) -> "PredictedPeople":
        """The people at `index`."""
        chosen = {name: values[index] for name, values in vars(self).items() if values is not None}
        return replace(self, **chosen)


def pose_data(trained: Trained) -> PoseData:
    """The data of a model of people.

    Raises:
        DataError: it is a model of something else.
    """
    data = as_poses(trained.experiment.data)
    if data is None:
        people = ", ".join(other.benchmark for other in benchmarks() if as_poses(other))
        raise DataError(
            trained.path,
            f"this is a model of {trained.experiment.data.name}, which does not predict poses",
            remedy=f"Name a model that was trained on one of {people}",
            code="not-a-pose-model",
        )
    return data


@dataclass(frozen=True, eq=False)
class Estimator:
    """A model of people, ready to predict. Make it with `of`."""

    net: nn.Module
    data: PoseData
    units: Units
    runtime: SingleProcess

    @classmethod
    def of(cls, trained: Trained, runtime: SingleProcess) -> Self:
        """Move a model to a device, where it predicts in float32, as it does when it is exported.

        Raises:
            DataError: it does not predict poses.
        """
        data = pose_data(trained)
        units = Units.of(trained.spread, trained.objective, data.dim)
        return cls(runtime.prepare(trained.net), data, units, runtime)

    def predict(self, pixels: NDArray[np.uint8], corners: Floats, detected: Floats) -> PredictedPeople:
        """The person in each box of a picture.

        The boxes are cropped as the validation set's are. Where its crops come from something else than
        boxes, as MPII's from a height, boxes are taken to be as tight as COCO's.

        Args:
            pixels: (height, width, 3) RGB.
            corners: (N, 4) x1, y1, x2, y2, not empty; N is positive.
            detected: (N,) a detector's scores of the boxes, 0 for annotated boxes.
        """
        size = self.data.size
        bodies = crop.whole_bodies(corners, size[1] / size[0], self.data.box_padding)
        still = np.zeros(len(bodies))
        maps = crop.matrices(bodies, still, still > 0, size)
        one = _OnePicture(_Crops(_unpacked(pixels, len(bodies)), maps, size), self.data.flip_pairs)
        found = predictions(self.net, one, self.runtime)
        mu, score = found.mu.astype(np.float64), found.score.astype(np.float64)
        depth = self.data.depth
        units = _units(maps, size, depth)
        sigma = None if found.sigma is None else found.sigma * units
        regions = self.units.regions
        region = None
        if found.sigma is not None and regions is not None:
            region = regions.half_axes(found.sigma.astype(np.float64), 90) * units
        return PredictedPeople(
            points=crop.to_picture(maps, mu[..., :2], size),
            z=None if depth is None else depth.unit * (mu[..., 2] - mu[:, depth.root, None, 2]),
            sigma=sigma,
            spread=None if sigma is None or self.units.widths is None else sigma * self.units.widths,
            region=region,
            score=score,
            total=person_scores(score, detected),
            area=bodies[:, 2:].prod(1),
        )


def _units(maps: Floats, size: tuple[int, int], depth: Depth | None) -> Floats:
    """What 1 is in a crop's units, (N, 1, D): pixels across and down, and mm in depth."""
    # The maps of unaugmented crops neither turn nor shear.
    pixels = maps[:, [0, 1], [0, 1]] * (size[1], size[0])
    units = pixels if depth is None else np.pad(pixels, ((0, 0), (0, 1)), constant_values=depth.unit)
    return np.asarray(units[:, None])


def _unpacked(pixels: NDArray[np.uint8], N: int) -> Pack:
    """One picture as a pack of which N samples see all."""
    height, width = pixels.shape[:2]
    tiles = np.tile(np.array([0, 0, 0, width, height], np.int64), (N, 1))
    return Pack(np.ascontiguousarray(pixels).reshape(-1), tiles, {}, {})


@dataclass(frozen=True, eq=False)
class _Crops:
    """Boxes of one picture, as `datasets.contract.Split`."""

    pack: Pack
    maps: Floats
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.maps)

    @property
    def ids(self) -> NDArray[np.int64]:
        return np.arange(len(self.maps))

    def __getitems__(self, keys: Sequence[Key]) -> Batch:
        rows = np.array([index for _, index in keys], np.int64)
        image = torch.from_numpy(self.pack.crop(rows, self.maps[rows], self.size))
        nothing = torch.zeros(len(rows), 0, 0)
        return Batch(image, nothing, nothing, torch.from_numpy(rows))


@dataclass(frozen=True, eq=False)
class _OnePicture:
    """Boxes of one picture, as `datasets.contract.Data` without anything to train on or to compare with."""

    val: _Crops
    flip_pairs: Pairs | None

    @property
    def train(self) -> _Crops:
        return self.val

    def metrics(self, predictions: Predictions) -> dict[str, float]:
        return {}
