"""COCO's annotation files: where they are, what they say, checked record by record.

Shapes: N annotations, K keypoints, M pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets import json_file
from datasets.errors import DataError
from datasets.json_file import Record
from datasets.pack import PictureFile

Floats = NDArray[np.float64]
SPLITS = ("train", "val")


@dataclass(frozen=True)
class Category:
    """The kind of thing whose keypoints are annotated."""

    id: int
    keypoints: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]  # counted from 1


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


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes that a detector found in the pictures of an annotation file."""

    path: Path
    picture: NDArray[np.int64]  # (N,) index into the pictures
    box: Floats  # (N, 4) x, y, width, height
    score: Floats  # (N,)


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
            folder, "holds no annotations (*.json)", remedy="Name the folder that has annotations/ in it"
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
        )
    return fits[0]


def read_annotations(root: Path, path: Path, split: str) -> Annotations:
    """Read one annotation file whole and check it.

    Raises:
        DataError: it is not what COCO's format description says; names the record.
    """
    document = json_file.load(path)
    if not isinstance(document, dict):
        raise DataError(
            path, "is no object with images, annotations and categories", remedy="Use COCO's format"
        )
    top = Record(path, "", document)
    category = _category(path, top.records("categories"))
    images = top.records("images")
    picture_ids = json_file.unique_ids(images)
    files = _picture_files(root, path, split, images)
    records = [r for r in top.records("annotations") if r.whole("category_id") == category.id]
    return Annotations(
        path=path,
        category=category,
        picture_ids=picture_ids,
        pictures=files,
        id=json_file.unique_ids(records),
        picture=_pictures_of(records, picture_ids),
        box=_boxes(records),
        area=np.array([_not_negative(record, "area") for record in records]),
        crowd=np.array([bool(record.fields.get("iscrowd", 0)) for record in records], bool),
        keypoints=(keypoints := _keypoints(records, len(category.keypoints))),
        count=_counts(records, keypoints),
    )


def read_detections(path: Path, annotations: Annotations) -> Detections:
    """Read a file in the format of COCO's detection results; boxes of other categories are left out.

    Raises:
        DataError: it is of another shape, or names a picture that the annotations don't have.
    """
    everything = json_file.objects(path, json_file.load(path), "results")
    records = [r for r in everything if r.whole("category_id") == annotations.category.id]
    if not records:
        raise DataError(path, f"has no boxes of category {annotations.category.id}", remedy="Check the file")
    picture = _pictures_of(records, annotations.picture_ids)
    score = np.array([record.number("score") for record in records])
    return Detections(path, picture, _boxes(records), score)


def _category(path: Path, records: Sequence[Record]) -> Category:
    usable = [record for record in records if record.fields.get("keypoints")]
    people = [record for record in usable if record.fields.get("name") == "person"]
    chosen = usable if len(usable) == 1 else people
    if len(chosen) != 1:
        names = ", ".join(str(record.fields.get("name")) for record in records) or "none"
        raise DataError(
            path,
            f"no single category has keypoints (categories: {names})",
            remedy="Keep one category with them",
        )
    (record,) = chosen
    names_given = record.fields["keypoints"]
    if not isinstance(names_given, list) or not all(isinstance(name, str) for name in names_given):
        raise record.wrong("keypoints is not a list of names")
    if len(set(names_given)) != len(names_given):
        raise record.wrong("a keypoint's name stands twice")
    return Category(record.whole("id"), tuple(names_given), _skeleton(record, len(names_given)))


def _skeleton(record: Record, K: int) -> tuple[tuple[int, int], ...]:
    limbs = record.fields.get("skeleton") or []
    if not isinstance(limbs, list) or not all(_is_limb(limb, K) for limb in limbs):
        raise record.wrong(f"skeleton is not a list of pairs from 1 to {K}")
    return tuple((a, b) for a, b in limbs)


def _is_limb(limb: Any, K: int) -> bool:
    return (
        isinstance(limb, list) and len(limb) == 2 and all(type(end) is int and 1 <= end <= K for end in limb)
    )


def _picture_files(root: Path, path: Path, split: str, images: Sequence[Record]) -> tuple[PictureFile, ...]:
    if not images:
        raise DataError(path, "lists no images", remedy="Use a split that has some")
    folder = _picture_folder(root, path, split, images[0].text("file_name"))
    return tuple(
        PictureFile(folder / image.text("file_name"), image.whole("width", 1), image.whole("height", 1))
        for image in images
    )


def _picture_folder(root: Path, path: Path, split: str, sample: str) -> Path:
    """The first of the usual folders that has a certain picture, or any that exists."""
    name = path.stem[path.stem.lower().rindex(split) :]
    usual = [root / name, root / "images" / name, root / split, root / "images" / split, root / "images"]
    folders = [folder for folder in dict.fromkeys(usual) if folder.is_dir()]
    if not folders:
        tried = ", ".join(str(folder.relative_to(root)) for folder in dict.fromkeys(usual))
        raise DataError(
            root, f"no folder of pictures for {path.name}", remedy=f"Put them into one of {tried} in there"
        )
    return next((folder for folder in folders if (folder / sample).is_file()), folders[0])


def _pictures_of(records: Sequence[Record], picture_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    where = {ident: index for index, ident in enumerate(picture_ids.tolist())}
    for record in records:
        if record.whole("image_id") not in where:
            raise record.wrong(f"no image has its image_id, {record.fields['image_id']}")
    return np.array([where[record.fields["image_id"]] for record in records], np.int64)


def _boxes(records: Sequence[Record]) -> Floats:
    rows = [record.row("bbox", 4) for record in records]
    for record, (_, _, width, height) in zip(records, rows, strict=True):
        if width < 0 or height < 0:
            raise record.wrong(f"bbox has a negative size, {width} x {height}")
    return np.array(rows, np.float64).reshape(-1, 4)


def _not_negative(record: Record, key: str) -> float:
    value = record.number(key)
    if value < 0:
        raise record.wrong(f"{key} is negative, {value}")
    return float(value)


def _keypoints(records: Sequence[Record], K: int) -> Floats:
    rows = [record.row("keypoints", 3 * K) for record in records]
    points = np.array(rows, np.float64).reshape(-1, K, 3)
    for index in np.flatnonzero(~np.isin(points[..., 2], (0, 1, 2)).all(1))[:1]:
        raise records[index].wrong("a keypoint's visibility is none of 0, 1 and 2")
    return points


def _counts(records: Sequence[Record], keypoints: Floats) -> NDArray[np.int64]:
    """num_keypoints; counted where an annotation doesn't say."""
    labelled = (keypoints[..., 2] > 0).sum(1).tolist()
    pairs = zip(records, labelled, strict=True)
    return np.array(
        [r.whole("num_keypoints") if "num_keypoints" in r.fields else n for r, n in pairs], np.int64
    )
