"""COCO keypoints as labelling tools export them: one file of annotations, or one for each split.

CVAT's "COCO Keypoints" is `annotations/person_keypoints_default.json` and `images/default/`, Label Studio's
`result.json` and `images/`, Roboflow's `_annotations.coco.json` beside the pictures of `train/` and `valid/`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel

from datasets.coco.layout import Pictures, Place, find_annotations
from datasets.exports.labelled import Annotation, Export, Labelled
from datasets.io import json_file
from datasets.io.errors import DataError
from datasets.io.inside import check_inside
from datasets.io.json_file import Box, NotNegative, Record, Row, a_list, a_whole
from datasets.io.problems import raise_if_any

_UNPACK = "Export with pictures, and unpack all of it into one folder"
_WITHOUT = "{n} {annotation has|annotations have} no keypoints: left out"
_NO_KEYPOINTS = (
    "Export keypoints: of CVAT skeletons as COCO Keypoints 1.0, of Label Studio labels with a model_index by "
    "a version that writes them"
)


class _Person(BaseModel):
    keypoints: Row
    bbox: Box | None = None
    area: NotNegative | None = None


def read_coco(source: Path, *, allow_outside: bool = False) -> Export:
    """Read an export.

    Args:
        source: its folder, or the file of annotations.
        allow_outside: take pictures too that lie elsewhere.

    Raises:
        DataError: there is no file of annotations or several, a record is wrong, a picture is missing or lies
            outside the folder, or nothing has keypoints.
    """
    root, files = _files(source)
    parts = [_read(root, file, split) for split, file in files.items()]
    pictures = tuple(picture for part in parts for picture in part.pictures)
    if not allow_outside:
        check_inside(root, [picture.file for picture in pictures])
    for picture in pictures:
        if not picture.file.is_file():
            raise DataError(picture.file, "this picture is missing", remedy=_UNPACK, code="missing-picture")
    if not any(picture.annotations for picture in pictures):
        raise DataError(source, "has no keypoints", remedy=_NO_KEYPOINTS, code="no-keypoints")
    if any(part.categories != parts[0].categories for part in parts):
        problem = f"{' and '.join(file.name for file in files.values())} list other categories"
        raise DataError(source, problem, remedy="Use one list", code="other-keypoints")
    return Export(pictures, parts[0].categories, parts[0].assumed)


def _files(source: Path) -> tuple[Path, Mapping[str, Path]]:
    """The folder of the export, and its files of annotations by split, which is empty where there is one."""
    if not source.is_dir():
        inside = source.parent.name in ("annotations", "json")
        return (source.parent.parent if inside else source.parent), {"": source}
    try:
        return source, find_annotations(source)
    except DataError:
        pass
    listed = [*sorted(source.glob("*.json")), *sorted(source.glob("*/*.json"))]
    found = [path for path in listed if not path.name.startswith(".")]
    named = [path for path in found if path.name.startswith("person_keypoints")] or found
    if len(named) != 1:
        problem = f"has no single file of annotations, but {', '.join(path.name for path in named) or 'none'}"
        raise DataError(source, problem, remedy="Name the file", code="ambiguous-annotations")
    return _files(named[0])


def _read(root: Path, file: Path, split: str) -> Export:
    top = json_file.load(file).as_object()
    categories = top.parse(a_list, "categories")
    seen: set[int] = set()
    listed = top.parse(a_list, "images")
    images, broken = json_file.parse_objects(
        file, listed, "images", lambda one: (one.new("id", seen), one.parse(json_file.Picture.model_validate))
    )
    raise_if_any(broken, skippable=False)
    people: dict[int, list[Annotation]] = {ident: [] for ident, _ in images}
    values = top.parse(a_list, "annotations")
    parsed, broken = json_file.parse_objects(file, values, "annotations", _person)
    raise_if_any(broken, skippable=False)
    without = sum(one is None for _, one in parsed)
    for record, one in parsed:
        if one is not None:
            people[_picture(record, seen)].append(one)
    place = _place(root, file, split, [picture.file_name for _, picture in images])
    pictures = [
        Labelled(
            place.file(one.file_name),
            _name(one.file_name),
            (one.width, one.height),
            tuple(people[ident]),
            split,
        )
        for ident, one in images
    ]
    return Export(tuple(pictures), categories, {_WITHOUT: without})


def _place(root: Path, file: Path, split: str, names: Sequence[str]) -> Place:
    try:
        return Pictures(root, file, split, names).place()
    except DataError as error:
        raise DataError(error.path, error.problem, remedy=_UNPACK, code=error.code) from error


def _picture(record: Record, idents: set[int]) -> int:
    ident = record.parse(a_whole, "image_id")
    if ident not in idents:
        raise record.wrong(f"no image has its image_id, {ident}", code="unknown-image")
    return ident


def _person(record: Record) -> tuple[Record, Annotation | None]:
    """All fields but those by which it is known; None where it has no keypoints."""
    if not record.value.get("keypoints"):
        return record, None
    if len(record.parse(_Person.model_validate).keypoints) % 3:
        raise record.wrong("keypoints are not three numbers each", code="wrong-length")
    known: dict[str, Any] = {
        key: value for key, value in record.value.items() if key not in ("id", "image_id")
    }
    return record, {key: value for key, value in known.items() if value is not None}


def _name(written: str) -> str:
    """Within a folder, whatever folders a tool wrote."""
    parts = PurePosixPath(written.replace("\\", "/")).parts
    return "/".join(part for part in parts if part not in ("..", "/") and not part.endswith(":"))
