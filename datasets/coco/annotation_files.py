"""COCO's annotation files: where they are, what they say, checked record by record.

Shapes: N annotations, K keypoints, M pictures.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from datasets.coco import category as categories
from datasets.coco.category import Category
from datasets.io import json_file
from datasets.io.errors import DataError
from datasets.io.image import PictureFile, name_in
from datasets.io.json_file import Box, NotNegative, Number, Record, Row, Whole, a_list, a_name, a_whole
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
    area: Floats  # (N,), 0 where the file has none
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


_Row = tuple[dict[str, Any], int]
"""A checked record's fields, and the index of its picture; -1: that is broken."""


class _Detection(BaseModel):
    bbox: Box
    score: Number


class _Person(BaseModel):
    keypoints: Row
    bbox: Box
    area: NotNegative | None = None
    num_keypoints: Whole = 0


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
    top = json_file.load(path).as_object()
    category = _category(top)
    images, bad_images, bad_ids = _images(root, split, top, broken_pictures)
    where = {ident: index for index, (ident, _) in enumerate(images)} | dict.fromkeys(bad_ids, -1)
    people, bad_people = _people(top, category, where)
    rows = [(fields, picture) for fields, picture in people if picture >= 0]
    counts = {RECORDS: len(bad_images) + len(bad_people), IN_PICTURES: len(people) - len(rows)}
    keypoints = _column(rows, "keypoints").reshape(-1, len(category.keypoints), 3)
    labelled = (keypoints[..., 2] > 0).sum(1).tolist()
    given = [fields.get("num_keypoints", count) for (fields, _), count in zip(rows, labelled, strict=True)]
    found = Annotations(
        path=path,
        category=category,
        picture_ids=np.array([ident for ident, _ in images], np.int64),
        pictures=tuple(file for _, file in images),
        id=np.array([fields["id"] for fields, _ in rows], np.int64),
        picture=np.array([picture for _, picture in rows], np.int64),
        box=_column(rows, "bbox").reshape(-1, 4),
        area=np.array([fields.get("area") or 0 for fields, _ in rows], np.float64),
        crowd=np.array([bool(fields.get("iscrowd")) for fields, _ in rows], bool),
        count=np.array(given, np.int64),
        keypoints=keypoints,
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

    def parse(record: Record) -> _Row | None:
        if record.parse(a_whole, "category_id") != annotations.category.id:
            return None
        picture = _picture_of(record, where)
        record.parse(_Detection.model_validate)
        return record.value, picture

    values = json_file.load(path).parse(a_list)
    parsed, broken = json_file.parse_objects(path, values, "results", parse)
    found = [row for row in parsed if row is not None]
    rows = [row for row in found if row[1] >= 0]
    if not found and not broken:
        problem = f"has no boxes of category {annotations.category.id}"
        raise DataError(path, problem, remedy="Check the file", code="no-boxes")
    counts = {"broken detections": len(broken), "detections in broken pictures": len(found) - len(rows)}
    return Detections(
        path=path,
        picture=np.array([picture for _, picture in rows], np.int64),
        box=_column(rows, "bbox").reshape(-1, 4),
        score=_column(rows, "score"),
        left_out=counted(counts),
    ), broken


def _category(top: Record) -> Category:
    values = top.parse(a_list, "categories")
    records, broken = json_file.parse_objects(top.path, values, "categories", lambda record: record)
    raise_if_any(broken)
    return categories.choose(top.path, records)


def _images(
    root: Path, split: str, top: Record, broken_pictures: Collection[str]
) -> tuple[list[tuple[int, PictureFile]], list[Problem], set[int]]:
    """Ids and files of the pictures, what is broken, and the ids of those that are."""
    values = top.parse(a_list, "images")
    if not values:
        remedy = "Use a split that has some"
        raise DataError(top.path, "lists no images", remedy=remedy, code="no-images")
    folder = _picture_folder(root, top.path, split, values)
    seen: set[int] = set()

    def parse(image: Record) -> tuple[int, PictureFile]:
        return image.new("id", seen), image.parse(json_file.Picture.model_validate).file(folder)

    parsed, broken = json_file.parse_objects(top.path, values, "images", parse)
    known = broken_pictures
    images = [(i, file) for i, file in parsed if not known or name_in(root, file.path) not in known]
    return images, broken, seen - {ident for ident, _ in images}


def _people(top: Record, category: Category, where: Mapping[int, int]) -> tuple[list[_Row], list[Problem]]:
    """The category's annotations, and what is broken.

    Args:
        where: places of pictures by their ids, -1 for broken ones.
    """
    seen: set[int] = set()

    def parse(record: Record) -> _Row | None:
        if record.parse(a_whole, "category_id") != category.id:
            return None
        record.new("id", seen)
        picture = _picture_of(record, where)
        keypoints, K = record.parse(_Person.model_validate).keypoints, len(category.keypoints)
        if len(keypoints) != 3 * K:
            raise record.wrong(
                f"keypoints has {len(keypoints)} numbers instead of {3 * K}", code="wrong-length"
            )
        if not set(keypoints[2::3]) <= {0, 1, 2}:
            raise record.wrong("a keypoint's visibility is none of 0, 1 and 2", code="bad-visibility")
        return record.value, picture

    values = top.parse(a_list, "annotations")
    parsed, broken = json_file.parse_objects(top.path, values, "annotations", parse)
    return [row for row in parsed if row is not None], broken


def _column(rows: Sequence[_Row], key: str) -> Floats:
    return np.array([fields[key] for fields, _ in rows], np.float64)


def _picture_folder(root: Path, path: Path, split: str, images: list[Any]) -> Path:
    """The first of the usual folders that has the first picture, or any that exists."""
    names, _ = json_file.parse_objects(
        path, images[:1], "images", lambda image: image.parse(a_name, "file_name")
    )
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
    ident = record.parse(a_whole, "image_id")
    if ident not in where:
        raise record.wrong(f"no image has its image_id, {ident}", code="unknown-image")
    return where[ident]
