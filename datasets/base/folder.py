"""Copies of data sets on the disk: identified by their contents, and read once by a command."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar, cast

from pydantic import Field

from datasets.base.annotated import AnnotatedSet
from datasets.config import Source
from datasets.io.assumptions import sentences
from datasets.io.errors import DataError
from datasets.io.inside import check_inside
from datasets.io.orientation import Convention
from datasets.io.picture_survey import Rule, look
from datasets.io.problems import Problem, raise_if_any, unique
from datasets.io.survey import Check, Survey, check_here, names_of

NEUTRAL: dict[str, Any] = {"neutral": True}
"""Marks a field that is no part of a fingerprint."""


class Folder(Source):
    """A copy of a data set on the disk, identified by its contents and not by its path.

    Without a digest it stands for a set that isn't at hand, as the benchmark itself does in a dry run.
    """

    generated = False
    subfolders: ClassVar[tuple[str, ...]] = ()
    """Where the set may lie in the folder that the user names; else it is that folder itself."""

    digest: str | None = None  # of everything that samples and metrics depend on
    # What was assumed when the set was read, in words: `describe` fills it in, and `prepare`, the dry run and
    # the report say it once. The digest implies it.
    assumed: tuple[str, ...] = Field(default=(), json_schema_extra=NEUTRAL, exclude_if=lambda said: not said)

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


class AnnotatedFolder(Folder):
    """A set of pictures with files of annotations."""

    # Whether broken records are left out, and which pictures are too: the digest has both.
    skip_broken: bool = Field(default=False, json_schema_extra=NEUTRAL)
    broken_pictures: tuple[str, ...] = Field(default=(), json_schema_extra=NEUTRAL)
    # How many training samples there are, to plan a schedule; the digest implies it.
    train_samples: int | None = Field(
        default=None, json_schema_extra=NEUTRAL, exclude_if=lambda count: count is None
    )
    # How pictures are read that need a rule: the digest has it.
    rules: tuple[Rule, ...] = Field(default=(), json_schema_extra=NEUTRAL, exclude_if=lambda rules: not rules)

    claims_sizes: ClassVar[bool] = True
    """Whether annotations say how large pictures are."""

    @property
    def as_stored(self) -> bool:
        """Whether pictures whose size does not tell are read without their EXIF orientation."""
        return "stored" in self.rules

    @classmethod
    def bind(cls, root: Path, *, skip_broken: bool = False, check: Check = check_here) -> Self:
        """Describe the set in `root`, as `DataRoot.bind` does.

        Raises:
            DataError: files, records or pictures are missing or wrong.
        """
        return DataRoot(root, skip_broken=skip_broken, check=check).bind(cls)

    @classmethod
    def recognise(cls, folder: Path, root: DataRoot) -> Self:
        """Which files the set consists of, without a digest.

        Raises:
            DataError: they are not there.
        """
        raise NotImplementedError

    def parse(
        self, folder: Path, broken_pictures: Collection[str], skip_broken: bool
    ) -> tuple[AnnotatedSet[Any], list[Problem]]:
        """The usable annotations, and what is broken.

        Args:
            broken_pictures: names in the folder of pictures to leave out with all that is in them.
            skip_broken: whether to find all that would stop preparing, also in the headers of pictures.

        Raises:
            DataError: a file is missing or is something else.
        """
        raise NotImplementedError

    def with_names(self, contents: AnnotatedSet[Any], root: DataRoot) -> Self:
        """With what else the annotations tell about the set.

        Raises:
            DataError: this is not enough to use the set.
        """
        return self

    def name_assumptions(self) -> tuple[str, ...]:
        """What was assumed about the keypoints, by their names."""
        return ()

    @classmethod
    def survey(cls, root: DataRoot) -> Survey:
        """As `Folder.survey`."""
        folder = cls.locate(root.path)
        found, broken = cls._recognise(folder, root).parse(folder, (), True)
        _check_places(root, found)
        return Survey(unique(broken), found.files_to_check(), contents=(found, broken))

    @classmethod
    def describe(cls, root: DataRoot) -> tuple[Self, AnnotatedSet[Any]]:
        """As `Folder.describe`."""
        folder = cls.locate(root.path)
        plain = cls._recognise(folder, root)
        left_out: tuple[str, ...] = ()
        if root.skip_broken:
            left_out = names_of(folder, root.broken_files(cls), root.survey(cls))
        if root.surveyed(cls) and not left_out:
            found, broken = root.survey(cls).contents
        else:
            found, broken = plain.parse(folder, left_out, root.skip_broken)
        skipped = _usable(found, broken, left_out, root.skip_broken)
        _check_places(root, found)
        traits = look(found.claims(cls.claims_sizes))
        rules = traits.rules(root.exif)
        named = plain.with_names(found, root)
        read_as = sentences(traits.assumed(root.exif))
        changes = {
            "skip_broken": bool(skipped),
            "broken_pictures": left_out,
            "rules": rules,
            "assumed": found.assumptions + named.name_assumptions() + read_as,
            "digest": found.digest((*skipped, *rules)),
            "train_samples": len(found.train),
        }
        return named.model_copy(update=changes), found

    @classmethod
    def _recognise(cls, folder: Path, root: DataRoot) -> Self:
        """As `recognise`, with the rule that was chosen: it decides sizes that annotations don't tell."""
        rules: tuple[Rule, ...] = (root.exif,) if root.exif else ()
        return cls.recognise(folder, root).model_copy(update={"rules": rules})

    def _read(self, folder: Path) -> tuple[AnnotatedSet[Any], str]:
        found, broken = self.parse(folder, self.broken_pictures, self.skip_broken)
        skipped = _usable(found, broken, self.broken_pictures, self.skip_broken)
        return found, found.digest((*skipped, *self.rules))


def _check_places(root: DataRoot, found: AnnotatedSet[Any]) -> None:
    """Raises DataError where pictures lie outside the root, unless they may."""
    if not root.allow_outside:
        check_inside(root.path, found.pictures_in_use())


def _usable(
    found: AnnotatedSet[Any], broken: list[Problem], left_out: tuple[str, ...], skip_broken: bool
) -> tuple[str, ...]:
    """The names of pictures and records that are skipped.

    Raises:
        DataError: nothing is left, or something is broken that is not to be skipped.
    """
    if not skip_broken:
        raise_if_any(broken, skippable=found.usable)
    found.check_not_empty()
    return (*left_out, *(f"{Path(one.file).name} {one.record}" for one in unique(broken)))
