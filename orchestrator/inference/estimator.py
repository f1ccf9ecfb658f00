"""Where a model sees people's keypoints, in pixels of the picture: crops and flip test as in evaluation.

Shapes: N boxes of a picture, P points, D coordinates, H W pixels of a crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.coco.config import CocoKeypoints
from datasets.coco.dataset import NMS_THRESHOLD
from datasets.contract import Batch, Key, Pairs, Predictions
from datasets.crops import crop
from datasets.crops.pack import Pack
from datasets.human36m.cameras import PELVIS
from datasets.human36m.config import Human36MPose
from datasets.human36m.dataset import DEPTH
from datasets.io.errors import DataError
from datasets.metrics.oks import oks_nms
from datasets.mpii.config import PADDING, MpiiPose
from orchestrator.inference.model_store import Trained
from orchestrator.probes.sigma_in_errors import half_widths
from orchestrator.training.evaluation import predictions
from orchestrator.training.precision import has_bf16, in_bf16
from orchestrator.training.runtime import SingleProcess

Floats = NDArray[np.float64]
PoseConfig = CocoKeypoints | MpiiPose | Human36MPose


@dataclass(frozen=True, eq=False)
class People:
    """What a model says about the boxes of one picture."""

    points: Floats  # (N, P, 2) pixels
    z: Floats | None  # (N, P) mm behind the pelvis, of models with depth
    sigma: Floats | None  # (N, P, D) the predicted scale, of x and y in pixels and of z in mm
    spread: Floats | None  # (N, P, D) the same in errors: half the interval that holds 68 % of them
    score: Floats  # (N, P) confidence, higher is surer
    total: Floats  # (N,) mean + max of these, and the box's own: how COCO's evaluation ranks people
    area: Floats  # (N,) square pixels, of the crop

    def rows(self, index: NDArray[np.int64]) -> "People":
        """The people at `index`."""
        chosen = {name: values[index] for name, values in vars(self).items() if values is not None}
        return replace(self, **chosen)


def people_of(trained: Trained) -> PoseConfig:
    """The data of a model of people.

    Raises:
        DataError: it is a model of something else.
    """
    data = trained.experiment.data
    if isinstance(data, PoseConfig):
        return data
    raise DataError(
        trained.path,
        f"this is a model of {data.name}, which does not look for people",
        remedy="Name a model that was trained on COCO, MPII or Human3.6M",
    )


@dataclass(frozen=True, eq=False)
class Estimator:
    """A model of people, ready to look at pictures. Make it with `of`."""

    net: nn.Module
    data: PoseConfig
    bf16: bool
    units: Floats | None  # (D,) the spread of errors in units of sigma, None where the model has no density
    runtime: SingleProcess

    @classmethod
    def of(cls, trained: Trained, runtime: SingleProcess) -> Self:
        """Move a model to a device.

        Raises:
            DataError: it does not look for people.
        """
        data = people_of(trained)
        units = half_widths(trained.objective, data.dim)
        # bf16 as in evaluation, but not where it is slower than float32.
        bf16 = in_bf16(trained.experiment.schedule, runtime.device) and has_bf16(runtime.device)
        return cls(runtime.prepare(trained.net), data, bf16, units, runtime)

    def look(self, pixels: NDArray[np.uint8], corners: Floats, detected: Floats) -> People:
        """Look for a person in each box of a picture.

        The boxes are cropped as the validation set's are. Where its crops come from something else than
        boxes, as MPII's from a height, boxes are taken to be as tight as COCO's.

        Args:
            pixels: (height, width, 3) RGB.
            corners: (N, 4) x1, y1, x2, y2, not empty; N is positive.
            detected: (N,) a detector's scores of the boxes, 0 for boxes that nobody detected.
        """
        size = self.data.size
        bodies = crop.whole_bodies(corners, size[1] / size[0], padding(self.data))
        still = np.zeros(len(bodies))
        maps = crop.matrices(bodies, still, still > 0, size)
        one = _OnePicture(_Crops(_unpacked(pixels, len(bodies)), maps, size), self.data.flip_pairs)
        found = predictions(self.net, one, self.runtime, self.bf16)
        mu, score = found.mu.astype(np.float64), found.score.astype(np.float64)
        sigma = None if found.sigma is None else found.sigma * _units(maps, size, mu.shape[2])
        return People(
            points=crop.to_picture(maps, mu[..., :2], size),
            z=DEPTH * (mu[..., 2] - mu[:, PELVIS, None, 2]) if mu.shape[2] == 3 else None,
            sigma=sigma,
            spread=None if sigma is None or self.units is None else sigma * self.units,
            score=score,
            total=score.mean(1) + score.max(1) + detected,
            area=bodies[:, 2:].prod(1),
        )


def distinct(people: People, data: PoseConfig) -> NDArray[np.int64]:
    """Who is left when of several detections of one person only the surest stays, as in COCO's evaluation.

    Only for COCO's keypoints is it known which distances are small.
    """
    if not isinstance(data, CocoKeypoints):
        return np.arange(len(people.total))
    return np.sort(oks_nms(people.points, people.total, people.area, np.array(data.sigmas), NMS_THRESHOLD))


def padding(data: PoseConfig) -> float:
    """How much larger than a box the crop around it is."""
    match data:
        case CocoKeypoints():
            return data.padding
        case MpiiPose():
            return PADDING
        case Human36MPose():
            return 1.0  # its boxes have a margin already


def _units(maps: Floats, size: tuple[int, int], D: int) -> Floats:
    """What 1 is in a crop's units, (N, 1, D): pixels across and down, and mm in depth."""
    # The maps of unaugmented crops neither turn nor shear.
    pixels = maps[:, [0, 1], [0, 1]] * (size[1], size[0])
    return np.pad(pixels, ((0, 0), (0, D - 2)), constant_values=DEPTH)[:, None]


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
