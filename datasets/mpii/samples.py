"""MPII's people, however they were read: what the two formats have in common.

Shapes: N people, K = 16 joints. Pixels count from 0 here; MATLAB's files count from 1.
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.io.errors import DataError
from datasets.io.image import PictureFile, size_of, stated
from datasets.io.problems import RECORDS, Broken, refuse, sift

Floats = NDArray[np.float64]

JOINTS = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("pelvis", "thorax", "neck", "head_top"),
    *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
)
"""MPII's 16, in MPII's order."""


_READERS = 8  # threads that wait for a disk


@dataclass(frozen=True, eq=False)
class People:
    """Annotated people, pixels counted from 0."""

    path: Path
    pictures: tuple[Path, ...]
    picture: NDArray[np.int64]  # (N,) index into the pictures
    id: NDArray[np.int64]  # (N,)
    record: tuple[str, ...]  # N, how to name the person in an error
    centre: Floats  # (N, 2) roughly the middle of the body
    scale: Floats  # (N,) roughly the person's height, in units of 200 pixels
    points: Floats  # (N, K, 2)
    labelled: NDArray[np.bool_]  # (N, K)
    left_out: Mapping[str, int]  # how many records were not used, by reason

    def rows(self, index: NDArray[np.int64]) -> "People":
        """The people at `index`."""
        arrays = {
            name: getattr(self, name)[index]
            for name in ("picture", "id", "centre", "scale", "points", "labelled")
        }
        return replace(self, record=tuple(self.record[i] for i in index.tolist()), **arrays)

    def without_broken(self, index: NDArray[np.int64]) -> "People":
        """All but the people at `index`, who count as broken."""
        if not len(index):
            return self
        kept = self.rows(np.setdiff1d(np.arange(len(self.id)), index))
        broken = self.left_out.get(RECORDS, 0) + len(index)
        return replace(kept, left_out={**self.left_out, RECORDS: broken})


@dataclass(frozen=True, eq=False)
class Heads:
    """What PCKh compares with, pixels counted from 0."""

    points: Floats  # (N, K, 2)
    counted: NDArray[np.bool_]  # (N, K) annotated
    boxes: Floats  # (N, 2, 2) opposite corners of the head

    def rows(self, index: NDArray[np.int64]) -> "Heads":
        """Those of the people at `index`."""
        return Heads(self.points[index], self.counted[index], self.boxes[index])


@dataclass(frozen=True, eq=False)
class Benchmark:
    """MPII's training pictures, split for training and validation."""

    train: People
    val: People
    heads: Heads  # of the validation people
    files: tuple[Path, ...]  # that all of this was read from


def flat_heads(path: Path, heads: Heads, records: Sequence[str]) -> dict[int, Broken]:
    """Head boxes without an extent, which nothing could be measured by."""
    with np.errstate(all="ignore"):  # of boxes that aren't finite something else is said
        flat = np.linalg.norm(heads.boxes[:, 1] - heads.boxes[:, 0], axis=1) <= 0
    return {
        index: Broken(
            str(path), records[index], f"the head box {heads.boxes[index].tolist()} is empty", "Correct it"
        )
        for index in np.flatnonzero(flat).tolist()
    }


def check_not_empty(benchmark: Benchmark) -> None:
    """Raises DataError for a split without people."""
    for people, purpose in ((benchmark.train, "training"), (benchmark.val, "validation")):
        if not len(people.id):
            reasons = ", ".join(f"{count} {reason}" for reason, count in people.left_out.items())
            problem = f"nobody is left for {purpose} ({reasons or 'it has none'})"
            raise DataError(people.path, problem, remedy="Use the whole set")


def digest(benchmark: Benchmark, skipped: Sequence[str] = ()) -> str:
    """16 hex digits over the annotations and the names and sizes of all pictures.

    Args:
        skipped: what was left out as broken.

    Raises:
        DataError: pictures are missing.
    """
    total = hashlib.sha256()
    for path in benchmark.files:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    halves = [
        sift(partial(stated, annotations=people.path.name), people.pictures)
        for people in (benchmark.train, benchmark.val)
    ]
    refuse([one for _, broken in halves for one in broken])
    for lines, _ in halves:
        total.update("".join(lines).encode())
    total.update("\n".join(skipped).encode())
    return total.hexdigest()[:16]


def picture_files(people: People) -> tuple[PictureFile, ...]:
    """The pictures with their sizes, which MPII's annotations do not tell; reads each one's first bytes.

    Raises:
        DataError: a picture is missing or none, or a person's centre or labelled joint lies far outside.
    """
    files, broken = sized(people.pictures)
    refuse(broken)
    refuse(list(misplaced(people, files).values()))
    return files


def sized(pictures: Sequence[Path]) -> tuple[tuple[PictureFile, ...], list[Broken]]:
    """The pictures with their sizes, 0 x 0 where one can't be read; and which those are."""
    with ThreadPoolExecutor(_READERS) as threads:
        found = list(threads.map(lambda path: sift(size_of, [path]), pictures))
    sizes = [good[0] if good else (0, 0) for good, _ in found]
    files = (PictureFile(path, *size) for path, size in zip(pictures, sizes, strict=True))
    return tuple(files), [one for _, broken in found for one in broken]


def misplaced(people: People, files: Sequence[PictureFile]) -> dict[int, Broken]:
    """People whose centre lies outside their picture, or a labelled joint far outside; one reason each.

    Nothing is said of people in pictures whose size is not known, 0 x 0.
    """
    sides = np.array([(f.width, f.height) for f in files], np.float64).reshape(-1, 2)[people.picture]
    known = (sides > 0).all(1)
    found: dict[int, Broken] = {}
    absurd = ((people.points < -sides[:, None]) | (people.points > 2 * sides[:, None])).any(2)
    strays = np.argwhere(np.asarray(absurd) & people.labelled & np.asarray(known)[:, None])
    for index, joint in reversed(strays.tolist()):
        x, y = people.points[index, joint] + 1
        where = f"joints: {JOINTS[joint]} at ({x:g}, {y:g})"
        found[index] = _outside(
            people, index, f"{where} lies farther outside its picture than the picture is large"
        )
    outside = ((people.centre < 0) | (people.centre > sides - 1)).any(1) & known
    for index in np.flatnonzero(outside).tolist():
        x, y = people.centre[index] + 1
        found[index] = _outside(people, index, f"center ({x:g}, {y:g}) lies outside the picture")
    return dict(sorted(found.items()))


def _outside(people: People, index: int, problem: str) -> Broken:
    return Broken(str(people.path), people.record[index], problem, "Correct it, or take it out")
