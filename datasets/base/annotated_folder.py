"""Copies on the disk of sets that are pictures with files of annotations."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from datasets.base.annotated import AnnotatedSet
from datasets.base.folder import NEUTRAL, DataRoot, Folder
from datasets.config import MANY, Text
from datasets.io.assumptions import sentences
from datasets.io.inside import check_inside
from datasets.io.picture_survey import Rule, look
from datasets.io.problems import Problem, raise_if_any, unique
from datasets.io.survey import Check, Survey, check_here, names_of


class AnnotatedFolder(Folder):
    """A set of pictures with files of annotations."""

    # Whether broken records are left out, and which pictures are too: the digest has both.
    skip_broken: bool = Field(default=False, json_schema_extra=NEUTRAL)
    broken_pictures: tuple[Text, ...] = Field(default=(), max_length=MANY, json_schema_extra=NEUTRAL)
    # How many training samples there are, to plan a schedule; the digest implies it.
    train_samples: int | None = Field(
        default=None, ge=0, le=MANY, json_schema_extra=NEUTRAL, exclude_if=lambda count: count is None
    )
    # How pictures are read that need a rule: the digest has it.
    rules: tuple[Rule, ...] = Field(
        default=(), max_length=10, json_schema_extra=NEUTRAL, exclude_if=lambda rules: not rules
    )

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
