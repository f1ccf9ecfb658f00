"""MPII on the disk: the list JSON in wide use with `gt_valid.mat`, checked record by record.

MATLAB counts pixels from 1; everything here counts from 0. The original `.mat` is read by release_mat.py.

Shapes: N people, K = 16 joints.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Len
from numpy.typing import NDArray
from pydantic import BaseModel

from datasets.base.annotated import AnnotatedSet, whole
from datasets.io import json_file
from datasets.io.assumptions import Assumed
from datasets.io.errors import DataError
from datasets.io.json_file import FileName, NotNegative, Number, Positive, Row
from datasets.io.problems import IN_PICTURES, RECORDS, Problem, counted, parse_each
from datasets.mpii import ground_truth, release_mat
from datasets.mpii.samples import JOINTS, People, misplaced

Floats = NDArray[np.float64]

Format = Literal["list", "mat"]

_FOLDERS = (".", "annot", "annotations")
_LISTS = {"train": ("train.json", "mpii_train.json"), "val": ("valid.json", "val.json", "mpii_val.json")}
_TRUTHS = ("gt_valid.mat", "mpii_gt_val.mat")
_SOURCE = "Xiao et al., Simple Baselines"
_ORIGINALS = ("mpii_human_pose_v1_u12_1.mat", "mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat")


def find_format(root: Path) -> Format:
    """`list` where the two lists are there, or else `mat`.

    Raises:
        DataError: neither the lists nor the original annotations are there.
    """
    if all(_found(root, names) for names in _LISTS.values()):
        return "list"
    if _found(root, _ORIGINALS):
        return "mat"
    raise DataError(
        root,
        "has neither the lists train.json and valid.json nor mpii_human_pose_v1_u12_1.mat",
        remedy="Put them into annot/ in there",
        code="no-annotations",
    )


def is_there(root: Path) -> bool:
    """Whether the folder has MPII's files. Files of these names may be another set's, but not lists."""
    lists = [path for names in _LISTS.values() for path in _found(root, names)[:1]]
    whole = len(lists) == len(_LISTS) and (bool(_found(root, _TRUTHS)) or all(map(_is_list, lists)))
    return whole or bool(_found(root, _ORIGINALS))


def _is_list(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).lstrip().startswith(b"[")


def read(root: Path, form: Format) -> AnnotatedSet[People]:
    """Read a set, without opening its pictures.

    Raises:
        DataError: a file is missing, or records are wrong; names file, record and field.
    """
    return whole(*parse_set(root, form))


def parse_placed(
    root: Path, form: Format, broken_pictures: Collection[str] = (), as_stored: bool = False
) -> tuple[AnnotatedSet[People], list[Problem]]:
    """As `parse_set`, without people who lie outside their pictures, whose first bytes are read."""
    found, broken = parse_set(root, form, broken_pictures, as_stored)
    outside = [misplaced(people, people.files_to_check()) for people in (found.train, found.val)]
    train, val = (p.without_broken(o) for p, o in zip((found.train, found.val), outside, strict=True))
    return AnnotatedSet(train, val, found.files, found.assumed), [
        *broken,
        *outside[0].values(),
        *outside[1].values(),
    ]


def parse_set(
    root: Path, form: Format, broken_pictures: Collection[str] = (), as_stored: bool = False
) -> tuple[AnnotatedSet[People], list[Problem]]:
    """Read a set, without opening its pictures: the usable people, and what is broken.

    Args:
        broken_pictures: names of pictures known to be broken, as `image.name_in` gives them.
        as_stored: pixels count without EXIF's orientation.

    Raises:
        DataError: a file is missing or is something else.
    """
    found, broken = _parse(root, form, broken_pictures)
    train, val = (replace(people, as_stored=as_stored) for people in (found.train, found.val))
    return replace(found, train=train, val=val), broken


def _parse(
    root: Path, form: Format, broken_pictures: Collection[str]
) -> tuple[AnnotatedSet[People], list[Problem]]:
    without, images = {root / name for name in broken_pictures}, root / "images"
    if form == "mat":
        return release_mat.parse_release(_file(root, _ORIGINALS), images, without)
    lists = [_file(root, names) for names in _LISTS.values()]
    truth = _file(root, _TRUTHS)
    (train, bad_train, _), (val, bad_val, N) = (_people(path, images, without) for path in lists)
    for people in (train, val):
        people.check_plausible()
    heads, bad_heads = ground_truth.parse_heads(truth, val, N)
    val = replace(val, heads=heads).without_broken(bad_heads)
    found = AnnotatedSet(_labelled(train), val, (*lists, truth), _twice(train, val))
    return found, [*bad_train, *bad_val, *bad_heads.values()]


_K = Len(len(JOINTS), len(JOINTS))


class _Listed(BaseModel):
    """One person of a list."""

    image: FileName
    center: tuple[NotNegative, Number]
    scale: Positive
    joints: Annotated[list[tuple[Number, Number]], _K]
    joints_vis: Annotated[Row, _K]


def _people(path: Path, images: Path, without: Collection[Path]) -> tuple[People, list[Problem], int]:
    """One list: objects with `image`, `center`, `scale`, `joints` (16 x 2, from 1) and `joints_vis`.

    Args:
        images: the folder of the pictures; `without`: those that are broken.

    Returns:
        the usable people, what is broken, and how many there are in all.

    Raises:
        DataError: it is no list.
    """
    values = json_file.load(path).parse(json_file.a_list)
    parsed, broken = parse_each(partial(_listed, path), enumerate(values))
    kept = [(index, one) for index, one in parsed if images / one["image"] not in without]
    rows = [one for _, one in kept]
    order = {name: index for index, name in enumerate(dict.fromkeys(row["image"] for row in rows))}
    counts = {RECORDS: len(broken), IN_PICTURES: len(parsed) - len(rows)}
    found = People(
        path=path,
        pictures=tuple(images / name for name in order),
        picture=np.array([order[row["image"]] for row in rows], np.int64),
        id=np.array([index for index, _ in kept], np.int64),
        record=tuple(f"people[{index}]" for index, _ in kept),
        centre=np.array([row["center"] for row in rows], np.float64).reshape(-1, 2) - 1,
        scale=np.array([row["scale"] for row in rows], np.float64),
        points=np.array([row["joints"] for row in rows], np.float64).reshape(-1, len(JOINTS), 2) - 1,
        labelled=np.array([row["joints_vis"] for row in rows], bool).reshape(-1, len(JOINTS)),
        left_out=counted(counts),
    )
    return found, broken, len(values)


def _listed(path: Path, one: tuple[int, Any]) -> tuple[int, dict[str, Any]]:
    record = json_file.Record(path, f"people[{one[0]}]", one[1]).as_object()
    if not set(record.parse(_Listed.model_validate).joints_vis) <= {0, 1}:
        raise record.wrong("joints_vis has something other than 0 and 1", code="bad-visibility")
    return one[0], record.value


def _labelled(people: People) -> People:
    """Those who have a labelled joint: the others teach nothing."""
    useful = people.labelled.any(1)
    kept = people.rows(np.flatnonzero(useful))
    if not (without := int((~useful).sum())):
        return kept
    return replace(kept, left_out={**people.left_out, "without labelled joints": without})


def _places(people: People) -> list[tuple[Path, float, float]]:
    """Picture and centre of each."""
    return [
        (people.pictures[p], x, y) for p, (x, y) in zip(people.picture, people.centre.tolist(), strict=True)
    ]


def _twice(train: People, val: People) -> Assumed:
    """People of both lists: one picture may well have people of either."""
    known = set(_places(train))
    shared = sum(place in known for place in _places(val))
    return {"{n} {person|people} for validation {is|are} for training too": shared} if shared else {}


def _found(root: Path, names: Sequence[str]) -> list[Path]:
    paths = (root / folder / name for folder in _FOLDERS for name in names)
    return [path for path in paths if path.is_file()]


def _file(root: Path, names: Sequence[str]) -> Path:
    found = _found(root, names)
    if not found:
        remedy = f"Put it into annot/ in there, for example from the code of {_SOURCE}"
        raise DataError(root, f"has no {names[0]}, which MPII needs", remedy=remedy, code="missing-file")
    return found[0]
