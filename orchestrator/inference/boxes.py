"""Boxes of people: from a COCO file, or each picture as one box.

Shapes: N boxes of a picture, (x, y, width, height) in its pixels, which is turned upright as EXIF says unless
its size in the file, or an option, says otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.io import json_file
from datasets.io.assumptions import sentences
from datasets.io.errors import DataError
from datasets.io.image import decode
from datasets.io.json_file import Record, a_box, a_list, a_name, a_number, a_whole
from datasets.io.orientation import Convention, Size
from datasets.io.picture_survey import look
from orchestrator.inference.picture_names import by_name, by_number, is_number, number_of, same_folder

Floats = NDArray[np.float64]

PERSON = 1
"""COCO's category of people."""

NOBODY = -1
"""The id of a picture that a file of boxes does not know; no result has it."""


class Box(NamedTuple):
    """A person's box."""

    xywh: tuple[float, float, float, float]
    score: float  # the detector's; 0 for an annotated box


@dataclass(frozen=True)
class PictureBoxes:
    """The boxes of one picture; None: the whole picture is one."""

    picture: Path
    image_id: int  # under which results name it
    boxes: tuple[Box, ...] | None
    claimed: Size | None = None  # width and height that the file of boxes says, if it does
    as_stored: bool = False  # EXIF's orientation is not applied where the size does not tell

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) RGB.

        Raises:
            DataError: the picture is missing, damaged, too large or of another size than claimed.
        """
        return decode(self.picture, self.claimed, self.as_stored)


class BoxFile(NamedTuple):
    """What a file of boxes says."""

    named: Sequence[tuple[str, int]] | None  # names of pictures with their ids; None: it has ids alone
    idents: set[int]
    boxes: Mapping[int, tuple[Box, ...]]  # by the picture's id
    category: int
    sizes: Mapping[int, Size | None] = MappingProxyType({})  # by the picture's id


@dataclass(frozen=True)
class BoxPlan:
    """The boxes of all pictures."""

    pictures: tuple[PictureBoxes, ...]
    category: int = PERSON  # of the results
    assumed: tuple[str, ...] = ()  # about which picture is meant, and how it is read

    def read_as(self, exif: Convention | None) -> "BoxPlan":
        """With what the first bytes of the pictures tell about reading them.

        Args:
            exif: what boxes count pixels of, where a picture's size does not tell.
        """
        traits = look([(one.picture, one.claimed) for one in self.pictures])
        stored = traits.convention(exif) == "stored"
        pictures = tuple(replace(one, as_stored=stored) for one in self.pictures)
        return replace(self, pictures=pictures, assumed=self.assumed + sentences(traits.assumed(exif)))

    @property
    def unknown(self) -> tuple[Path, ...]:
        """Pictures that the file of boxes does not name."""
        return tuple(one.picture for one in self.pictures if one.image_id == NOBODY)


def whole_pictures(pictures: Sequence[Path]) -> BoxPlan:
    """Each picture as one box.

    A picture is known by the last number in its name where these numbers differ, as COCO's do, else by its
    place.
    """
    numbers = [number_of(picture) for picture in pictures]
    distinct = None not in numbers and len(set(numbers)) == len(numbers)
    idents = [number for number in numbers if number is not None] if distinct else range(1, len(pictures) + 1)
    return BoxPlan(
        tuple(PictureBoxes(picture, ident, None) for picture, ident in zip(pictures, idents, strict=True))
    )


def read_boxes(path: Path, pictures: Sequence[Path], least: float = 0.0) -> BoxPlan:
    """Boxes from a file of COCO's annotations or detection results, told apart by their form.

    Annotations name pictures; crowds and other things than people are left out. Detections name pictures
    too, or else the last number in a picture's name; those of categories other than 1 are left out, unless
    all have the same.

    Args:
        least: detections with a lower score are left out.

    Raises:
        DataError: the file is neither, a record is wrong, the file knows none of the pictures, or it is
            not clear which one it means.
    """
    file = parse_boxes(path, least)
    known = (
        _numbered(path, pictures, file.idents) if file.named is None else _named(path, pictures, file.named)
    )
    plan = _plan(known, file)
    if not any(picture.boxes for picture in plan.pictures):
        raise DataError(
            path,
            f"has no box for {pictures[0].name}"
            + (f" or any other of {len(pictures)}" if pictures[1:] else ""),
            remedy="Annotations name pictures by file_name, detections by image_id, the number in the name",
            code="no-boxes",
        )
    return plan


def corners(boxes: Sequence[Box] | None, size: tuple[int, int]) -> Floats:
    """Boxes as COCO's loaders crop them: (N, 4) x1, y1, x2 = x + width - 1, y2, cut off at the edges.

    Those of which nothing is left have x2 <= x1 or y2 <= y1. None is the whole picture.

    Args:
        size: (height, width) of the picture.
    """
    last = np.array([size[1] - 1, size[0] - 1], np.float64)
    if boxes is None:
        return np.hstack([[0.0, 0.0], last])[None]
    xywh = np.array([box.xywh for box in boxes], np.float64).reshape(-1, 4)
    far = xywh[:, :2] + np.maximum(xywh[:, 2:] - 1, 0)
    return np.hstack([xywh[:, :2].clip(0, last), far.clip(0, last)])


def parse_boxes(path: Path, least: float) -> BoxFile:
    """What a file of COCO's annotations or detection results says, whatever pictures there are.

    Args:
        least: detections with a lower score are left out.

    Raises:
        DataError: the file is neither, or a record is wrong.
    """
    document = json_file.load(path)
    return (
        _detected(document, least) if isinstance(document.value, list) else _annotated(document.as_object())
    )


def _annotated(top: Record) -> BoxFile:
    category = _person(top)
    images = _objects(top, "images")
    pairs = [(image.parse(a_name, "file_name"), image.parse(a_whole, "id")) for image in images]
    people = [
        record
        for record in _objects(top, "annotations")
        if record.parse(a_whole, "category_id") == category and not record.value.get("iscrowd")
    ]
    boxes = _by_image([(record, 0.0) for record in people])
    sizes = {image.parse(a_whole, "id"): _size(image) for image in images}
    return BoxFile(pairs, {ident for _, ident in pairs}, boxes, category, sizes)


def _size(image: Record) -> Size | None:
    """What an image is said to measure; None where nothing is said."""
    if "width" not in image.value or "height" not in image.value:
        return None
    return image.parse(a_whole, "width"), image.parse(a_whole, "height")


def _person(top: Record) -> int:
    """The only category, or that of people."""
    categories = _objects(top, "categories")
    people = [record for record in categories if record.value.get("name") == "person"]
    usable = categories if len(categories) == 1 else people
    if len(usable) != 1:
        problem = f"{len(people)} of {len(categories)} categories are called person"
        raise top.wrong(problem, code="no-single-category")
    return usable[0].parse(a_whole, "id")


def _detected(document: Record, least: float) -> BoxFile:
    records = _objects(document)
    categories = {record.parse(a_whole, "category_id") for record in records}
    category = categories.pop() if len(categories) == 1 else PERSON
    people = [record for record in records if record.value["category_id"] == category]
    scored = [(record, record.parse(a_number, "score")) for record in people]
    boxes = _by_image([(record, score) for record, score in scored if score >= least])
    idents = [record.parse(a_whole, "image_id") for record in records]
    if not all("file_name" in record.value for record in records):
        return BoxFile(None, set(idents), boxes, category)
    pairs = zip((record.parse(a_name, "file_name") for record in records), idents, strict=True)
    return BoxFile(list(dict.fromkeys(pairs)), set(idents), boxes, category)


class _Known(NamedTuple):
    """Under which id a file has each picture, None where it has none, and what was assumed of that."""

    idents: Mapping[Path, int | None]
    assumed: tuple[str, ...]


def _named(path: Path, pictures: Sequence[Path], pairs: Sequence[tuple[str, int]]) -> _Known:
    """By name and id."""
    meant = by_name(path, pictures, [name for name, _ in pairs])
    found = {picture: pairs[meant[picture]] if picture in meant else None for picture in pictures}
    elsewhere = [(p, pair[0]) for p, pair in found.items() if pair and not same_folder(p, pair[0])]
    said = [f"{picture} is what {path.name} calls {name}" for picture, name in elsewhere[:1]]
    return _Known({p: pair[1] if pair else None for p, pair in found.items()}, _counted(said, len(elsewhere)))


def _numbered(path: Path, pictures: Sequence[Path], numbers: set[int]) -> _Known:
    """By the last number in a picture's name."""
    known = by_number(path, pictures, numbers)
    guessed = [picture for picture in known if not is_number(picture)]
    said = [f"{picture.name} is the picture of image_id {known[picture]}" for picture in guessed[:1]]
    return _Known({picture: known.get(picture) for picture in pictures}, _counted(said, len(guessed)))


def _counted(first: Sequence[str], count: int) -> tuple[str, ...]:
    return tuple(f"{one}, and so {count - 1} more" if count > 1 else one for one in first)


def _plan(known: _Known, file: BoxFile) -> BoxPlan:
    pictures = tuple(
        PictureBoxes(picture, NOBODY, ())
        if ident is None
        else PictureBoxes(picture, ident, file.boxes.get(ident, ()), file.sizes.get(ident))
        for picture, ident in known.idents.items()
    )
    return BoxPlan(pictures, file.category, known.assumed)


def _by_image(people: Sequence[tuple[Record, float]]) -> Mapping[int, tuple[Box, ...]]:
    found: dict[int, tuple[Box, ...]] = {}
    for record, score in people:
        ident = record.parse(a_whole, "image_id")
        found[ident] = (*found.get(ident, ()), Box(record.parse(a_box, "bbox"), score))
    return found


def _objects(document: Record, key: str = "") -> list[Record]:
    values = enumerate(document.parse(a_list, key))
    return [Record(document.path, f"{key or 'results'}[{i}]", value).as_object() for i, value in values]
