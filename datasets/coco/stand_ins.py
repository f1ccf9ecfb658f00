"""What stands in for parts of annotations that are missing.

Shapes: N annotations, K keypoints.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datasets.coco.annotation_files import Annotations
from datasets.io.assumptions import Assumed, added

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BODY = 0.53
"""Of a box is the body, as in CrowdPose's evaluation (crowdposetools), whose annotations have no area."""
SMALLEST = 2.0
"""Pixels. What is smaller than this has no extent."""

NO_AREA = f"{{n}} {{person has|people have}} no area: {BODY} of the box's area stands in"
NO_EXTENT = "{n} {person has|people have} no box with an extent: a square about the keypoints stands in"
A_POINT = "{n} {person has|people have} neither box nor keypoints with an extent: the whole picture stands in"
NO_COUNT = "{file}: num_keypoints is 0 or the same everywhere: keypoints are counted"


def labelled(annotations: Annotations) -> Bools:
    """(N, K) which keypoints are."""
    return np.asarray(annotations.keypoints[..., 2] > 0)


def with_stand_ins(annotations: Annotations) -> Annotations:
    """The same with a box and an area for everybody who has a labelled keypoint and is no crowd."""
    found, squares = _with_boxes(annotations)
    found, areas = _with_areas(found)
    return replace(found, assumed=added(annotations.assumed, squares, areas))


def useful(annotations: Annotations) -> Bools:
    """(N,) who is no crowd and has labelled keypoints."""
    return np.asarray(~annotations.crowd & labelled(annotations).any(1) & (annotations.count > 0))


def clipped(boxes: Floats, sides: Floats) -> tuple[Floats, Bools]:
    """Corners (N, 4) within the picture, x2 = x + width - 1, and whether anything is left of the box."""
    far = boxes[:, :2] + np.maximum(boxes[:, 2:] - 1, 0)
    low, high = np.clip(boxes[:, :2], 0, sides - 1), np.clip(far, 0, sides - 1)
    return np.hstack([low, high]), np.asarray((high > low).all(1))


def sides(annotations: Annotations) -> Floats:
    """(M, 2) width and height of each picture."""
    return np.array([(p.width, p.height) for p in annotations.pictures], np.float64).reshape(-1, 2)


def sides_of(annotations: Annotations) -> Floats:
    """(N, 2) width and height of each annotation's picture."""
    return np.asarray(sides(annotations)[annotations.picture])


def with_counts(annotations: Annotations) -> Annotations:
    """With the keypoints counted, if the file's own numbers can't be counts."""
    there, own = labelled(annotations).sum(1), annotations.count
    constant = bool(len(own)) and bool((own == own[0]).all()) and bool((own != there).any())
    denied = (own == 0)[(there > 0) & ~annotations.crowd]
    if not constant and not (len(denied) and denied.mean() > 0.5):
        return annotations
    said = {NO_COUNT.format(file=annotations.path.name): 1}
    return replace(annotations, count=there, assumed=added(annotations.assumed, said))


def _with_boxes(annotations: Annotations) -> tuple[Annotations, Assumed]:
    _, fits = clipped(annotations.box, sides_of(annotations))
    empty = np.flatnonzero(useful(annotations) & ~fits)
    low, high = _extents(annotations, empty)
    largest = np.maximum((high - low).max(1, initial=0), np.sqrt(annotations.area[empty]))
    point = largest < SMALLEST
    square = np.hstack([(low + high - largest[:, None]) / 2, np.tile(largest[:, None] + 1, 2)])
    whole = np.hstack([np.zeros((len(empty), 2)), sides_of(annotations)[empty]])
    box = annotations.box.copy()
    box[empty] = np.where(point[:, None], whole, square)
    said = {NO_EXTENT: int((~point).sum()), A_POINT: int(point.sum())}
    return replace(annotations, box=box), said


def _extents(annotations: Annotations, index: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Least and largest coordinates (n, 2) of the keypoints, and of boxes that are more than a point."""
    there = labelled(annotations)[index][..., None]
    points, box = annotations.keypoints[index, :, :2], annotations.box[index]
    extended = (box[:, 2:] >= SMALLEST).any(1, keepdims=True)
    corners = np.where(extended, box[:, :2], np.inf), np.where(extended, box[:, :2] + box[:, 2:] - 1, -np.inf)
    low = np.where(there, points, np.inf).min(1, initial=np.inf)
    high = np.where(there, points, -np.inf).max(1, initial=-np.inf)
    return np.minimum(low, corners[0]), np.maximum(high, corners[1])


def _with_areas(annotations: Annotations) -> tuple[Annotations, Assumed]:
    missing = annotations.area <= 0
    area = np.where(missing, BODY * annotations.box[:, 2:].prod(1), annotations.area)
    return replace(annotations, area=area), {NO_AREA: int((useful(annotations) & missing).sum())}
