"""Boxes that lose a part at one edge, and the crops that show the rest.

Shapes: N people, B of a batch, K keypoints, H W pixels of a crop. Corners (N, 4) are x1, y1, x2, y2 in
pixels of the picture.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datasets.coco.dataset import CocoData
from datasets.crops import crop
from datasets.crops.pose_split import PoseSplit
from datasets.io.errors import DataError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]

Edge = Literal["left", "above", "right", "below"]
_EDGES: tuple[Edge, ...] = ("left", "above", "right", "below")  # as in corners


@dataclass(frozen=True, eq=False)
class People:
    """The annotated people of a validation split, whole."""

    split: PoseSplit
    padding: float  # of a box, as evaluation pads it
    place: Floats  # (N, 4) placements of evaluation's crops
    corners: Floats  # (N, 4) of the boxes
    points: Floats  # (N, K, 2)
    labelled: Bools  # (N, K)
    reach: Floats  # (N, 4) corners of what evaluation's crops may show; every pixel of it is in the pack

    @property
    def diagonal(self) -> Floats:
        """(N,) of the whole boxes, in pixels of the picture."""
        return np.asarray(np.linalg.norm(self.corners[:, 2:] - self.corners[:, :2], axis=1))


@dataclass(frozen=True, eq=False)
class Cut:
    """Boxes after a cut, and what is left to see of the people in them."""

    edge: Edge
    share: float  # of the box that was cut off, along that axis
    place: Floats  # (N, 4) placements of the crops
    corners: Floats  # (N, 4) of the boxes
    shown: Floats  # (N, 4) first and last of the whole pixels that are fed to a model


def people(data: CocoData, padding: float) -> People:
    """What a probe needs to know of the validation set.

    Raises:
        DataError: its boxes are detected, so that nothing tells where the people in them are.
    """
    arrays = data.val.pack.arrays
    if not arrays["labelled"].any():
        raise DataError(
            data.val.folder,
            "truncation is measured on annotated boxes, and these were detected",
            remedy="Run this sweep without --detections",
        )
    reach = crop.reach(arrays["options"], crop.STILL)
    reach[:, 2:] -= 1  # from where the region ends to its last pixel
    return People(
        data.val,
        padding,
        place=arrays["options"][:, 0],
        corners=arrays["corners"],
        points=arrays["points"],
        labelled=arrays["labelled"],
        reach=reach,
    )


def cut(whole: People, edge: Edge, share: float) -> Cut:
    """The boxes without `share` of their height (`above`, `below`) or width (`left`, `right`) at one edge.

    A cut box is cropped as any box is: grown to the crop's aspect ratio, then padded. Of what that brings
    into view only that is shown which the whole box's crop shows on the near side of the cut; so nothing of
    the person beyond the cut can be seen, and a cut of 0 gives evaluation's own crops.
    """
    index = _EDGES.index(edge)
    line = whole.corners[:, index] + share * (whole.corners[:, index - 2] - whole.corners[:, index])
    corners, shown = whole.corners.copy(), whole.reach.copy()
    corners[:, index] = line
    if share:
        shown[:, index] = np.floor(line) if index >= 2 else np.ceil(line)
    height, width = whole.split.size
    return Cut(edge, share, crop.whole_bodies(corners, width / height, whole.padding), corners, shown)


def beyond(points: Floats, part: Cut) -> Bools:
    """(N, K): which of the points (N, K, 2) lie past the edge that was cut; none where nothing was."""
    index = _EDGES.index(part.edge)
    along, line = points[..., index % 2], part.corners[:, index, None]
    past = along > line if index >= 2 else along < line
    return np.asarray(past & (part.share > 0))


def maps(part: Cut, rows: Rows, size: tuple[int, int]) -> Floats:
    """The maps (B, 2, 3) from crops to the picture; see `crop.matrices`."""
    still = np.zeros(len(rows))
    return crop.matrices(part.place[rows], still, still > 0, size)


def view(whole: People, part: Cut, rows: Rows, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Crops (B, H, W, 3), black where nothing is shown, as outside a picture."""
    to_picture = maps(part, rows, size)
    return whole.split.pack.crop(rows, to_picture, size) * _visible(to_picture, part.shown[rows], size)


def _visible(to_picture: Floats, shown: Floats, size: tuple[int, int]) -> Bools:
    """(B, H, W, 1): pixels whose bilinear neighbours all lie in `shown` (B, 4)."""
    seen = []
    for axis, length in ((1, size[0]), (0, size[1])):
        along = to_picture[:, axis, axis, None] * np.arange(length) + to_picture[:, axis, 2, None]
        seen.append((along >= shown[:, axis, None]) & (along <= shown[:, axis + 2, None]))
    down, across = seen
    return np.asarray(down[:, :, None, None] & across[:, None, :, None])
