"""Annotations of any set, read and checked: the samples to pack and a digest of the files.

Shapes: N people of a split, P keypoints.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from datasets.io.assumptions import Assumed, added, sentences
from datasets.io.errors import DataError
from datasets.io.image import PictureFile, name_and_size
from datasets.io.picture_survey import Claim
from datasets.io.problems import Problem, parse_each, raise_if_any
from datasets.io.survey import Checkable

Floats = NDArray[np.float64]

ASSUMPTIONS = 1
"""Raised when something else is assumed about the same files."""


class PoseSamples(NamedTuple):
    """People of a split, as they are packed."""

    id: NDArray[np.int64]  # (N,) unique in the split
    pictures: Sequence[PictureFile]
    picture: NDArray[np.int64]  # (N,) index into the pictures
    corners: Floats  # (N, 4) x1, y1, x2, y2 of what is cropped, before padding
    points: Floats  # (N, P, 2) pixels of the picture
    labelled: NDArray[np.bool_]  # (N, P)
    arrays: Mapping[str, NDArray[Any]]  # whatever else the set's metrics need


class AnnotatedSplit(Protocol):
    """One split of a set on the disk."""

    @property
    def path(self) -> Path:
        """The file of annotations."""
        ...

    @property
    def left_out(self) -> Mapping[str, int]:
        """How many records are not used, by reason."""
        ...

    @property
    def assumed(self) -> Assumed:
        """Of how many records something was assumed."""
        ...

    def __len__(self) -> int:
        """N."""
        ...

    def pictures_in_use(self) -> Iterable[tuple[Path, str]]:
        """The pictures that decide the digest, in order, and what to do where one is missing."""
        ...

    def files_to_check(self) -> tuple[Checkable, ...]:
        """The pictures of the samples, with the sizes that are claimed or found."""
        ...

    def pose_samples(self) -> PoseSamples:
        """The people, ready to be packed.

        Raises:
            DataError: pictures are missing, or a person can't be where the annotations say.
        """
        ...


Split_co = TypeVar("Split_co", bound=AnnotatedSplit, covariant=True)


@dataclass(frozen=True, eq=False)
class AnnotatedSet(Generic[Split_co]):
    """A set on the disk, read and checked, its pictures not yet opened."""

    train: Split_co
    val: Split_co
    files: tuple[Path, ...]  # that all of this was read from
    assumed: Assumed = field(default_factory=dict)  # of both splits together

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was assumed of the set and of its splits, in words."""
        return sentences(added(self.assumed, self.train.assumed, self.val.assumed))

    @property
    def usable(self) -> bool:
        """Whether there is a sample in both splits."""
        return bool(len(self.train) and len(self.val))

    def check_not_empty(self) -> None:
        """Raises DataError for a split without samples."""
        for split, purpose in ((self.train, "training"), (self.val, "validation")):
            if not len(split):
                reasons = ", ".join(f"{count} {reason}" for reason, count in split.left_out.items())
                problem = f"no usable person is left for {purpose} ({reasons or 'it has none'})"
                raise DataError(split.path, problem, remedy="Use other annotations", code="empty-split")

    def files_to_check(self) -> tuple[Checkable, ...]:
        """Of both splits."""
        return self.train.files_to_check() + self.val.files_to_check()

    def pictures_in_use(self) -> Iterator[Path]:
        """Of both splits."""
        return (path for split in (self.train, self.val) for path, _ in split.pictures_in_use())

    def claims(self, sizes: bool) -> list[Claim]:
        """The pictures with the sizes that annotations claim, if these do."""
        if not sizes:
            return [(path, None) for path in self.pictures_in_use()]
        return [(path, (width, height)) for path, width, height, *_ in self.files_to_check()]

    def digest(self, skipped: Sequence[str] = ()) -> str:
        """16 hex digits over the annotations and the names and sizes of all pictures in use.

        Args:
            skipped: what was left out as broken, and how odd pictures are read.

        Raises:
            DataError: pictures are missing.
        """
        total = hashlib.sha256()
        for path in self.files:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        found = [
            parse_each(partial(_line, split), split.pictures_in_use()) for split in (self.train, self.val)
        ]
        raise_if_any([one for _, broken in found for one in broken])
        for lines, _ in found:
            total.update("".join(lines).encode())
        total.update("\n".join(skipped).encode())
        if self.assumptions:  # others may have been made of the same files before
            total.update(f"assumptions {ASSUMPTIONS}".encode())
        return total.hexdigest()[:16]


def whole(contents: AnnotatedSet[Split_co], broken: Sequence[Problem]) -> AnnotatedSet[Split_co]:
    """The set, if nothing of it is broken.

    Raises:
        DataError: records are broken, or a split has no sample.
    """
    raise_if_any(broken, skippable=contents.usable)
    contents.check_not_empty()
    return contents


def _line(split: AnnotatedSplit, picture: tuple[Path, str]) -> str:
    path, remedy = picture
    return name_and_size(path, split.path.name, remedy)
