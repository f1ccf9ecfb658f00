"""Which annotations of a COCO file are samples: COCO's own rules, as the authors' loader applies them.

Shapes: N samples, K keypoints.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.coco.annotation_files import (
    Annotations,
    Detections,
    find_annotations,
    sift_annotations,
    sift_detections,
)
from datasets.io.errors import DataError
from datasets.io.gc_pause import uncollected
from datasets.io.image import Survey, stated
from datasets.io.problems import Broken, refuse, sift

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
class SplitSamples:
    """One split of a set on the disk."""

    annotations: Annotations
    samples: Samples


@dataclass(frozen=True, eq=False)
class SetSamples:
    """A set on the disk, read and checked, its pictures not yet opened."""

    train: SplitSamples
    val: SplitSamples
    detections: Path | None


def read(root: Path, detections: Path | None = None) -> SetSamples:
    """Read both splits of a folder in COCO's layout.

    Args:
        detections: COCO detection results for the validation pictures, to crop in place of annotated boxes.

    Raises:
        DataError: something is missing, broken or contradicts itself; or no sample is left.
    """
    found, broken = sift_set(root, detections)
    refuse(broken)
    check_not_empty(found)
    return found


@uncollected()
def sift_set(
    root: Path, detections: Path | None = None, lost: Collection[str] = ()
) -> tuple[SetSamples, list[Broken]]:
    """Read both splits: what can be used of them, and what is broken.

    Args:
        lost: pictures known to be broken, as `picture.name_in` calls them.

    Raises:
        DataError: a file is missing or is none of COCO's format, or the splits contradict each other.
    """
    if not root.is_dir():
        raise DataError(root, "is not a folder", remedy="Name the folder of the data set")
    paths = find_annotations(root)
    (train, bad_train), (val, bad_val) = (
        _sound(*sift_annotations(root, path, split, lost)) for split, path in paths.items()
    )
    if train.category.keypoints != val.category.keypoints:
        raise DataError(val.path, f"its keypoints are not those of {train.path.name}", remedy="Use one list")
    broken = bad_train + bad_val
    if detections is None:
        boxes = people(val)
    else:
        found, bad_boxes = sift_detections(detections, val)
        boxes, broken = detected(found, val), broken + bad_boxes
    return SetSamples(SplitSamples(train, people(train)), SplitSamples(val, boxes), detections), broken


def survey(root: Path, detections: Path | None = None) -> Survey:
    """All that is broken in the annotations, and the pictures that are wanted.

    Raises:
        DataError: as `sift_set`.
    """
    found, broken = sift_set(root, detections)
    pictures = (
        half.annotations.pictures[index]
        for half in (found.train, found.val)
        for index in np.unique(half.samples.picture).tolist()
    )
    return Survey(tuple(broken), tuple(pictures))


def check_not_empty(halves: SetSamples) -> None:
    """Raises DataError for a split without samples."""
    for half in (halves.train, halves.val):
        if not len(half.samples.id):
            left_out = half.samples.left_out.items()
            reasons = ", ".join(f"{count} {reason}" for reason, count in left_out) or "it has none"
            path, problem = half.annotations.path, f"no usable person is left ({reasons})"
            raise DataError(path, problem, remedy="Use other annotations")


def people(annotations: Annotations) -> Samples:
    """Annotated people who are no crowd, have a labelled keypoint, an area and a box inside the picture."""
    kept, left_out = _sift(_rules(annotations))
    corners, _ = _clipped(annotations.box, _sides_of(annotations))
    return Samples(
        id=annotations.id[kept],
        picture=annotations.picture[kept],
        corners=corners[kept],
        points=annotations.keypoints[kept, :, :2],
        labelled=(annotations.keypoints[..., 2] > 0)[kept],
        area=annotations.area[kept],
        score=np.zeros(int(kept.sum())),
        left_out={**annotations.left_out, **left_out},
    )


def _rules(annotations: Annotations) -> dict[str, Bools]:
    """Who passes each rule of the benchmark."""
    _, fits = _clipped(annotations.box, _sides_of(annotations))
    return {
        "crowds": ~annotations.crowd,
        "without labelled keypoints": (annotations.keypoints[..., 2] > 0).any(1) & (annotations.count > 0),
        "without area": annotations.area > 0,
        "with an empty box": fits,
    }


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
        left_out={**detections.left_out, **left_out},
    )


def digest(halves: SetSamples, skipped: Sequence[str] = ()) -> str:
    """16 hex digits over the annotations, the detections and the names and sizes of all pictures in use.

    Args:
        skipped: what was left out as broken.

    Raises:
        DataError: pictures are missing.
    """
    files = [halves.train.annotations.path, halves.val.annotations.path, *filter(None, [halves.detections])]
    total = hashlib.sha256()
    for path in files:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    (train, bad_train), (val, bad_val) = (_listed(half) for half in (halves.train, halves.val))
    refuse(bad_train + bad_val)
    for line in train + val:
        total.update(line.encode())
    total.update("\n".join(skipped).encode())
    return total.hexdigest()[:16]


def _listed(half: SplitSamples) -> tuple[list[str], list[Broken]]:
    """A line for each picture in use; and those that are missing."""
    annotations = half.annotations

    def line(index: int) -> str:
        name = annotations.path.name
        remedy = f"Put it there, or take image {annotations.picture_ids[index]} out of {name}"
        return stated(annotations.pictures[index].path, name, remedy)

    return sift(line, np.unique(half.samples.picture).tolist())


def _sides(annotations: Annotations) -> Floats:
    """(M, 2) width and height of each picture."""
    return np.array([(p.width, p.height) for p in annotations.pictures], np.float64).reshape(-1, 2)


def _sides_of(annotations: Annotations) -> Floats:
    """(N, 2) width and height of each annotation's picture."""
    return np.asarray(_sides(annotations)[annotations.picture])


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


def _sound(annotations: Annotations, broken: list[Broken]) -> tuple[Annotations, list[Broken]]:
    """Without people whose box or keypoints can't be where they are said to be."""
    rules = _rules(annotations)
    fits = rules.pop("with an empty box")
    used = np.all(list(rules.values()), axis=0)
    misplaced = {**_stray_keypoints(annotations, used & fits), **_stray_boxes(annotations, used)}
    return annotations.without(misplaced), broken + [misplaced[index] for index in sorted(misplaced)]


def _stray_boxes(annotations: Annotations, used: Bools) -> dict[int, Broken]:
    """Boxes with an extent of which nothing lies inside the picture."""
    (x, y, width, height), sides = annotations.box.T, _sides_of(annotations).T
    outside = (x >= sides[0]) | (y >= sides[1]) | (x + width <= 0) | (y + height <= 0)
    strays = np.flatnonzero(outside & (width > 0) & (height > 0) & used).tolist()
    return {
        index: _misplaced(
            annotations, index, f"bbox {_box(annotations.box[index])} lies outside its picture", "Correct it"
        )
        for index in strays
    }


def _box(box: Floats) -> str:
    return "[" + ", ".join(f"{number:g}" for number in box.tolist()) + "]"


def _stray_keypoints(annotations: Annotations, used: Bools) -> dict[int, Broken]:
    """Labelled keypoints farther outside their picture than it is large: the first one of each person."""
    sides = _sides_of(annotations)[:, None]
    points, labelled = annotations.keypoints[..., :2], annotations.keypoints[..., 2] > 0
    absurd = ((points < -sides) | (points > 2 * sides)).any(2) & labelled & used[:, None]
    found: dict[int, Broken] = {}
    for index, joint in reversed(np.argwhere(absurd).tolist()):
        x, y = points[index, joint]
        problem = (
            f"keypoint {annotations.category.keypoints[joint]} at ({x:g}, {y:g}) lies farther outside its "
            "picture than the picture is large"
        )
        remedy = "Correct it, or set its visibility to 0"
        found[index] = _misplaced(annotations, index, problem, remedy)
    return found


def _misplaced(annotations: Annotations, index: int, problem: str, remedy: str) -> Broken:
    return Broken(str(annotations.path), f"annotation {annotations.id[index]}", problem, remedy)
