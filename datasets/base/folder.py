"""Copies of data sets on the disk: identified by their contents, and read once by a command."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar, cast

from pydantic import Field

from datasets.config import MANY, Source, Text
from datasets.io.errors import DataError
from datasets.io.orientation import Convention
from datasets.io.problems import Problem
from datasets.io.survey import Check, Survey, check_here

NEUTRAL: dict[str, Any] = {"neutral": True}
"""Marks a field that is no part of a fingerprint."""


class Folder(Source):
    """A copy of a data set on the disk, identified by its contents and not by its path.

    Without a digest it stands for a set that isn't at hand, as the benchmark itself does in a dry run.
    """

    generated = False
    subfolders: ClassVar[tuple[str, ...]] = ()
    """Where the set may lie in the folder that the user names; else it is that folder itself."""

    digest: Text | None = None  # of everything that samples and metrics depend on
    # What was assumed when the set was read, in words: `describe` fills it in, and `prepare`, the dry run and
    # the report say it once. The digest implies it.
    assumed: tuple[Text, ...] = Field(
        default=(), max_length=MANY, json_schema_extra=NEUTRAL, exclude_if=lambda said: not said
    )

    @classmethod
    def locate(cls, root: Path) -> Path:
        """The folder of the set: the first of `subfolders` that is in `root`, or else `root` itself.

        Raises:
            DataError: `root` is no folder.
        """
        if not root.is_dir():
            remedy = "Name the folder of the data set"
            raise DataError(root, "is not a folder", remedy=remedy, code="not-a-folder")
        return next((root / name for name in cls.subfolders if (root / name).is_dir()), root)

    @classmethod
    def is_in(cls, root: Path) -> bool:
        """Whether the folder that the user names has such a set.

        Raises:
            DataError: `root` is no folder.
        """
        raise NotImplementedError

    @classmethod
    def survey(cls, root: "DataRoot") -> Survey:
        """All that is broken in the annotations, and the files that samples are taken from.

        Raises:
            DataError: a file of annotations is missing or is something else.
        """
        raise NotImplementedError

    @classmethod
    def describe(cls, root: "DataRoot") -> tuple[Self, Any]:
        """What describes the set in a folder, and what was read of it. `DataRoot.bind` keeps both.

        Raises:
            DataError: files or records are missing or wrong.
        """
        raise NotImplementedError

    def read(self, root: Path | None) -> Any:
        """Read the set again, where it lies on this machine.

        Raises:
            DataError: there is no root, the set is not bound, a record is wrong, or the files have changed.
        """
        if root is None or self.digest is None:
            raise DataError(
                root or "the data's folder",
                "the experiment is not bound to files",
                remedy=f"Name the folder with --data-root, or bind it with {type(self).__name__}.bind",
                code="not-bound",
            )
        folder = self.locate(root)
        contents, now = self._read(folder)
        if now != self.digest:
            raise DataError(
                folder,
                f"the files are not those of the experiment (digest {now}, not {self.digest})",
                remedy="Restore them, or run a new experiment on the set as it is now",
                code="files-changed",
            )
        return contents

    def _read(self, folder: Path) -> tuple[Any, str]:
        """What is in the folder, and the digest of it."""
        raise NotImplementedError


Kind = TypeVar("Kind", bound=Folder)
Made = TypeVar("Made")


@dataclass(frozen=True)
class DataRoot:
    """The folder that a user names, and what was read in it. Each set is read once, on first use.

    Fields:
        detections: COCO detection results for the validation pictures, in place of annotated boxes.
        sigmas: OKS constants by keypoint, for names that COCO doesn't have or in place of COCO's.
        skip_broken: go on without broken records and files; every file is read to find them. Where there
            are none, the result is the same.
        check: finds the broken files.
        exif: what annotations count pixels of, where a picture has an EXIF orientation and its size does not
            tell; None: as most pictures whose size tells.
        allow_outside: read pictures too that lie outside the folder.
        contents: what was read, by the folder that describes it.
    """

    path: Path
    detections: Path | None = None
    sigmas: Mapping[str, float] | None = None
    skip_broken: bool = False
    check: Check = check_here
    exif: Convention | None = None
    allow_outside: bool = False
    contents: dict[Folder, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _known: dict[tuple[str, type[Folder]], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def bind(self, kind: type[Kind]) -> Kind:
        """Describe the set of a kind.

        Raises:
            DataError: files, records or pictures are missing or wrong.
        """

        def describe() -> Kind:
            folder, contents = kind.describe(self)
            self.contents[folder] = contents
            return folder

        return self._once("bind", kind, describe)

    def survey(self, kind: type[Folder]) -> Survey:
        """As `Folder.survey`."""
        return self._once("survey", kind, lambda: kind.survey(self))

    def surveyed(self, kind: type[Folder]) -> bool:
        """Whether the survey has been made."""
        return ("survey", kind) in self._known

    def broken_files(self, kind: type[Folder]) -> tuple[Problem, ...]:
        """What `check` finds broken of the files that the set's samples are taken from."""
        return self._once("check", kind, lambda: tuple(self.check(self.survey(kind))))

    def _once(self, what: str, kind: type[Folder], make: Callable[[], Made]) -> Made:
        if (what, kind) not in self._known:
            self._known[what, kind] = make()
        return cast(Made, self._known[what, kind])
