"""Which annotations of a COCO file are samples: COCO's own rules, as the authors' loader applies them.

Shapes: N samples, K keypoints.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.coco_files import (
    Annotations,
    Detections,
    find_annotations,
    read_annotations,
    read_detections,
)
from datasets.errors import DataError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Samples:
    """What is cropped out of pictures: annotated people, or detected boxes, which have no keypoints."""

    id: NDArray[np.int64]  # (N,) the annotation's id, or the number of the box in its file
    picture: NDArray[np.int64]  # (N,) index into the annotations' pictures
    corners: Floats  # (N, 4) x1, y1, x2, y2, inside the picture
    points: Floats  # (N, K, 2)
    labelled: Bools  # (N, K)
    area: Floats  # (N,) of the annotated person; 0 for a detected box
    score: Floats  # (N,) of the detected box; 0 for an annotated person
    left_out: Mapping[str, int]  # how many records were not used, by reason


@dataclass(frozen=True, eq=False)
class Half:
    """One split of a set on the disk."""

    annotations: Annotations
    samples: Samples


@dataclass(frozen=True, eq=False)
class Halves:
    """A set on the disk, read and checked, its pictures not yet opened."""

    train: Half
    val: Half
    detections: Path | None


def read(root: Path, detections: Path | None = None) -> Halves:
    """Read both splits of a folder in COCO's layout.

    Args:
        detections: COCO detection results for the validation pictures, to crop in place of annotated boxes.

    Raises:
        DataError: something is missing, broken or contradicts itself; or no sample is left.
    """
    if not root.is_dir():
        raise DataError(root, "is not a folder", remedy="Name the folder of the data set")
    paths = find_annotations(root)
    train, val = (read_annotations(root, path, split) for split, path in paths.items())
    if train.category.keypoints != val.category.keypoints:
        raise DataError(val.path, f"its keypoints are not those of {train.path.name}", remedy="Use one list")
    boxes = people(val) if detections is None else detected(read_detections(detections, val), val)
    return Halves(Half(train, _some(train, people(train))), Half(val, _some(val, boxes)), detections)


def _some(annotations: Annotations, samples: Samples) -> Samples:
    if len(samples.id):
        return samples
    reasons = ", ".join(f"{count} {reason}" for reason, count in samples.left_out.items()) or "it has none"
    raise DataError(annotations.path, f"no usable person is left ({reasons})", remedy="Use other annotations")


def people(annotations: Annotations) -> Samples:
    """Annotated people who are no crowd, have a labelled keypoint, an area and a box inside the picture.

    Raises:
        DataError: a labelled keypoint lies farther outside its picture than the picture is large.
    """
    corners, fits = _clipped(annotations.box, _sides(annotations)[annotations.picture])
    labelled = annotations.keypoints[..., 2] > 0
    kept, left_out = _sift(
        {
            "crowds": ~annotations.crowd,
            "without labelled keypoints": labelled.any(1) & (annotations.count > 0),
            "without area": annotations.area > 0,
            "with an empty box": fits,
        }
    )
    _check_keypoints(annotations, labelled & kept[:, None])
    return Samples(
        id=annotations.id[kept],
        picture=annotations.picture[kept],
        corners=corners[kept],
        points=annotations.keypoints[kept, :, :2],
        labelled=labelled[kept],
        area=annotations.area[kept],
        score=np.zeros(int(kept.sum())),
        left_out=left_out,
    )


def detected(detections: Detections, annotations: Annotations) -> Samples:
    """Detected boxes that are not empty within their picture; no threshold on the score."""
    corners, fits = _clipped(detections.box, _sides(annotations)[detections.picture])
    kept, left_out = _sift({"detections with an empty box": fits})
    N, K = int(kept.sum()), len(annotations.category.keypoints)
    return Samples(
        id=np.flatnonzero(kept),
        picture=detections.picture[kept],
        corners=corners[kept],
        points=np.zeros((N, K, 2)),
        labelled=np.zeros((N, K), bool),
        area=np.zeros(N),
        score=detections.score[kept],
        left_out=left_out,
    )


def digest(halves: Halves) -> str:
    """16 hex digits over the annotations, the detections and the names and sizes of all pictures in use.

    Raises:
        DataError: a picture is missing.
    """
    files = [halves.train.annotations.path, halves.val.annotations.path, *filter(None, [halves.detections])]
    total = hashlib.sha256()
    for path in files:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    for half in (halves.train, halves.val):
        for line in _pictures_in_use(half):
            total.update(line.encode())
    return total.hexdigest()[:16]


def _pictures_in_use(half: Half) -> Iterable[str]:
    annotations = half.annotations
    for index in np.unique(half.samples.picture).tolist():
        path = annotations.pictures[index].path
        try:
            yield f"{path.name} {path.stat().st_size}\n"
        except OSError as error:
            raise DataError(
                path,
                "this picture is missing",
                remedy=f"Put it there, or take image {annotations.picture_ids[index]} out of "
                f"{annotations.path.name}",
            ) from error


def _sides(annotations: Annotations) -> Floats:
    """(M, 2) width and height of each picture."""
    return np.array([(p.width, p.height) for p in annotations.pictures], np.float64)


def _clipped(boxes: Floats, sides: Floats) -> tuple[Floats, Bools]:
    """Corners (N, 4) within the picture, x2 = x + width - 1, and whether anything is left of the box."""
    far = boxes[:, :2] + np.maximum(boxes[:, 2:] - 1, 0)
    low, high = np.clip(boxes[:, :2], 0, sides - 1), np.clip(far, 0, sides - 1)
    return np.hstack([low, high]), np.asarray((high > low).all(1))


def _sift(rules: Mapping[str, Bools]) -> tuple[Bools, dict[str, int]]:
    """Who passes all rules; and how many each rule stopped first."""
    passed = np.ones_like(next(iter(rules.values())))
    stopped = {}
    for reason, rule in rules.items():
        stopped[reason] = int((passed & ~rule).sum())
        passed = passed & rule
    return passed, {reason: count for reason, count in stopped.items() if count}


def _check_keypoints(annotations: Annotations, used: Bools) -> None:
    sides = _sides(annotations)[annotations.picture][:, None]
    points = annotations.keypoints[..., :2]
    absurd = ((points < -sides) | (points > 2 * sides)).any(2) & used
    for index, joint in np.argwhere(absurd)[:1].tolist():
        x, y = points[index, joint]
        raise DataError(
            annotations.path,
            f"keypoint {annotations.category.keypoints[joint]} at ({x:g}, {y:g}) lies farther outside its "
            "picture than the picture is large",
            record=f"annotation {annotations.id[index]}",
            remedy="Correct it, or set its visibility to 0",
        )
