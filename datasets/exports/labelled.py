"""Labelled pictures as a labelling tool left them, and the boxes that they have or get.

Shapes: K keypoints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datasets.coco.stand_ins import BODY, SMALLEST
from datasets.io.assumptions import Assumed
from datasets.io.orientation import Size

Annotation = dict[str, Any]
"""Of COCO, without `id` and `image_id`."""

Boxes = Literal["frame", "animal"]
"""What a box is: the whole picture, or what is labelled in it."""

MARGIN = 0.1
"""About keypoints, on each side, as a share of their larger extent: a body goes on beyond its joints."""


@dataclass(frozen=True)
class Labelled:
    """A picture and all that is labelled in it."""

    file: Path
    name: str  # of the picture in the new set: a folder and a name, or a name alone
    size: Size
    annotations: tuple[Annotation, ...]
    split: str = ""  # `train` or `val`, where the tool has split them

    @property
    def group(self) -> str:
        """The video or folder that it comes from."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class Export:
    """What a labelling tool wrote."""

    pictures: tuple[Labelled, ...]
    categories: Sequence[Mapping[str, Any]]  # of COCO
    assumed: Assumed = field(default_factory=dict)

    @property
    def usual_boxes(self) -> Boxes:
        """Whole pictures, if no box was drawn and nothing is there twice."""
        alone = all(len(picture.annotations) <= 1 for picture in self.pictures)
        drawn = any("bbox" in one for picture in self.pictures for one in picture.annotations)
        return "frame" if alone and not drawn else "animal"


def boxed(one: Annotation, size: Size, boxes: Boxes) -> Annotation:
    """With a box, and an area in square pixels, where it has none; `frame` replaces the box that it has.

    Args:
        size: (width, height) of the picture.
    """
    around = around_keypoints(one["keypoints"], size)
    own = one.get("bbox") or [0, 0, 0, 0]
    box = [0.0, 0.0, *map(float, size)] if boxes == "frame" else own if min(own[2:]) > 0 else around
    return one | {"bbox": box, "area": one.get("area") or BODY * around[2] * around[3]}


def around_keypoints(keypoints: Sequence[float], size: Size) -> list[float]:
    """A box (x, y, width, height) about labelled keypoints, within the picture; all of it about one alone.

    Args:
        keypoints: 3 K numbers as in COCO.
        size: (width, height) of the picture.
    """
    points: NDArray[np.float64] = np.array(keypoints, np.float64).reshape(-1, 3)
    points = points[points[:, 2] > 0, :2].clip(0, np.array(size) - 1)
    extent = np.ptp(points, axis=0) if len(points) else np.zeros(2)
    if extent.max() < SMALLEST:
        return [0.0, 0.0, *map(float, size)]
    low = np.maximum(points.min(0) - MARGIN * extent.max(), 0)
    far = np.minimum(points.max(0) + MARGIN * extent.max(), np.array(size) - 1)
    return [*map(float, low), *map(float, far - low + 1)]
