"""Where the files of a set in COCO's format lie: annotations of each split, and the pictures they name."""

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from datasets.io.errors import DataError

SPLITS = {"train": ("train", "training", "trainset"), "val": ("val", "valid", "validation", "valset")}
"""The words that name a split, in names of files and folders; what is looked for first, first."""

CONVERT = "what a labelling tool wrote as a whole is split by `rle-lab convert {} OUT`"

_FOLDERS = ("annotations", "json")  # CrowdPose has the latter
_OTHERS = {"test", "testing"}
_TRIED = 20
"""Pictures by which a folder is recognised."""


def find_annotations(root: Path) -> dict[str, Path]:
    """The annotation file of each split, `train` and `val`.

    They are the two files in `annotations/` whose names have the word in them. Where there are
    `person_keypoints*.json`, as in COCO's own folder, nothing else counts. Without such a folder they are the
    only JSON files beside the pictures of each split, such as Roboflow's `valid/_annotations.coco.json`.

    Raises:
        DataError: a split has no file or several; the error lists what was found.
    """
    listed = {name: _annotations_in(root / name) for name in _FOLDERS}
    folder = root / next((name for name in _FOLDERS if listed[name]), _FOLDERS[0])
    found = listed[folder.name]
    if not found and (beside := _beside_pictures(root)).keys() == SPLITS.keys():
        return beside
    if not found:
        remedy = f"Name the folder that has annotations/ in it; {CONVERT.format(root)}"
        raise DataError(folder, "holds no annotations (*.json)", remedy=remedy, code="no-annotations")
    named = [path for path in found if path.name.startswith("person_keypoints")] or found
    return {split: _only(folder, split, named) for split in SPLITS}


def _beside_pictures(root: Path) -> dict[str, Path]:
    found: dict[str, list[Path]] = {}
    for folder in _subfolders(root):
        for split in _splits_of(folder.name):
            found.setdefault(split, []).extend(_annotations_in(folder))
    return {split: found[split][0] for split in SPLITS if len(found.get(split, ())) == 1}


def _annotations_in(folder: Path) -> list[Path]:
    """Without files like `._train.json`, which macOS leaves."""
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def _only(folder: Path, split: str, found: Sequence[Path]) -> Path:
    fits = [path for path in found if _splits_of(path.stem) == {split}]
    if len(fits) != 1:
        names = ", ".join(path.name for path in found)
        raise DataError(
            folder,
            f"{len(fits)} files have '{split}' as a word in their name, of {names}",
            remedy=f"Leave one annotation file each for 'train' and 'val'; {CONVERT.format(folder.parent)}",
            code="ambiguous-annotations",
        )
    return fits[0]


def _words(name: str) -> set[str]:
    """`person_keypoints_train2017` -> {`person`, `keypoints`, `train`}."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


def _splits_of(name: str) -> set[str]:
    return {split for split, words in SPLITS.items() if not _words(name).isdisjoint(words)}


class Place(NamedTuple):
    """A folder of pictures."""

    folder: Path

    def file(self, name: str) -> Path:
        """The picture of that name, as it is written or as another system would write it.

        Tried are slashes for backslashes, signs for their codes (%20), and accents composed and apart.
        """
        plain = self.folder / name
        if name.isascii() and not {"\\", "%"} & set(name):
            return plain
        return next((path for path in map(self.folder.joinpath, _spellings(name)) if path.is_file()), plain)


def _spellings(name: str) -> Iterator[str]:
    for slashes in (name, name.replace("\\", "/")):
        for signs in (slashes, unquote(slashes)):
            yield signs
            yield from (unicodedata.normalize(form, signs) for form in ("NFC", "NFD"))


class Pictures(NamedTuple):
    """The pictures that a file of annotations names."""

    root: Path
    annotations: Path
    split: str
    names: Sequence[str]

    def place(self) -> Place:
        """The folder that has most of them, of those where they may lie.

        Raises:
            DataError: there is no such folder; or another one has other pictures of the same names.
        """
        return _Search(*self).place()


class _Search(Pictures):
    @cached_property
    def folders(self) -> list[Path]:
        """Those of the split first, which its own annotations may be called after, then common ones."""
        parents = (self.root, self.root / "images", self.root / "data")
        inside = [folder for parent in parents for folder in _subfolders(parent)]
        own = [folder for folder in inside if _splits_of(folder.name) == {self.split}]
        own.sort(key=lambda folder: not self.annotations.stem.endswith(folder.name))
        own += [one for one in inside if one not in own and self.annotations.stem.endswith(f"_{one.name}")]
        return [*own, *(folder for folder in (*parents[1:], self.root) if folder.is_dir())]

    def place(self) -> Place:
        counts = {folder: self._count(folder) for folder in self.folders}
        best = max(counts, key=lambda folder: counts[folder])
        if not counts[best]:
            return Place(self._expected())
        if _splits_of(best.name) != {self.split}:
            self._check_alone(best)
        return Place(best)

    def _expected(self) -> Path:
        """Where the pictures should be, if none is there."""
        usual = [folder for folder in self.folders if folder != self.root]
        if usual:
            return usual[0]
        tried = ", ".join((f"{self.split}/", f"images/{self.split}/", "images/"))
        problem = f"no folder of pictures for {self.annotations.name}"
        raise DataError(
            self.root, problem, remedy=f"Put them into one of {tried} in there", code="no-pictures"
        )

    @property
    def _sample(self) -> Sequence[str]:
        return self.names[:: max(1, len(self.names) // _TRIED)][:_TRIED]

    def _count(self, folder: Path) -> int:
        return sum(Place(folder).file(name).is_file() for name in self._sample)

    def _check_alone(self, best: Path) -> None:
        """Refuse to choose between folders of which either may be the right one."""
        for other in (*_subfolders(self.root), *_subfolders(self.root / "images")):
            if other == best or _splits_of(other.name) or _words(other.name) & _OTHERS:
                continue
            for name in self._sample:
                one, twin = Place(best).file(name), Place(other).file(name)
                if one.is_file() and twin.is_file() and one.stat().st_size != twin.stat().st_size:
                    raise DataError(
                        twin,
                        f"has the name of {one}, another picture; {self.annotations.name} may mean either",
                        remedy=f"Put the pictures of {self.annotations.name} into {self.root / self.split}",
                        code="ambiguous-pictures",
                    )


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:  # a folder may hold a hundred thousand pictures
        return sorted(folder / entry.name for entry in entries if entry.is_dir())
