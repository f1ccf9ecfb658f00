"""From a box to a crop and back: one affine map a sample, its augmentation, and what mirroring does.

The geometry is that of the authors' code: a box grows to the crop's aspect ratio, then by `padding`, and the
middle of the grown box becomes the middle of the crop.

Shapes: N boxes, B samples of a batch, P keypoints. A placement is (centre x, centre y, width, height) in
pixels of the picture, its sides already at the crop's aspect ratio. A matrix (2, 3) maps pixels of the crop
to pixels of the picture. Sizes of crops are (H, W).
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from datasets.config import Factor, Frozen
from datasets.contract import Pairs

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Array = TypeVar("Array", Floats, NDArray[np.float32], Tensor)

DRAWS = 8
"""Uniform numbers that the augmentation of one sample takes."""

HALF_BODY_PADDING = 1.5
FEWEST_OF_A_BODY, FEWEST_OF_A_HALF = 4, 3
"""Labelled keypoints without which half a body is not cropped."""

PREFER_UPPER = 0.6915
"""The probability that N(0, 1) < 0.5, the authors' way of choosing between upper and lower body."""

SMALLEST_SIDE = 4.0
"""Pixels of the picture that a crop spans at least, so that the map can be inverted whatever the box."""

GRID = 2.0**11
"""Matrices are rounded to multiples of 1 / GRID. Then float32, in which OpenCV warps, represents all
coordinates in a picture of up to 4096 pixels a side exactly, and the pixels of a crop do not depend on where
the origin lies: a region cut out of a picture gives the same bits as the whole."""


class Augment(Frozen):
    """How a training sample varies. The defaults are the paper's, as the authors' configuration has them."""

    scale: tuple[Factor, Factor] = (0.75, 1.25)  # of the crop's sides, uniform between the two
    rotation: float = Field(45.0, ge=0, le=180)  # degrees, uniform within ± this
    rotation_probability: float = Field(0.5, ge=0, le=1)
    shift: float = Field(0.0, ge=0, le=10)  # of the crop's sides, uniform within ± this
    flip: float = Field(0.5, ge=0, le=1)  # probability
    half_body: float = Field(0.3, ge=0, le=1)  # probability of a crop around the upper or the lower body

    @model_validator(mode="after")
    def _scale_is_a_range(self) -> "Augment":
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale is (smallest, largest), not {self.scale}")
        return self


STILL = Augment(scale=(1, 1), rotation=0, rotation_probability=0, shift=0, flip=0, half_body=0)
"""No augmentation at all."""


def whole_bodies(corners: Floats, aspect: float, padding: float) -> Floats:
    """Placements (N, 4) of boxes (N, 4) given as x1, y1, x2, y2; `aspect` is the crop's W / H."""
    low, high = corners[:, :2], corners[:, 2:]
    return np.hstack([(low + high) / 2, _fill(high - low, aspect, padding)])


def placements(
    bodies: Floats, points: Floats, labelled: Bools, upper: tuple[bool, ...], aspect: float
) -> Floats:
    """What augmentation may crop: (N, 3, 4), the body, then what stands for its upper and its lower half.

    Where one half has too few keypoints the other stands for it, and where both have, the whole body.

    Args:
        bodies: (N, 4) placements of the whole bodies.
        points, labelled: (N, P, 2) and (N, P).
        upper: (P,) which keypoints belong to the upper body.
    """
    enough = (labelled.sum(1) >= FEWEST_OF_A_BODY)[:, None]
    above, above_fits = _half(points, labelled & np.array(upper), aspect)
    below, below_fits = _half(points, labelled & ~np.array(upper), aspect)
    first = np.where(above_fits & enough, above, np.where(below_fits & enough, below, bodies))
    second = np.where(below_fits & enough, below, first)
    return np.stack([bodies, first, second], axis=1)


def _half(points: Floats, chosen: Bools, aspect: float) -> tuple[Floats, Bools]:
    """Placements (N, 4) around the chosen keypoints, and (N, 1) whether there are enough of them."""
    fits = chosen.sum(1, keepdims=True) >= FEWEST_OF_A_HALF
    mask = chosen[:, :, None]
    centre = (points * mask).sum(1) / np.maximum(mask.sum(1), 1)
    extent = np.where(mask, points, -np.inf).max(1) - np.where(mask, points, np.inf).min(1)
    return np.hstack([centre, _fill(np.where(fits, extent, 0), aspect, HALF_BODY_PADDING)]), fits


def _fill(extent: Floats, aspect: float, padding: float) -> Floats:
    """The smallest sides (N, 2) of the right aspect ratio that hold `extent`, times the padding."""
    height = np.maximum(extent[:, 1], extent[:, 0] / aspect)
    height = np.maximum(height * padding, SMALLEST_SIDE * max(1.0, 1 / aspect))
    return np.stack([height * aspect, height], axis=1)


def reach(options: Floats, augment: Augment) -> Floats:
    """All that any augmentation can bring into view: corners (N, 4) in the picture, rounded outwards.

    Args:
        options: (N, 3, 4) as from `placements`.
    """
    options = options if augment.half_body else options[:, :1]
    side = options[..., 2:] * augment.scale[1]
    steepest = np.deg2rad(augment.rotation) if augment.rotation_probability else 0.0
    half, across = side / 2, side[..., ::-1] / 2
    angle = np.minimum(np.arctan2(across, half), steepest)  # where a turned rectangle is widest
    extent = np.cos(angle) * half + np.sin(angle) * across + augment.shift * side
    low = np.floor((options[..., :2] - extent).min(1)) - 1
    # Bilinear interpolation looks one pixel further, and rounding the map moves it by a part of one.
    high = np.ceil((options[..., :2] + extent).max(1)) + 2
    return np.hstack([low, high])


def augmented(augment: Augment, draws: Floats, options: Floats) -> tuple[Floats, Floats, Bools]:
    """Placement (B, 4), angle (B,) in radians and mirrored (B,) of augmented samples.

    Args:
        draws: (B, DRAWS) uniform in [0, 1).
        options: (B, 3, 4) as from `placements`.
    """
    half, above, size, turn, angle, flip = draws[:, :6].T
    choice = np.where(half < augment.half_body, np.where(above < PREFER_UPPER, 1, 2), 0)
    chosen = options[np.arange(len(options)), choice]
    smallest, largest = augment.scale
    side = chosen[:, 2:] * (smallest + (largest - smallest) * size)[:, None]
    centre = chosen[:, :2] + augment.shift * (2 * draws[:, 6:8] - 1) * side
    turned = (turn < augment.rotation_probability) * np.deg2rad(augment.rotation)
    return np.hstack([centre, side]), turned * (2 * angle - 1), flip < augment.flip


def matrices(place: Floats, angle: Floats, mirrored: Bools, size: tuple[int, int]) -> Floats:
    """The maps (B, 2, 3) from pixels of the crop to pixels of the picture.

    Args:
        place: (B, 4); `angle`: (B,) radians; `mirrored`: (B,), left and right change places.
        size: (H, W) of the crop.
    """
    zoom = place[:, 2] / size[1]
    sign = np.where(mirrored, -1.0, 1.0)
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.stack([np.stack([sign * cos, -sin], 1), np.stack([sign * sin, cos], 1)], 1)
    linear = np.round(linear * GRID) / GRID
    middle = linear @ (size[1] / 2, size[0] / 2)
    offset = np.round((place[:, :2] - middle) * GRID) / GRID
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def to_crop(maps: Floats, points: Floats, size: tuple[int, int]) -> Floats:
    """Pixels of the picture (B, P, 2) in units of the crop: u = x / W - 0.5, v = y / H - 0.5."""
    (a, b, _), (c, d, _) = maps.transpose(1, 2, 0)
    inverse = np.stack([np.stack([d, -b], 1), np.stack([-c, a], 1)], 1) / (a * d - b * c)[:, None, None]
    pixels = (points - maps[:, None, :, 2]) @ inverse.transpose(0, 2, 1)
    return np.asarray(pixels / (size[1], size[0]) - 0.5)


def to_picture(maps: Floats, points: Floats, size: tuple[int, int]) -> Floats:
    """The inverse of `to_crop`."""
    pixels = (points + 0.5) * (size[1], size[0])
    return np.asarray(pixels @ maps[:, :, :2].transpose(0, 2, 1) + maps[:, None, :, 2])


def swap_pairs(values: Array, pairs: Pairs) -> Array:
    """A copy of (B, P) or (B, P, D) in which the points of each pair have changed places."""
    order = list(range(values.shape[1]))
    for left, right in pairs:
        order[left], order[right] = right, left
    return values[:, order]


def flip_points(mu: Array, pairs: Pairs, width: int) -> Array:
    """Coordinates (B, P, D) predicted on mirrored crops, as coordinates on the crops themselves.

    The mirror image of an array has pixel i at W - 1 - i, hence u -> -u - 1 / W: the shift by one pixel of
    the authors' flip test. The other coordinates stay.

    Args:
        width: W, of the crop.
    """
    mirrored = swap_pairs(mu, pairs)
    mirrored[..., 0] = -mirrored[..., 0] - 1 / width
    return mirrored
