"""A labelling tool's export as a set in COCO's format, split in two for training and validation."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.coco.layout import SPLITS
from datasets.exports.coco_export import read_coco
from datasets.exports.deeplabcut import is_deeplabcut, read_deeplabcut
from datasets.exports.labelled import Boxes, Export, Labelled, boxed
from datasets.io.assumptions import sentences
from datasets.io.atomic_folder import publish
from datasets.io.errors import DataError

SHARE = 0.2
"""Of the pictures are for validation, where the tool has not split them."""

_SPLITS = "the tool's own split is kept"
_WHOLE = "{{n}} {{video or folder is|videos or folders are}} for validation as a whole: {names}"
_AT_RANDOM = (
    "all pictures are of one video or folder: every fifth is for validation, drawn at random, and may look "
    "like those that are learned from"
)
_BOXES: dict[Boxes, str] = {
    "frame": "whole pictures are the boxes, as they are for `rle-lab predict` without --boxes (--boxes "
    "animal for others)",
    "animal": "boxes are the export's own, or about the keypoints where it has none: `rle-lab predict` wants "
    "such --boxes too (--boxes frame for whole pictures)",
}


@dataclass(frozen=True)
class Converted:
    """What was written."""

    pictures: Mapping[str, int]  # of each split
    labelled: Mapping[str, int]  # annotations of each split
    keypoints: int
    assumed: tuple[str, ...]


def convert(source: Path, out: Path, boxes: Boxes | None = None, *, allow_outside: bool = False) -> Converted:
    """Write a set in COCO's layout, with copies of the pictures.

    Args:
        source: an export in COCO's format, or a project of DeepLabCut.
        out: a folder that is not there yet, or empty.
        boxes: None: whole pictures where no boxes were drawn and nothing is twice in a picture.
        allow_outside: take pictures too that lie outside the export.

    Raises:
        DataError: the export can't be read, is too small to be split, or something lies at `out`.
    """
    if out.is_symlink() or (out.exists() and not (out.is_dir() and not any(out.iterdir()))):
        raise _in_the_way(out)
    if not source.exists():
        raise DataError(source, "is missing", remedy="Check the path", code="missing-file")
    own = is_deeplabcut(source)
    export = read_deeplabcut(source) if own else read_coco(source, allow_outside=allow_outside)
    chosen = boxes or export.usual_boxes
    splits, said = split(export.pictures)

    def fill(folder: Path) -> None:
        (folder / "annotations").mkdir()
        for name, pictures in splits.items():
            _write(folder, name, pictures, export, chosen)

    def check(_: Path) -> None:
        raise _in_the_way(out)

    publish(out, fill, check)
    return Converted(
        {name: len(pictures) for name, pictures in splits.items()},
        {name: sum(len(one.annotations) for one in pictures) for name, pictures in splits.items()},
        max(len(category.get("keypoints") or ()) for category in export.categories),
        sentences({**said, _BOXES[chosen]: 1, **export.assumed}),
    )


def split(pictures: Sequence[Labelled]) -> tuple[dict[str, list[Labelled]], dict[str, int]]:
    """Pictures for training and validation, and what was assumed.

    Whole videos or folders where there are several, else single pictures; the same ones each time.

    Raises:
        DataError: there is only one picture.
    """
    if any(picture.split for picture in pictures):
        return {name: [one for one in pictures if one.split == name] for name in SPLITS}, {_SPLITS: 1}
    if len(pictures) < 2:
        remedy = "Label more pictures: some are for validation"
        raise DataError(pictures[0].file, "is the only picture", remedy=remedy, code="too-few-samples")
    groups = Counter(picture.group for picture in pictures)
    if len(groups) > 1:
        whole = _nearest(groups, SHARE * len(pictures))
        val = {one.name for one in pictures if one.group in whole}
        said = {_WHOLE.format(names=", ".join(sorted(whole))): len(whole)}
    else:
        names = [one.name for one in pictures]
        val, said = set(random.Random(0).sample(names, max(1, round(SHARE * len(names))))), {_AT_RANDOM: 1}
    return {
        "train": [one for one in pictures if one.name not in val],
        "val": [one for one in pictures if one.name in val],
    }, said


def _nearest(groups: Mapping[str, int], wanted: float) -> set[str]:
    """Some groups, and never all, that have about so many pictures together."""
    order = sorted(groups)
    random.Random(0).shuffle(order)
    chosen: set[str] = set()
    total = 0
    for name in order:
        if abs(total + groups[name] - wanted) < abs(total - wanted) and len(chosen) < len(groups) - 1:
            chosen.add(name)
            total += groups[name]
    return chosen or {min(order, key=lambda name: groups[name])}


def _write(folder: Path, name: str, pictures: Sequence[Labelled], export: Export, boxes: Boxes) -> None:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for ident, picture in enumerate(pictures, 1):
        place = folder / name / picture.name
        if place.exists():
            remedy = "Give the two other names, in the export too"
            problem = "has the name of another picture of the export"
            raise DataError(picture.file, problem, remedy=remedy, code="repeated-picture")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture.file, place)
        width, height = picture.size
        images.append({"id": ident, "file_name": picture.name, "width": width, "height": height})
        for one in picture.annotations:
            who = {"id": len(annotations) + 1, "image_id": ident}
            annotations.append(who | boxed(one, picture.size, boxes))
    document = {"images": images, "annotations": annotations, "categories": list(export.categories)}
    (folder / "annotations" / f"{name}.json").write_text(json.dumps(document))


def _in_the_way(out: Path) -> DataError:
    remedy = "Name a folder that is not there yet"
    return DataError(out, "is there already, and not written over", remedy=remedy, code="would-overwrite")
