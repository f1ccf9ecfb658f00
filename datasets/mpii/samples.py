"""MPII's people, however they were read: what the two formats have in common.

Shapes: N people, K = 16 joints. Pixels count from 0 here; MATLAB's files count from 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.base import plausible
from datasets.base.annotated import PoseSamples
from datasets.io.assumptions import Assumed
from datasets.io.image import PictureFile, size_of
from datasets.io.problems import RECORDS, Problem, parse_each, raise_if_any
from datasets.metrics.pck_mpjpe import head_sizes

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

JOINTS = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("pelvis", "thorax", "neck", "head_top"),
    *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
)
"""MPII's 16, in MPII's order."""

HEIGHT = 200.0
"""Pixels that a scale of 1 stands for."""

LOWERED = 15.0
"""Pixels by which the widely used code moves the centre of a crop down for each unit of scale (Xiao et al.,
"Simple baselines", lib/dataset/mpii.py)."""

_READERS = 8  # threads that wait for a disk


@dataclass(frozen=True, eq=False)
class Heads:
    """What PCKh compares with, pixels counted from 0."""

    points: Floats  # (N, K, 2)
    counted: NDArray[np.bool_]  # (N, K) annotated
    boxes: Floats  # (N, 2, 2) opposite corners of the head

    def rows(self, index: Rows) -> "Heads":
        """Those of the people at `index`."""
        return Heads(self.points[index], self.counted[index], self.boxes[index])


@dataclass(frozen=True, eq=False)
class People:
    """Annotated people of a split, pixels counted from 0; a `datasets.base.annotated.AnnotatedSplit`."""

    path: Path
    pictures: tuple[Path, ...]
    picture: Rows  # (N,) index into the pictures
    id: Rows  # (N,)
    record: tuple[str, ...]  # N, how to name the person in an error
    centre: Floats  # (N, 2) roughly the middle of the body
    scale: Floats  # (N,) roughly the person's height, in units of 200 pixels
    points: Floats  # (N, K, 2)
    labelled: NDArray[np.bool_]  # (N, K)
    left_out: Mapping[str, int]  # how many records were not used, by reason
    heads: Heads | None = None  # of validation people
    as_stored: bool = False  # pixels count without EXIF's orientation
    assumed: Assumed = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.id)

    def check_plausible(self) -> None:
        """Refuse joints that can't belong to their people's places and heights.

        Raises:
            DataError: too many lie far outside.
        """
        half = HEIGHT / 2 * self.scale[:, None]
        boxes = np.hstack([self.centre + 1 - half, 2 * half, 2 * half])  # as in the file, from 1
        unknown = np.full((len(self), 2), np.inf)  # the pictures' sizes stand in the pictures alone
        plausible.check(self.path, self.points + 1, self.labelled, boxes, unknown)

    def rows(self, index: Rows) -> "People":
        """The people at `index`."""
        arrays = {
            name: getattr(self, name)[index]
            for name in ("picture", "id", "centre", "scale", "points", "labelled")
        }
        heads = None if self.heads is None else self.heads.rows(index)
        return replace(self, record=tuple(self.record[i] for i in index.tolist()), heads=heads, **arrays)

    def without_broken(self, broken: Mapping[int, Problem]) -> "People":
        """All but these people, who count as broken."""
        if not broken:
            return self
        kept = self.rows(np.setdiff1d(np.arange(len(self)), np.array(list(broken), np.int64)))
        count = self.left_out.get(RECORDS, 0) + len(broken)
        return replace(kept, left_out={**self.left_out, RECORDS: count})

    def pictures_in_use(self) -> Iterator[tuple[Path, str]]:
        """All pictures that are listed, and what to do where one is missing."""
        return ((picture, "Put it there") for picture in self.pictures)

    def files_to_check(self) -> tuple[PictureFile, ...]:
        """The pictures with the sizes that their first bytes tell; 0 x 0 where they can't be read."""
        return sized(self.pictures, self.as_stored)[0]

    def pose_samples(self) -> PoseSamples:
        """The people as they are packed. Their crops are squares about the lowered centre.

        Raises:
            DataError: a picture is missing or none, or a person's centre or labelled joint lies far outside.
        """
        arrays: dict[str, NDArray[Any]] = {}
        if self.heads is not None:
            arrays |= {
                "truth": self.heads.points,
                "counted": self.heads.counted,
                "head": head_sizes(self.heads.boxes),
            }
        centre = self.centre + [0, 1] * (LOWERED * self.scale)[:, None]
        half = (HEIGHT / 2 * self.scale)[:, None]
        return PoseSamples(
            id=self.id,
            pictures=picture_files(self),
            picture=self.picture,
            corners=np.hstack([centre - half, centre + half]),
            points=self.points,
            labelled=self.labelled,
            arrays=arrays,
        )


def flat_heads(path: Path, heads: Heads, records: Sequence[str]) -> dict[int, Problem]:
    """Head boxes without an extent, which nothing could be measured by."""
    with np.errstate(all="ignore"):  # boxes that aren't finite have an error of their own
        flat = np.linalg.norm(heads.boxes[:, 1] - heads.boxes[:, 0], axis=1) <= 0
    found = {}
    for index in np.flatnonzero(flat).tolist():
        reason = f"the head box {heads.boxes[index].tolist()} is empty"
        found[index] = Problem(str(path), records[index], reason, "Correct it", "empty-head")
    return found


def picture_files(people: People) -> tuple[PictureFile, ...]:
    """The pictures with their sizes, which MPII's annotations do not tell; reads each one's first bytes.

    Raises:
        DataError: a picture is missing or none, or a person's centre or labelled joint lies far outside.
    """
    files, broken = sized(people.pictures, people.as_stored)
    raise_if_any(broken)
    raise_if_any(list(misplaced(people, files).values()))
    return files


def sized(pictures: Sequence[Path], as_stored: bool = False) -> tuple[tuple[PictureFile, ...], list[Problem]]:
    """The pictures with their sizes, 0 x 0 where one can't be read; and which those are."""
    with ThreadPoolExecutor(_READERS) as threads:
        read = partial(size_of, as_stored=as_stored)
        found = list(threads.map(lambda path: parse_each(read, [path]), pictures))
    sizes = [good[0] if good else (0, 0) for good, _ in found]
    files = (PictureFile(path, *size, as_stored) for path, size in zip(pictures, sizes, strict=True))
    return tuple(files), [one for _, broken in found for one in broken]


def misplaced(people: People, files: Sequence[PictureFile]) -> dict[int, Problem]:
    """People whose centre lies outside their picture, or a labelled joint far outside; one reason each.

    People in pictures of unknown size, 0 x 0, are not checked.
    """
    sides = np.array([(f.width, f.height) for f in files], np.float64).reshape(-1, 2)[people.picture]
    known = (sides > 0).all(1)
    found: dict[int, Problem] = {}
    absurd = ((people.points < -sides[:, None]) | (people.points > 2 * sides[:, None])).any(2)
    outside = np.argwhere(np.asarray(absurd) & people.labelled & np.asarray(known)[:, None])
    for index, joint in reversed(outside.tolist()):
        x, y = people.points[index, joint] + 1
        reason = (
            f"joints: {JOINTS[joint]} at ({x:g}, {y:g}) lies farther outside its picture than the picture is "
            "large"
        )
        found[index] = _outside(people, index, reason, "keypoint-outside")
    centre_outside = ((people.centre < 0) | (people.centre > sides - 1)).any(1) & known
    for index in np.flatnonzero(centre_outside).tolist():
        x, y = people.centre[index] + 1
        reason = f"center ({x:g}, {y:g}) lies outside the picture"
        found[index] = _outside(people, index, reason, "centre-outside")
    return dict(sorted(found.items()))


def _outside(people: People, index: int, reason: str, code: str) -> Problem:
    return Problem(str(people.path), people.record[index], reason, "Correct it, or take it out", code)
