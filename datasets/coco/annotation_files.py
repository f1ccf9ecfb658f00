"""COCO's annotation files: where they are, what they say, checked record by record.

Shapes: N annotations, K keypoints, M pictures.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.coco import category as categories
from datasets.coco.category import Category
from datasets.io import json_file
from datasets.io.errors import DataError
from datasets.io.image import PictureFile, name_in
from datasets.io.json_file import Record, parse_objects
from datasets.io.problems import IN_PICTURES, RECORDS, Problem, counted, raise_if_any

Floats = NDArray[np.float64]
SPLITS = ("train", "val")


@dataclass(frozen=True, eq=False)
class Annotations:
    """All annotations of one category in a file, whether they are usable or not."""

    path: Path
    category: Category
    picture_ids: NDArray[np.int64]  # (M,)
    pictures: tuple[PictureFile, ...]  # M
    id: NDArray[np.int64]  # (N,)
    picture: NDArray[np.int64]  # (N,) index into the pictures
    box: Floats  # (N, 4) x, y, width, height
    area: Floats  # (N,)
    crowd: NDArray[np.bool_]  # (N,)
    count: NDArray[np.int64]  # (N,) num_keypoints
    keypoints: Floats  # (N, K, 3) x, y, visibility
    broken_pictures: frozenset[int]  # ids of pictures that can't be used, and are not among these
    left_out: Mapping[str, int]  # how many records were broken or in broken pictures

    def without(self, index: Collection[int]) -> "Annotations":
        """All but the annotations at `index`, which count as broken."""
        kept = np.setdiff1d(np.arange(len(self.id)), np.array(sorted(index), np.int64))
        names = ("id", "picture", "box", "area", "crowd", "count", "keypoints")
        arrays = {name: getattr(self, name)[kept] for name in names}
        broken = self.left_out.get(RECORDS, 0) + len(index)
        return replace(self, left_out={**self.left_out, RECORDS: broken}, **arrays) if index else self


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes that a detector found in the pictures of an annotation file."""

    path: Path
    picture: NDArray[np.int64]  # (N,) index into the pictures
    box: Floats  # (N, 4) x, y, width, height
    score: Floats  # (N,)
    left_out: Mapping[str, int]  # how many were broken or in broken pictures


class _Person(NamedTuple):
    """One annotation; picture -1: its picture is broken."""

    id: int
    picture: int
    box: list[float]
    area: float
    crowd: bool
    keypoints: list[float]
    labelled: int  # num_keypoints


class _Box(NamedTuple):
    """One detection; picture -1: its picture is broken."""

    picture: int
    box: list[float]
    score: float


def find_annotations(root: Path) -> dict[str, Path]:
    """The annotation file of each split, `train` and `val`.

    They are the two files in `annotations/` whose names say so. Where there are `person_keypoints*.json`, as
    in COCO's own folder, nothing else counts.

    Raises:
        DataError: a split has no file or several; the error lists what was found.
    """
    folder = root / "annotations"
    found = sorted(folder.glob("*.json"))
    if not found:
        raise DataError(
            folder,
            "holds no annotations (*.json)",
            remedy="Name the folder that has annotations/ in it",
            code="no-annotations",
        )
    named = [path for path in found if path.name.startswith("person_keypoints")] or found
    return {split: _only(folder, split, named) for split in SPLITS}


def _only(folder: Path, split: str, found: Sequence[Path]) -> Path:
    (other,) = set(SPLITS) - {split}
    fits = [path for path in found if split in path.stem.lower() and other not in path.stem.lower()]
    if len(fits) != 1:
        names = ", ".join(path.name for path in found)
        raise DataError(
            folder,
            f"{len(fits)} files have '{split}' in their name, of {names}",
            remedy="Leave one annotation file each for 'train' and 'val'",
            code="ambiguous-annotations",
        )
    return fits[0]


def read_annotations(root: Path, path: Path, split: str) -> Annotations:
    """Read one annotation file whole and check it.

    Raises:
        DataError: it is not what COCO's format description says; names the records.
    """
    found, broken = parse_annotations(root, path, split)
    raise_if_any(broken)
    return found


def parse_annotations(
    root: Path, path: Path, split: str, broken_pictures: Collection[str] = ()
) -> tuple[Annotations, list[Problem]]:
    """Read one annotation file: the usable records, and what is broken.

    Args:
        broken_pictures: names of pictures known to be broken, as `image.name_in` gives them; they are left
            out with all that is in them.

    Raises:
        DataError: it is no file of COCO's format at all.
    """
    top = json_file.load_object(path)
    category = _category(top)
    images, bad_images, bad_ids = _images(root, split, top, broken_pictures)
    where = {ident: index for index, (ident, _) in enumerate(images)} | dict.fromkeys(bad_ids, -1)
    people, bad_people = _people(top, category, where)
    rows = [person for person in people if person.picture >= 0]
    counts = {RECORDS: len(bad_images) + len(bad_people), IN_PICTURES: len(people) - len(rows)}
    columns = list(zip(*rows, strict=True)) or [()] * len(_Person._fields)
    ids, picture, box, area, crowd, keypoints, count = columns
    found = Annotations(
        path=path,
        category=category,
        picture_ids=np.array([ident for ident, _ in images], np.int64),
        pictures=tuple(file for _, file in images),
        id=np.array(ids, np.int64),
        picture=np.array(picture, np.int64),
        box=np.array(box, np.float64).reshape(-1, 4),
        area=np.array(area, np.float64),
        crowd=np.array(crowd, bool),
        count=np.array(count, np.int64),
        keypoints=np.array(keypoints, np.float64).reshape(-1, len(category.keypoints), 3),
        broken_pictures=frozenset(bad_ids),
        left_out=counted(counts),
    )
    return found, bad_images + bad_people


def parse_detections(path: Path, annotations: Annotations) -> tuple[Detections, list[Problem]]:
    """Read a file in the format of COCO's detection results; boxes of other categories are left out.

    Raises:
        DataError: it is of another shape, or has no boxes of the category.
    """
    places = {ident: index for index, ident in enumerate(annotations.picture_ids.tolist())}
    where = places | dict.fromkeys(annotations.broken_pictures, -1)

    def parse(record: Record) -> _Box | None:
        if record.whole("category_id") != annotations.category.id:
            return None
        return _Box(_picture_of(record, where), record.box(), record.number("score"))

    parsed, broken = parse_objects(path, json_file.load_list(path, "results"), "results", parse)
    found = [box for box in parsed if box is not None]
    rows = [box for box in found if box.picture >= 0]
    if not found and not broken:
        problem = f"has no boxes of category {annotations.category.id}"
        raise DataError(path, problem, remedy="Check the file", code="no-boxes")
    counts = {"broken detections": len(broken), "detections in broken pictures": len(found) - len(rows)}
    return Detections(
        path=path,
        picture=np.array([row.picture for row in rows], np.int64),
        box=np.array([row.box for row in rows], np.float64).reshape(-1, 4),
        score=np.array([row.score for row in rows], np.float64),
        left_out=counted(counts),
    ), broken


def _category(top: Record) -> Category:
    values = top.listed("categories")
    records, broken = parse_objects(top.path, values, "categories", lambda record: record)
    raise_if_any(broken)
    return categories.choose(top.path, records)


def _images(
    root: Path, split: str, top: Record, broken_pictures: Collection[str]
) -> tuple[list[tuple[int, PictureFile]], list[Problem], set[int]]:
    """Ids and files of the pictures, what is broken, and the ids of those that are."""
    values = top.listed("images")
    if not values:
        remedy = "Use a split that has some"
        raise DataError(top.path, "lists no images", remedy=remedy, code="no-images")
    folder = _picture_folder(root, top.path, split, values)
    seen: set[int] = set()

    def parse(image: Record) -> tuple[int, PictureFile]:
        ident = image.new("id", seen)
        file = PictureFile(folder / image.text("file_name"), image.side("width"), image.side("height"))
        return ident, file

    parsed, broken = parse_objects(top.path, values, "images", parse)
    known = broken_pictures
    images = [(i, file) for i, file in parsed if not known or name_in(root, file.path) not in known]
    return images, broken, seen - {ident for ident, _ in images}


def _people(top: Record, category: Category, where: Mapping[int, int]) -> tuple[list[_Person], list[Problem]]:
    """The category's annotations, and what is broken.

    Args:
        where: places of pictures by their ids, -1 for broken ones.
    """
    seen: set[int] = set()
    K = len(category.keypoints)

    def parse(record: Record) -> _Person | None:
        if record.whole("category_id") != category.id:
            return None
        return _person(record, record.new("id", seen), _picture_of(record, where), K)

    parsed, broken = parse_objects(top.path, top.listed("annotations"), "annotations", parse)
    return [person for person in parsed if person is not None], broken


def _person(record: Record, ident: int, picture: int, K: int) -> _Person:
    keypoints = record.row("keypoints", 3 * K)
    if not set(keypoints[2::3]) <= {0, 1, 2}:
        raise record.wrong("a keypoint's visibility is none of 0, 1 and 2", code="bad-visibility")
    labelled = sum(visibility > 0 for visibility in keypoints[2::3])
    return _Person(
        id=ident,
        picture=picture,
        box=record.box(),
        area=_not_negative(record, "area"),
        crowd=bool(record.fields.get("iscrowd", 0)),
        keypoints=keypoints,
        labelled=record.whole("num_keypoints") if "num_keypoints" in record.fields else labelled,
    )


def _picture_folder(root: Path, path: Path, split: str, images: list[Any]) -> Path:
    """The first of the usual folders that has the first picture, or any that exists."""
    names, _ = parse_objects(path, images[:1], "images", lambda image: image.text("file_name"))
    sample = names[0] if names else "."
    name = path.stem[path.stem.lower().rindex(split) :]
    usual = [root / name, root / "images" / name, root / split, root / "images" / split, root / "images"]
    folders = [folder for folder in dict.fromkeys(usual) if folder.is_dir()]
    if not folders:
        tried = ", ".join(str(folder.relative_to(root)) for folder in dict.fromkeys(usual))
        problem, remedy = f"no folder of pictures for {path.name}", f"Put them into one of {tried} in there"
        raise DataError(root, problem, remedy=remedy, code="no-pictures")
    return next((folder for folder in folders if (folder / sample).is_file()), folders[0])


def _picture_of(record: Record, where: Mapping[int, int]) -> int:
    ident = record.whole("image_id")
    if ident not in where:
        raise record.wrong(f"no image has its image_id, {ident}", code="unknown-image")
    return where[ident]


def _not_negative(record: Record, key: str) -> float:
    value = record.number(key)
    if value < 0:
        raise record.wrong(f"{key} is negative, {value}", code="negative")
    return float(value)
