"""Training samples made one at a time, step by step: the baseline that the loader is timed against.

It does what the authors' data set does: read the whole picture, mirror it in a pass of its own, warp, draw
heatmaps that regression does not need, normalise in float32 on the CPU, and stack.

Shapes: P keypoints, H W pixels of a crop, h w of a heatmap.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datasets.coco.samples import SplitSamples
from datasets.contract import Pairs
from datasets.crops.crop import Augment, whole_bodies

Floats = NDArray[np.float64]
Sample = tuple[Tensor, Tensor, Tensor, Tensor]
"""Picture (3, H, W), normalised; target (P, 2); weight (P, 2); heatmaps (P, h, w)."""

STRIDE = 4  # pixels of the crop a pixel of the heatmap
SIGMA = 2.0  # of the heatmap's Gaussians, in its pixels
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PlainDataset(torch.utils.data.Dataset[Sample]):
    """The annotated people of one split, augmented at random."""

    def __init__(
        self, half: SplitSamples, size: tuple[int, int], augment: Augment, padding: float, pairs: Pairs
    ) -> None:
        self.half, self.size, self.augment, self.pairs = half, size, augment, pairs
        self.bodies = whole_bodies(half.samples.corners, size[1] / size[0], padding)
        self.rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.bodies)

    def __getitem__(self, index: int) -> Sample:
        samples, annotations = self.half.samples, self.half.annotations
        path = annotations.pictures[samples.picture[index]].path
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        points, labelled = samples.points[index].copy(), samples.labelled[index].copy()
        x, y, width, height = self.bodies[index] * (1, 1, *[self._zoom()] * 2)
        if self.rng.random() < self.augment.flip:
            picture, x = np.ascontiguousarray(picture[:, ::-1]), picture.shape[1] - 1 - x
            points, labelled = _mirrored(points, labelled, self.pairs, picture.shape[1])
        map_ = _affine((x, y), (width, height), self._angle(), self.size)
        crop = cv2.warpAffine(picture, map_, self.size[::-1], flags=cv2.INTER_LINEAR)
        points = np.stack([map_ @ (*point, 1.0) for point in points])
        target = torch.from_numpy(points / self.size[::-1] - 0.5).float()
        weight = torch.from_numpy(np.repeat(labelled[:, None], 2, 1)).float()
        return _normalised(crop), target, weight, _heatmaps(points, labelled, self.size)

    def _zoom(self) -> float:
        return float(self.rng.uniform(*self.augment.scale))

    def _angle(self) -> float:
        turned = self.rng.random() < self.augment.rotation_probability
        return float(self.rng.uniform(-1, 1)) * self.augment.rotation if turned else 0.0


def batch(dataset: PlainDataset, indices: Sequence[int]) -> list[Tensor]:
    """Samples, stacked as PyTorch's loader does by default."""
    stacked: list[Tensor] = torch.utils.data.default_collate([dataset[index] for index in indices])
    return stacked


def _mirrored(
    points: Floats, labelled: NDArray[np.bool_], pairs: Pairs, width: int
) -> tuple[Floats, NDArray[np.bool_]]:
    points[:, 0] = width - 1 - points[:, 0]
    for left, right in pairs:
        points[[left, right]], labelled[[left, right]] = points[[right, left]], labelled[[right, left]]
    return points, labelled


def _affine(
    centre: tuple[float, float], side: tuple[float, float], angle: float, size: tuple[int, int]
) -> Floats:
    """From the picture to the crop, by three pairs of points."""
    radians = math.radians(angle)
    across = np.array([math.cos(radians), math.sin(radians)]) * side[0] / 2
    down = np.array([-math.sin(radians), math.cos(radians)]) * side[1] / 2
    middle, (height, width) = np.array(centre), size
    source = np.stack([middle, middle + across, middle + down])
    wanted = np.array([[width / 2, height / 2], [width, height / 2], [width / 2, height]])
    return np.asarray(cv2.getAffineTransform(source.astype(np.float32), wanted.astype(np.float32)))


def _normalised(crop: NDArray[np.uint8]) -> Tensor:
    picture = torch.from_numpy(np.transpose(crop, (2, 0, 1)).copy()).float() / 255
    for channel, mean, std in zip(picture, MEAN, STD, strict=True):
        channel.add_(-mean).div_(std)
    return picture


def _heatmaps(points: Floats, labelled: NDArray[np.bool_], size: tuple[int, int]) -> Tensor:
    """A Gaussian of ±3 sigma around each labelled keypoint, one keypoint after the other."""
    height, width, reach = size[0] // STRIDE, size[1] // STRIDE, int(3 * SIGMA)
    maps = np.zeros((len(points), height, width), np.float32)
    place = np.arange(2 * reach + 1)
    window = np.exp(-((place - reach) ** 2 + (place[:, None] - reach) ** 2) / (2 * SIGMA**2))
    for map_, point, seen in zip(maps, points, labelled, strict=True):
        x, y = (int(value / STRIDE + 0.5) for value in point)
        if not (seen and -reach <= x < width + reach and -reach <= y < height + reach):
            continue
        left, top = max(0, x - reach), max(0, y - reach)
        right, bottom = min(width, x + reach + 1), min(height, y + reach + 1)
        map_[top:bottom, left:right] = window[
            top - y + reach : bottom - y + reach, left - x + reach : right - x + reach
        ]
    return torch.from_numpy(maps)
