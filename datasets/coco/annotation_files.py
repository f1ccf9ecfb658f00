"""COCO's annotation files: what they say, checked record by record.

Shapes: N annotations, K keypoints, M pictures.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from datasets.coco import category as categories
from datasets.coco.category import Category
from datasets.coco.layout import Pictures
from datasets.io import json_file
from datasets.io.assumptions import Assumed
from datasets.io.errors import DataError
from datasets.io.image import PictureFile, name_in
from datasets.io.json_file import Box, NotNegative, Number, Record, Row, Whole, a_list, a_whole
from datasets.io.problems import IN_PICTURES, RECORDS, Problem, counted

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Annotations:
    """All annotations of one category in a file, whether they are usable or not."""

    path: Path
    category: Category
    picture_ids: NDArray[np.int64]  # (M,)
    pictures: tuple[PictureFile, ...]  # M
    id: NDArray[np.int64]  # (N,)
    picture: NDArray[np.int64]  # (N,) index into the pictures
    box: Floats  # (N, 4) x, y, width, height, 0 where the file has none
    area: Floats  # (N,), 0 where the file has none
    crowd: NDArray[np.bool_]  # (N,)
    count: NDArray[np.int64]  # (N,) num_keypoints
    keypoints: Floats  # (N, K, 3) x, y, visibility
    broken_pictures: frozenset[int]  # ids of pictures that can't be used, and are not among these
    left_out: Mapping[str, int]  # how many records were broken or in broken pictures
    assumed: Assumed = field(default_factory=dict)

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
    bbox: Box | None = None
    area: NotNegative | None = None
    num_keypoints: Whole | None = None
    iscrowd: Literal[0, 1, True, False] | None = 0


def parse_annotations(
    root: Path, path: Path, split: str, broken_pictures: Collection[str] = (), twin: Path | None = None
) -> tuple[Annotations, list[Problem]]:
    """Read one annotation file: the usable records, and what is broken.

    Args:
        broken_pictures: names of pictures known to be broken, as `image.name_in` gives them; they are left
            out with all that is in them.
        twin: the file of the other split, from which keypoints' names are taken if this one has none.

    Raises:
        DataError: it is no file of COCO's format at all.
    """
    top = json_file.load(path).as_object()
    category, listed = categories.of_file(top, twin)
    images, bad_images, bad_ids = _images(root, split, top, broken_pictures)
    where = {ident: index for index, (ident, _) in enumerate(images)} | dict.fromkeys(bad_ids, -1)
    people, others, bad_people = _people(top, category, listed, where)
    rows = [(fields, picture) for fields, picture in people if picture >= 0]
    counts = {
        RECORDS: len(bad_images) + len(bad_people),
        IN_PICTURES: len(people) - len(rows),
        "of categories with other keypoints": others,
    }
    arrays = _arrays(rows, len(category.keypoints))
    found = Annotations(
        path=path,
        category=category,
        picture_ids=np.array([ident for ident, _ in images], np.int64),
        pictures=tuple(file for _, file in images),
        broken_pictures=frozenset(bad_ids),
        left_out=counted(counts),
        assumed=category.assumed,
        **arrays,
    )
    return found, bad_images + bad_people


def _arrays(rows: Sequence[_Row], K: int) -> dict[str, Any]:
    """What the annotations say, by the names of `Annotations`."""
    keypoints = _column(rows, "keypoints").reshape(-1, K, 3)
    labelled = (keypoints[..., 2] > 0).sum(1).tolist()
    given = [fields.get("num_keypoints") for fields, _ in rows]
    return {
        "id": np.array([fields["id"] for fields, _ in rows], np.int64),
        "picture": np.array([picture for _, picture in rows], np.int64),
        "box": np.array([fields.get("bbox") or [0] * 4 for fields, _ in rows], np.float64).reshape(-1, 4),
        "area": np.array([fields.get("area") or 0 for fields, _ in rows], np.float64),
        "crowd": np.array([bool(fields.get("iscrowd")) for fields, _ in rows], bool),
        "count": np.array([n if g is None else g for g, n in zip(given, labelled, strict=True)], np.int64),
        "keypoints": keypoints,
    }


def parse_detections(path: Path, annotations: Annotations) -> tuple[Detections, list[Problem]]:
    """Read a file in the format of COCO's detection results; boxes of other categories are left out.

    Raises:
        DataError: it is of another shape, or has no boxes of the category.
    """
    places = {ident: index for index, ident in enumerate(annotations.picture_ids.tolist())}
    where = places | dict.fromkeys(annotations.broken_pictures, -1)

    def parse(record: Record) -> _Row | None:
        if record.parse(a_whole, "category_id") not in annotations.category.ids:
            return None
        picture = _picture_of(record, where)
        record.parse(_Detection.model_validate)
        return record.value, picture

    values = json_file.load(path).parse(a_list)
    parsed, broken = json_file.parse_objects(path, values, "results", parse)
    found = [row for row in parsed if row is not None]
    rows = [row for row in found if row[1] >= 0]
    if not found and not broken:
        listed = ", ".join(map(str, sorted(annotations.category.ids)))
        problem = f"has no boxes of category {listed}"
        raise DataError(path, problem, remedy="Check the file", code="no-boxes")
    counts = {"broken detections": len(broken), "detections in broken pictures": len(found) - len(rows)}
    return Detections(
        path=path,
        picture=np.array([picture for _, picture in rows], np.int64),
        box=_column(rows, "bbox").reshape(-1, 4),
        score=_column(rows, "score"),
        left_out=counted(counts),
    ), broken


def _images(
    root: Path, split: str, top: Record, broken_pictures: Collection[str]
) -> tuple[list[tuple[int, PictureFile]], list[Problem], set[int]]:
    """Ids and files of the pictures, what is broken, and the ids of those that are."""
    values = top.parse(a_list, "images")
    if not values:
        remedy = "Use a split that has some"
        raise DataError(top.path, "lists no images", remedy=remedy, code="no-images")
    place = Pictures(root, top.path, split, _names(values)).place()
    seen: set[int] = set()
    paths: set[str] = set()

    def parse(image: Record) -> tuple[int, PictureFile]:
        ident, listed = image.new("id", seen), image.parse(json_file.Picture.model_validate)
        file = PictureFile(place.file(listed.file_name), listed.width, listed.height)
        if (path := os.path.normpath(file.path)) in paths:
            raise image.wrong("its file_name is that of another image", code="repeated-picture")
        paths.add(path)
        return ident, file

    parsed, broken = json_file.parse_objects(top.path, values, "images", parse)
    known = broken_pictures
    images = [(i, file) for i, file in parsed if not known or name_in(root, file.path) not in known]
    return images, broken, seen - {ident for ident, _ in images}


def _names(images: Sequence[Any]) -> list[str]:
    """Of the pictures that have one."""
    found = (image.get("file_name") for image in images if isinstance(image, dict))
    return [name for name in found if isinstance(name, str) and json_file.could_name_a_file(name)]


def _people(
    top: Record, category: Category, listed: Collection[Any], where: Mapping[int, int]
) -> tuple[list[_Row], int, list[Problem]]:
    """The category's annotations, how many there are of others with other keypoints, and what is broken.

    Args:
        listed: the ids of all categories.
        where: places of pictures by their ids, -1 for broken ones.
    """
    seen: set[int] = set()
    others = 0

    def parse(record: Record) -> _Row | None:
        nonlocal others
        if (kind := record.parse(a_whole, "category_id")) not in category.ids:
            if kind not in listed:
                problem = f"the file lists no category of its category_id, {kind}"
                raise record.wrong(problem, code="unknown-category")
            others += bool(record.value.get("keypoints"))
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
    return [row for row in parsed if row is not None], others, broken


def _column(rows: Sequence[_Row], key: str) -> Floats:
    return np.array([fields[key] for fields, _ in rows], np.float64)


def _picture_of(record: Record, where: Mapping[int, int]) -> int:
    ident = record.parse(a_whole, "image_id")
    if ident not in where:
        raise record.wrong(f"no image has its image_id, {ident}", code="unknown-image")
    return where[ident]
