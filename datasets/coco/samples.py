"""Which annotations of a COCO file are samples: COCO's own rules, as the authors' loader applies them.

Shapes: N samples, K keypoints.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.base import plausible, shared_pictures
from datasets.base.annotated import AnnotatedSet, PoseSamples, whole
from datasets.coco.annotation_files import (
    Annotations,
    Detections,
    parse_annotations,
    parse_detections,
)
from datasets.coco.layout import find_annotations
from datasets.coco.stand_ins import clipped, labelled, sides, sides_of, useful, with_counts, with_stand_ins
from datasets.io.assumptions import Assumed
from datasets.io.errors import DataError
from datasets.io.gc_pause import gc_paused
from datasets.io.image import PictureFile
from datasets.io.problems import Problem

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
    """One split of a set on the disk, as `datasets.base.annotated.AnnotatedSplit`."""

    annotations: Annotations
    samples: Samples

    @property
    def path(self) -> Path:
        """The file of annotations."""
        return self.annotations.path

    @property
    def left_out(self) -> Mapping[str, int]:
        """How many records are not used, by reason."""
        return self.samples.left_out

    @property
    def assumed(self) -> Assumed:
        """Of how many records something was assumed."""
        return self.annotations.assumed

    def __len__(self) -> int:
        return len(self.samples.id)

    def pictures_in_use(self) -> Iterator[tuple[Path, str]]:
        """Those that samples are cut from, and what to do where one is missing."""
        annotations = self.annotations
        for index in np.unique(self.samples.picture).tolist():
            remedy = f"Put it there, or take image {annotations.picture_ids[index]} out of {self.path.name}"
            yield annotations.pictures[index].path, remedy

    def files_to_check(self) -> tuple[PictureFile, ...]:
        """The pictures that samples are cut from."""
        return tuple(self.annotations.pictures[i] for i in np.unique(self.samples.picture).tolist())

    def pose_samples(self) -> PoseSamples:
        """The people as they are packed, with the whole split's annotations for pycocotools."""
        samples, truth = self.samples, self.annotations
        arrays: dict[str, NDArray[Any]] = {
            "corners": samples.corners,
            "area": samples.area,
            "score": samples.score,
            "image_id": truth.picture_ids[samples.picture],
            "truth_images": truth.picture_ids,
            "truth_image_id": truth.picture_ids[truth.picture],
            "truth_box": truth.box,
            "truth_area": truth.area,
            "truth_crowd": truth.crowd,
            # pycocotools ignores whoever has none: those who are no samples can't be found.
            "truth_count": np.where(people_of(truth) | truth.crowd, truth.count, 0),
            "truth_keypoints": truth.keypoints,
        }
        return PoseSamples(
            id=samples.id,
            pictures=truth.pictures,
            picture=samples.picture,
            corners=samples.corners,
            points=samples.points,
            labelled=samples.labelled,
            arrays=arrays,
        )


def read(root: Path, detections: Path | None = None) -> AnnotatedSet[SplitSamples]:
    """Read both splits of a folder in COCO's layout.

    Args:
        detections: COCO detection results for the validation pictures, to crop in place of annotated boxes.

    Raises:
        DataError: something is missing, broken or contradicts itself; or no sample is left.
    """
    return whole(*parse_set(root, detections))


@gc_paused()
def parse_set(
    root: Path, detections: Path | None = None, broken_pictures: Collection[str] = ()
) -> tuple[AnnotatedSet[SplitSamples], list[Problem]]:
    """Read both splits: the usable records, and what is broken.

    Args:
        broken_pictures: names of pictures known to be broken, as `image.name_in` gives them.

    Raises:
        DataError: a file is missing or is none of COCO's format, or the splits contradict each other.
    """
    paths = find_annotations(root)
    (train, bad_train), (val, bad_val) = (
        _placed(*parse_annotations(root, path, split, broken_pictures, twin))
        for (split, path), twin in zip(paths.items(), reversed(paths.values()), strict=True)
    )
    if train.category.keypoints != val.category.keypoints:
        problem = f"its keypoints are not those of {train.path.name}"
        raise DataError(val.path, problem, remedy="Use one list", code="other-keypoints")
    for split in (train, val):
        _check_plausible(split)
    broken = bad_train + bad_val
    files: tuple[Path, ...] = (train.path, val.path)
    if detections is None:
        boxes = people(val)
    else:
        found, bad_boxes = parse_detections(detections, val)
        plausible.check_boxes(detections, found.box, sides(val)[found.picture])
        boxes, broken, files = detected(found, val), broken + bad_boxes, (*files, detections)
    splits = SplitSamples(train, people(train)), SplitSamples(val, boxes)
    used = [[file.path for file in split.files_to_check()] for split in splits]
    return AnnotatedSet(*splits, files, shared_pictures.assumed(*used)), broken


def people_of(annotations: Annotations) -> Bools:
    """(N,) who is a sample."""
    return np.asarray(np.all(list(_rules(annotations).values()), axis=0))


def _check_plausible(annotations: Annotations) -> None:
    who = np.flatnonzero(people_of(annotations))
    points, there = annotations.keypoints[who, :, :2], labelled(annotations)[who]
    plausible.check(annotations.path, points, there, annotations.box[who], sides_of(annotations)[who])


def people(annotations: Annotations) -> Samples:
    """Annotated people who are no crowd, have a labelled keypoint and a box inside the picture."""
    kept, left_out = _apply(_rules(annotations))
    corners, _ = clipped(annotations.box, sides_of(annotations))
    return Samples(
        id=annotations.id[kept],
        picture=annotations.picture[kept],
        corners=corners[kept],
        points=annotations.keypoints[kept, :, :2],
        labelled=labelled(annotations)[kept],
        area=annotations.area[kept],
        score=np.zeros(int(kept.sum())),
        left_out={**annotations.left_out, **left_out},
    )


def _rules(annotations: Annotations) -> dict[str, Bools]:
    """Who passes each rule."""
    _, fits = clipped(annotations.box, sides_of(annotations))
    return {
        "crowds": ~annotations.crowd,
        "without labelled keypoints": useful(annotations) | annotations.crowd,
        "with an empty box": fits,
    }


def detected(detections: Detections, annotations: Annotations) -> Samples:
    """Detected boxes that are not empty within their picture; no threshold on the score."""
    corners, fits = clipped(detections.box, sides(annotations)[detections.picture])
    kept, left_out = _apply({"detections with an empty box": fits})
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


def _apply(rules: Mapping[str, Bools]) -> tuple[Bools, dict[str, int]]:
    """Who passes all rules; and how many each rule stopped first."""
    passed = np.ones_like(next(iter(rules.values())))
    stopped = {}
    for reason, rule in rules.items():
        stopped[reason] = int((passed & ~rule).sum())
        passed = passed & rule
    return passed, {reason: count for reason, count in stopped.items() if count}


def _placed(found: Annotations, broken: list[Problem]) -> tuple[Annotations, list[Problem]]:
    """With all that can stand in; without people whose box or keypoints can't be where the file has them."""
    annotations = with_counts(found)
    used = useful(annotations)
    misplaced = {**_keypoints_outside(annotations, used), **_boxes_outside(annotations, used)}
    kept = with_stand_ins(annotations.without(misplaced))
    return kept, broken + [misplaced[index] for index in sorted(misplaced)]


def _boxes_outside(annotations: Annotations, used: Bools) -> dict[int, Problem]:
    """Boxes with an extent of which nothing lies inside the picture."""
    (x, y, width, height), sides = annotations.box.T, sides_of(annotations).T
    outside = (x >= sides[0]) | (y >= sides[1]) | (x + width <= 0) | (y + height <= 0)
    found = {}
    for index in np.flatnonzero(outside & (width > 0) & (height > 0) & used).tolist():
        box = ", ".join(f"{number:g}" for number in annotations.box[index].tolist())
        problem = f"bbox [{box}] lies outside its picture"
        found[index] = _misplaced(annotations, index, problem, "Correct it", "box-outside")
    return found


def _keypoints_outside(annotations: Annotations, used: Bools) -> dict[int, Problem]:
    """Labelled keypoints farther outside their picture than it is large: the first one of each person."""
    sides = sides_of(annotations)[:, None]
    points, labelled = annotations.keypoints[..., :2], annotations.keypoints[..., 2] > 0
    absurd = ((points < -sides) | (points > 2 * sides)).any(2) & labelled & used[:, None]
    found: dict[int, Problem] = {}
    for index, joint in reversed(np.argwhere(absurd).tolist()):
        x, y = points[index, joint]
        problem = (
            f"keypoint {annotations.category.keypoints[joint]} at ({x:g}, {y:g}) lies farther outside its "
            "picture than the picture is large"
        )
        remedy = "Correct it, or set its visibility to 0"
        found[index] = _misplaced(annotations, index, problem, remedy, "keypoint-outside")
    return found


def _misplaced(annotations: Annotations, index: int, problem: str, remedy: str, code: str) -> Problem:
    return Problem(str(annotations.path), f"annotation {annotations.id[index]}", problem, remedy, code)
