"""`gt_valid.mat`: what MPII's evaluation compares with, person by person of the validation list.

Shapes: N people, K = 16 joints.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.io import mat_file
from datasets.io.errors import DataError
from datasets.io.json_file import ABSURD
from datasets.io.problems import Problem
from datasets.mpii.samples import JOINTS, Heads, People, flat_heads

Floats = NDArray[np.float64]

_SHORT = ("rank", "rkne", "rhip", "lhip", "lkne", "lank", "", "", "", "head", "rwri", "relb", "rsho", "lsho")
"""What gt_valid.mat calls the joints, where its name is agreed on; the last two are lelb and lwri."""

_SAME = 10.0
"""Pixels by which the list and gt_valid.mat may differ in the middle of all joints and still be one set."""


def parse_heads(path: Path, people: People, N: int) -> tuple[Heads, dict[int, Problem]]:
    """`gt_valid.mat`: places, missing joints and head boxes of the validation list's people, in its order.

    Args:
        people: those of the list who can be used; `N`: how many it has in all.

    Returns:
        the truth of these people, and what is broken of it, by their index.

    Raises:
        DataError: a variable is missing or of another shape, or it is about other people than the list.
    """
    found = _variables(path, ("pos_gt_src", "headboxes_src", "jnt_missing", "dataset_joints"))
    _check_joints(path, found["dataset_joints"])
    K = len(JOINTS)
    places = _numbers(path, found, "pos_gt_src", (K, 2, N)).transpose(2, 0, 1)[people.id] - 1
    boxes = _numbers(path, found, "headboxes_src", (2, 2, N)).transpose(2, 0, 1)[people.id] - 1
    missing = _numbers(path, found, "jnt_missing", (K, N)).T[people.id]
    heads = Heads(places, missing == 0, boxes)
    records = [f"person {index + 1}" for index in people.id.tolist()]
    broken = flat_heads(path, heads, records)
    arrays = {"pos_gt_src": places, "headboxes_src": boxes, "jnt_missing": missing}
    for name, array in arrays.items():
        usable = (np.abs(array) < ABSURD).all(tuple(range(1, array.ndim)))  # a NaN is not
        for index in np.flatnonzero(~usable).tolist():
            problem = f"{name} has a number that is not finite or absurdly large"
            broken[index] = Problem(str(path), records[index], problem, "Get the file again", "not-finite")
    _check_same(path, people, heads, np.setdiff1d(np.arange(len(people.id)), list(broken)))
    return heads, broken


def _variables(path: Path, names: Sequence[str]) -> Mapping[str, Any]:
    found = mat_file.load(path, names)
    for name in names:
        if name not in found:
            problem, remedy = "the variable is missing", "Get the file again"
            raise DataError(path, problem, record=name, remedy=remedy, code="missing-variable")
    return found


def _numbers(path: Path, found: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Floats:
    given = found[name]
    array = given if isinstance(given, np.ndarray) else np.array("")  # no numbers
    if array.ndim == len(shape) - 1 and shape[-1] == 1:
        array = array[..., None]  # MATLAB has no third axis of length 1
    if array.dtype.kind not in "uifb" or array.shape != shape:
        raise DataError(
            path,
            f"expected numbers of shape {shape} (the list has {shape[-1]} people), "
            f"found {array.dtype} of shape {array.shape}",
            record=name,
            remedy="Use the gt_valid.mat that belongs to the list",
            code="wrong-shape",
        )
    return array.astype(np.float64)


def _check_joints(path: Path, cell: Any) -> None:
    names = [name for name in cell if isinstance(name, str)] if isinstance(cell, list) else []
    wanted = (*_SHORT, "lelb", "lwri")
    if len(names) != len(wanted) or any(b and a != b for a, b in zip(names, wanted, strict=True)):
        problem, remedy = f"the joints are {names}, not MPII's", "Get the file again"
        raise DataError(path, problem, record="dataset_joints", remedy=remedy, code="other-joints")


def _check_same(path: Path, people: People, heads: Heads, usable: NDArray[np.int64]) -> None:
    people, heads = people.rows(usable), heads.rows(usable)
    both = people.labelled & heads.counted
    if not len(usable):
        return
    if not both.any():
        problem = "no joint is both labelled in the list and counted here"
        raise DataError(path, problem, remedy="Use its list", code="other-people")
    apart = np.linalg.norm(people.points - heads.points, axis=2)[both]
    if np.median(apart) > _SAME:
        raise DataError(
            path,
            f"its joints lie {np.median(apart):.0f} pixels from those of {people.path.name}",
            record="pos_gt_src",
            remedy="Use the gt_valid.mat that belongs to the list, people in the same order",
            code="other-people",
        )
