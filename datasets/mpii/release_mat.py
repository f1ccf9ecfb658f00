"""MPII's original annotations, `mpii_human_pose_v1_u12_1.mat`: one structure, RELEASE.

They do not contain the split: the published one exists in the lists alone. Here a fixed hash of the
picture's name decides, so the people are other ones than the paper's.

Shapes: N people, K = 16 joints.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.base.annotated import AnnotatedSet
from datasets.io import mat_file
from datasets.io.errors import DataError
from datasets.io.json_file import ABSURD, could_name_a_file, quoted
from datasets.io.problems import IN_PICTURES, RECORDS, Problem, counted, parse_each
from datasets.mpii.samples import JOINTS, Heads, People, flat_heads

Floats = NDArray[np.float64]

VALIDATION_SHARE = 8
"""One picture in so many is for validation; the published split has one person in 8.5."""

_AGAIN = "Get the file again"


@dataclass(frozen=True, eq=False)
class _Person:
    """One element of annorect that can be used."""

    name: str
    image: str
    id: int
    centre: Floats  # (2,)
    scale: float
    points: Floats  # (K, 2) from 0, zero where not labelled
    labelled: NDArray[np.bool_]  # (K,)
    head: Floats  # (2, 2)


def parse_release(
    path: Path, images: Path, without: Collection[Path] = ()
) -> tuple[AnnotatedSet[People], list[Problem]]:
    """People for training and for validation, with the truth for the latter; and what is broken.

    Used are those whom the benchmark calls single (far enough from others), in training pictures, with
    annotated joints, a place and a scale: its single-person protocol.

    Args:
        images: the folder of the pictures; `without`: those that are broken.

    Raises:
        DataError: the file is missing or damaged, or a field of all of it is missing or of another type.
    """
    release = mat_file.load(path, ["RELEASE"]).get("RELEASE")
    if not isinstance(release, dict):
        problem = "the variable is missing"
        raise DataError(path, problem, record="RELEASE", remedy=_AGAIN, code="missing-variable")
    rectangles, other = _rectangles(path, release)
    parsed, broken = parse_each(partial(_person, path), rectangles)
    labelled = [person for person in parsed if person is not None]
    people = [person for person in labelled if images / person.image not in without]
    counts = {
        "not single": other,
        "without labelled joints": len(parsed) - len(labelled),
        RECORDS: len(broken),
        IN_PICTURES: len(labelled) - len(people),
    }
    train = _table(path, images, [p for p in people if not is_validation(p.image)], counted(counts))
    validating = [person for person in people if is_validation(person.image)]
    val = _table(path, images, validating, {})
    for split in (train, val):
        split.check_plausible()
    boxes = np.array([person.head for person in validating]).reshape(-1, 2, 2)
    heads = Heads(val.points, val.labelled, boxes)
    flat = flat_heads(path, heads, val.record)
    val = replace(val, heads=heads).without_broken(flat)
    return AnnotatedSet(train, val, (path,)), [*broken, *flat.values()]


def is_validation(image: str) -> bool:
    """The split: by the picture, so that no person is in both splits."""
    return int(hashlib.sha256(image.encode()).hexdigest()[:8], 16) % VALIDATION_SHARE == 0


class _Rectangle(NamedTuple):
    """One element of annorect, and where it stands; both count from 0."""

    picture: Mapping[str, Any]
    number: int  # of the picture
    place: int
    fields: Mapping[str, Any]


def _rectangles(path: Path, release: Mapping[str, Any]) -> tuple[list[_Rectangle], int]:
    """Single people in training pictures; and how many are not single."""
    annotated = _many(release.get("annolist"))
    training = release.get("img_train")
    training = training if isinstance(training, np.ndarray) else np.zeros(0)
    single = _list(release.get("single_person", ()))
    for key, length in (("img_train", training.size), ("single_person", len(single))):
        if length != len(annotated) or not annotated:
            problem = f"has {length} entries for {len(annotated)} pictures of annolist"
            raise DataError(path, problem, record=f"RELEASE.{key}", remedy=_AGAIN, code="wrong-length")
    rectangles, other = [], 0
    for index in np.flatnonzero(training.ravel() == 1).tolist():
        alone = single[index] if isinstance(single[index], np.ndarray) else np.zeros(0)
        for place, fields in enumerate(_many(annotated[index].get("annorect"))):
            if place + 1 in alone:
                rectangles.append(_Rectangle(annotated[index], index, place, fields))
            else:
                other += 1
    return rectangles, other


def _person(path: Path, one: _Rectangle) -> _Person | None:
    """One person, or None who has no joints."""
    fields = one.fields
    name = f"RELEASE.annolist({one.number + 1})"
    image = _struct(one.picture, "image").get("name")
    if not isinstance(image, str) or not could_name_a_file(image):
        raise DataError(path, "image has no name", record=name, remedy=_AGAIN, code="not-a-text")
    name += f".annorect({one.place + 1})"
    points, labelled = _points(path, name, fields)
    if not labelled.any():
        return None
    scale = _number(path, name, fields, "scale")
    if scale <= 0:
        problem = f"scale is {scale:g}, not positive"
        raise DataError(path, problem, record=name, remedy=_AGAIN, code="not-positive")
    spot = _struct(fields, "objpos")
    return _Person(
        name=name,
        image=image,
        id=1000 * (one.number + 1) + one.place + 1,
        centre=np.array([_number(path, f"{name}.objpos", spot, key) for key in ("x", "y")]) - 1,
        scale=scale,
        points=points,
        labelled=labelled,
        head=np.array([_number(path, name, fields, k) for k in ("x1", "y1", "x2", "y2")]).reshape(2, 2) - 1,
    )


def _points(path: Path, name: str, fields: Mapping[str, Any]) -> tuple[Floats, NDArray[np.bool_]]:
    """Joints (K, 2), from 0, and which are labelled (K,); a joint that can't be seen counts as labelled."""
    points, labelled = np.zeros((len(JOINTS), 2)), np.zeros(len(JOINTS), bool)
    for number, mark in enumerate(_many(_struct(fields, "annopoints").get("point"))):
        label = f"{name}.annopoints.point({number + 1})"
        joint = _number(path, label, mark, "id")
        if joint not in range(len(JOINTS)):
            problem = f"id is {joint:g}, not 0 to {len(JOINTS) - 1}"
            raise DataError(path, problem, record=label, remedy=_AGAIN, code="unknown-joint")
        points[int(joint)] = _number(path, label, mark, "x") - 1, _number(path, label, mark, "y") - 1
        labelled[int(joint)] = True
    return points, labelled


def _struct(fields: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A structure within another; an empty one where MATLAB has an empty array."""
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def _number(path: Path, name: str, fields: Mapping[str, Any], key: str) -> float:
    value = fields.get(key, np.zeros(0))
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "uif":
        number = float(value.item())
        if abs(number) < ABSURD:  # a NaN is not
            return number
    missing = isinstance(value, np.ndarray) and value.size == 0
    found = "missing" if missing else f"{quoted(value)}, not a finite number"
    code = "missing-field" if missing else "not-finite"
    raise DataError(path, f"{key} is {found}", record=name, remedy=_AGAIN, code=code)


def _list(value: Any) -> list[Any]:
    """Cells, or one value for one."""
    return value if isinstance(value, list) else [value]


def _many(value: Any) -> list[dict[str, Any]]:
    """A struct array as it is read: nothing, one dict, or several."""
    return [one for one in _list(value) if isinstance(one, dict)]


def _table(path: Path, images: Path, people: Sequence[_Person], left_out: Mapping[str, int]) -> People:
    order = {name: index for index, name in enumerate(dict.fromkeys(person.image for person in people))}
    K = len(JOINTS)
    return People(
        path=path,
        pictures=tuple(images / name for name in order),
        picture=np.array([order[person.image] for person in people], np.int64),
        id=np.array([person.id for person in people], np.int64),
        record=tuple(person.name for person in people),
        centre=np.array([person.centre for person in people], np.float64).reshape(-1, 2),
        scale=np.array([person.scale for person in people], np.float64),
        points=np.array([person.points for person in people], np.float64).reshape(-1, K, 2),
        labelled=np.array([person.labelled for person in people], bool).reshape(-1, K),
        left_out=left_out,
    )
