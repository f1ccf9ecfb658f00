"""MPII's people, however they were read: what the two formats have in common.

Shapes: N people, K = 16 joints. Pixels count from 0 here; MATLAB's files count from 1.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.errors import DataError
from datasets.pack import PictureFile

Floats = NDArray[np.float64]

JOINTS = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("pelvis", "thorax", "neck", "head_top"),
    *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
)
"""MPII's 16, in MPII's order."""


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


@dataclass(frozen=True, eq=False)
class Heads:
    """What PCKh compares with, pixels counted from 0."""

    points: Floats  # (N, K, 2)
    counted: NDArray[np.bool_]  # (N, K) annotated
    boxes: Floats  # (N, 2, 2) opposite corners of the head


@dataclass(frozen=True, eq=False)
class Benchmark:
    """MPII's training pictures, split for training and validation."""

    train: People
    val: People
    heads: Heads  # of the validation people
    files: tuple[Path, ...]  # that all of this was read from


def check_heads(path: Path, heads: Heads, records: Sequence[str]) -> None:
    """Raises DataError for a head box without an extent, which nothing could be measured by."""
    flat = np.linalg.norm(heads.boxes[:, 1] - heads.boxes[:, 0], axis=1) <= 0
    for index in np.flatnonzero(flat)[:1].tolist():
        corners = heads.boxes[index].tolist()
        raise DataError(path, f"the head box {corners} is empty", record=records[index], remedy="Correct it")


def digest(benchmark: Benchmark) -> str:
    """16 hex digits over the annotations and the names and sizes of all pictures.

    Raises:
        DataError: a picture is missing.
    """
    total = hashlib.sha256()
    for path in benchmark.files:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    for people in (benchmark.train, benchmark.val):
        total.update("".join(_line(people, picture) for picture in people.pictures).encode())
    return total.hexdigest()[:16]


def _line(people: People, picture: Path) -> str:
    try:
        return f"{picture.name} {picture.stat().st_size}\n"
    except OSError as error:
        raise DataError(
            picture, f"this picture of {people.path.name} is missing", remedy="Put it there"
        ) from error


def picture_files(people: People) -> tuple[PictureFile, ...]:
    """The pictures with their sizes, which MPII's annotations do not tell; reads each one's first bytes.

    Raises:
        DataError: a picture is missing or none, or a person's centre or labelled joint lies far outside.
    """
    files = tuple(PictureFile(path, *_size(path)) for path in people.pictures)
    sides = np.array([(file.width, file.height) for file in files], np.float64)[people.picture]
    outside = (people.centre < 0) | (people.centre > sides - 1)
    for index in np.flatnonzero(outside.any(1))[:1].tolist():
        raise _outside(people, index, f"center {tuple(people.centre[index] + 1)} lies outside the picture")
    sides = sides[:, None]
    absurd = ((people.points < -sides) | (people.points > 2 * sides)).any(2) & people.labelled
    for index, joint in np.argwhere(absurd)[:1].tolist():
        x, y = people.points[index, joint] + 1
        where = f"joints: {JOINTS[joint]} at ({x:g}, {y:g})"
        raise _outside(people, index, f"{where} lies farther outside its picture than the picture is large")
    return files


def _outside(people: People, index: int, problem: str) -> DataError:
    return DataError(people.path, problem, record=people.record[index], remedy="Correct it, or take it out")


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as picture:
            return picture.size
    except FileNotFoundError as error:
        raise DataError(path, "this picture is missing", remedy="Put it there") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(path, f"this picture can't be read ({error})", remedy="Get it again") from error
