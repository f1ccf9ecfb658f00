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
    placements: Floats  # (N, 4) placements of evaluation's crops
    corners: Floats  # (N, 4) of the boxes
    points: Floats  # (N, K, 2)
    labelled: Bools  # (N, K)
    reach: Floats  # (N, 4) corners of what evaluation's crops may show; every pixel of it is in the pack

    @property
    def diagonal(self) -> Floats:
        """(N,) of the whole boxes, in pixels of the picture."""
        return np.asarray(np.linalg.norm(self.corners[:, 2:] - self.corners[:, :2], axis=1))


@dataclass(frozen=True, eq=False)
class TruncatedBoxes:
    """Boxes after a cut, and what is visible of the people in them."""

    edge: Edge
    share: float  # of the box that was cut off, along that axis
    placements: Floats  # (N, 4) placements of the crops
    corners: Floats  # (N, 4) of the boxes
    visible: Floats  # (N, 4) first and last of the whole pixels that are fed to a model


def annotated_people(data: CocoData, padding: float) -> People:
    """The people of the validation set with all that is needed to truncate their boxes.

    Raises:
        DataError: its boxes are detected, so that nothing tells where the people in them are.
    """
    arrays = data.val.pack.arrays
    if not arrays["labelled"].any():
        raise DataError(
            data.val.folder,
            "truncation is measured on annotated boxes, and these were detected",
            remedy="Run this sweep without --detections",
            code="unlabelled",
        )
    reach = crop.reach(arrays["options"], crop.STILL)
    reach[:, 2:] -= 1  # from where the region ends to its last pixel
    return People(
        data.val,
        padding,
        placements=arrays["options"][:, 0],
        corners=arrays["corners"],
        points=arrays["points"],
        labelled=arrays["labelled"],
        reach=reach,
    )


def truncate(whole: People, edge: Edge, share: float) -> TruncatedBoxes:
    """The boxes without `share` of their height (`above`, `below`) or width (`left`, `right`) at one edge.

    A cut box is cropped as any box is: grown to the crop's aspect ratio, then padded. Of what that brings
    into view only that is shown which the whole box's crop shows on the near side of the cut; so nothing of
    the person beyond the cut can be seen, and a cut of 0 gives evaluation's own crops.
    """
    index = _EDGES.index(edge)
    line = whole.corners[:, index] + share * (whole.corners[:, index - 2] - whole.corners[:, index])
    corners, visible = whole.corners.copy(), whole.reach.copy()
    corners[:, index] = line
    if share:
        visible[:, index] = np.floor(line) if index >= 2 else np.ceil(line)
    height, width = whole.split.size
    return TruncatedBoxes(
        edge, share, crop.whole_bodies(corners, width / height, whole.padding), corners, visible
    )


def is_cut_off(points: Floats, boxes: TruncatedBoxes) -> Bools:
    """(N, K): which of the points (N, K, 2) lie past the edge that was cut; none where nothing was."""
    index = _EDGES.index(boxes.edge)
    along, line = points[..., index % 2], boxes.corners[:, index, None]
    past = along > line if index >= 2 else along < line
    return np.asarray(past & (boxes.share > 0))


def crop_maps(boxes: TruncatedBoxes, rows: Rows, size: tuple[int, int]) -> Floats:
    """The maps (B, 2, 3) from crops to the picture; see `crop.matrices`."""
    still = np.zeros(len(rows))
    return crop.matrices(boxes.placements[rows], still, still > 0, size)


def crops(whole: People, boxes: TruncatedBoxes, rows: Rows, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Crops (B, H, W, 3), black where nothing is shown, as outside a picture."""
    to_picture = crop_maps(boxes, rows, size)
    return whole.split.pack.crop(rows, to_picture, size) * _visible(to_picture, boxes.visible[rows], size)


def _visible(to_picture: Floats, visible: Floats, size: tuple[int, int]) -> Bools:
    """(B, H, W, 1): pixels whose bilinear neighbours all lie in `visible` (B, 4)."""
    seen = []
    for axis, length in ((1, size[0]), (0, size[1])):
        along = to_picture[:, axis, axis, None] * np.arange(length) + to_picture[:, axis, 2, None]
        seen.append((along >= visible[:, axis, None]) & (along <= visible[:, axis + 2, None]))
    down, across = seen
    return np.asarray(down[:, :, None, None] & across[:, None, :, None])
