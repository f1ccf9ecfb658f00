"""MPII on the disk: the list JSON in wide use with `gt_valid.mat`, checked record by record.

MATLAB counts pixels from 1; everything here counts from 0. The original `.mat` is read by mpii_mat.py.

Shapes: N people, K = 16 joints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from datasets import json_file, mpii_mat
from datasets.errors import DataError
from datasets.json_file import Record
from datasets.mpii_people import JOINTS, Benchmark, Heads, People, check_heads

Floats = NDArray[np.float64]

Format = Literal["list", "mat"]

_FOLDERS = (".", "annot", "annotations")
_LISTS = {"train": ("train.json", "mpii_train.json"), "val": ("valid.json", "val.json", "mpii_val.json")}
_TRUTHS = ("gt_valid.mat", "mpii_gt_val.mat")
_ORIGINALS = ("mpii_human_pose_v1_u12_1.mat", "mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat")

_SHORT = ("rank", "rkne", "rhip", "lhip", "lkne", "lank", "", "", "", "head", "rwri", "relb", "rsho", "lsho")
"""What gt_valid.mat calls the joints, where its name is agreed on; the last two are lelb and lwri."""

_SAME = 10.0
"""Pixels by which the list and gt_valid.mat may differ in the middle of all joints and still be one set."""


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
    )


def read(root: Path, form: Format) -> Benchmark:
    """Read a set, without opening its pictures.

    Raises:
        DataError: a file is missing, or a record is wrong; names file, record and field.
    """
    if form == "mat":
        path = _file(root, _ORIGINALS)
        train, val, heads = mpii_mat.read(path, root / "images")
        return Benchmark(train, val, heads, (path,))
    lists = [_file(root, names) for names in _LISTS.values()]
    truth = _file(root, _TRUTHS)
    train, val = (read_list(path, root / "images") for path in lists)
    return Benchmark(_labelled(train), val, read_heads(truth, val), (*lists, truth))


def read_list(path: Path, images: Path) -> People:
    """One list: objects with `image`, `center`, `scale`, `joints` (16 x 2, from 1) and `joints_vis`.

    Args:
        images: the folder of the pictures.

    Raises:
        DataError: a record lacks a field, or has one of another shape.
    """
    records = json_file.objects(path, json_file.load(path), "people")
    names = [record.text("image") for record in records]
    order = {name: index for index, name in enumerate(dict.fromkeys(names))}
    flags = np.array([_flags(record) for record in records], bool).reshape(-1, len(JOINTS))
    return People(
        path=path,
        pictures=tuple(images / name for name in order),
        picture=np.array([order[name] for name in names], np.int64),
        id=np.arange(len(records)),
        record=tuple(record.name for record in records),
        centre=np.array([_centre(record) for record in records], np.float64).reshape(-1, 2) - 1,
        scale=np.array([_scale(record) for record in records], np.float64),
        points=np.array([_joints(record) for record in records], np.float64).reshape(-1, len(JOINTS), 2) - 1,
        labelled=flags,
        left_out={},
    )


def _centre(record: Record) -> list[float]:
    centre = record.row("center", 2)
    if centre[0] < 0:
        raise record.wrong(f"center is {centre}, no place in the picture", "Take the person out of the list")
    return centre


def _scale(record: Record) -> float:
    scale = record.number("scale")
    if scale <= 0:
        raise record.wrong(f"scale is {scale}, not positive")
    return scale


def _joints(record: Record) -> list[list[float]]:
    rows = record.fields.get("joints")
    if not isinstance(rows, list) or len(rows) != len(JOINTS):
        raise record.wrong(f"joints is not a list of {len(JOINTS)} places")
    return [record.numbers(row, f"joints[{index}]", 2) for index, row in enumerate(rows)]


def _flags(record: Record) -> list[float]:
    flags = record.row("joints_vis", len(JOINTS))
    if not set(flags) <= {0, 1}:
        raise record.wrong("joints_vis has something other than 0 and 1")
    return flags


def _labelled(people: People) -> People:
    """Those who have a labelled joint: the others teach nothing."""
    useful = people.labelled.any(1)
    if not useful.any():
        raise DataError(people.path, "nobody in it has a labelled joint", remedy="Use another list")
    kept = people.rows(np.flatnonzero(useful))
    without = int((~useful).sum())
    return replace(kept, left_out={"without labelled joints": without} if without else {})


def read_heads(path: Path, people: People) -> Heads:
    """`gt_valid.mat`: places, missing joints and head boxes of the validation list's people, in its order.

    Raises:
        DataError: a variable is missing or of another shape, or it is about other people than the list.
    """
    found = _variables(path, ("pos_gt_src", "headboxes_src", "jnt_missing", "dataset_joints"))
    _check_joints(path, found["dataset_joints"])
    N, K = len(people.id), len(JOINTS)
    places = _numbers(path, found, "pos_gt_src", (K, 2, N)).transpose(2, 0, 1) - 1
    boxes = _numbers(path, found, "headboxes_src", (2, 2, N)).transpose(2, 0, 1) - 1
    missing = _numbers(path, found, "jnt_missing", (K, N)).T != 0
    heads = Heads(places, ~missing, boxes)
    check_heads(path, heads, [f"person {index + 1}" for index in range(N)])
    _check_same(path, people, heads)
    return heads


def _variables(path: Path, names: Sequence[str]) -> Mapping[str, Any]:
    found = mpii_mat.load(path, list(names), simplify=False)
    for name in names:
        if name not in found:
            raise DataError(path, "the variable is missing", record=name, remedy="Get the file again")
    return found


def _numbers(path: Path, found: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Floats:
    array = np.asarray(found[name])
    if array.ndim == len(shape) - 1 and shape[-1] == 1:
        array = array[..., None]  # MATLAB has no third axis of length 1
    if array.dtype.kind not in "uifb" or array.shape != shape or not np.isfinite(array).all():
        raise DataError(
            path,
            f"expected {shape} finite numbers (the list has {shape[-1]} people), "
            f"found {array.dtype} of shape {array.shape}",
            record=name,
            remedy="Use the gt_valid.mat that belongs to the list",
        )
    return array.astype(np.float64)


def _check_joints(path: Path, cell: Any) -> None:
    names = [str(np.asarray(name).item()) for name in np.asarray(cell).ravel() if np.asarray(name).size == 1]
    wanted = (*_SHORT, "lelb", "lwri")
    if len(names) != len(wanted) or any(b and a != b for a, b in zip(names, wanted, strict=True)):
        raise DataError(
            path, f"the joints are {names}, not MPII's", record="dataset_joints", remedy="Get the file again"
        )


def _check_same(path: Path, people: People, heads: Heads) -> None:
    both = people.labelled & heads.counted
    if not both.any():
        raise DataError(path, "no joint is both labelled in the list and counted here", remedy="Use its list")
    apart = np.linalg.norm(people.points - heads.points, axis=2)[both]
    if np.median(apart) > _SAME:
        raise DataError(
            path,
            f"its joints lie {np.median(apart):.0f} pixels from those of {people.path.name}",
            record="pos_gt_src",
            remedy="Use the gt_valid.mat that belongs to the list, people in the same order",
        )


def _found(root: Path, names: Sequence[str]) -> list[Path]:
    paths = (root / folder / name for folder in _FOLDERS for name in names)
    return [path for path in paths if path.is_file()]


def _file(root: Path, names: Sequence[str]) -> Path:
    found = _found(root, names)
    if not found:
        raise DataError(root, f"has no {names[0]}", remedy="Put it into annot/ in there")
    return found[0]
