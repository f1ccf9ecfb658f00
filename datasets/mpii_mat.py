"""MPII's original annotations, `mpii_human_pose_v1_u12_1.mat`: one structure, RELEASE.

They do not say who validates: the published split exists in the lists alone. Here a fixed hash of the
picture's name decides, so the people are other ones than the paper's.

Shapes: N people, K = 16 joints.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import DataError
from datasets.mpii_people import JOINTS, Heads, People, check_heads

Floats = NDArray[np.float64]

VALIDATION_SHARE = 8
"""One picture in so many validates; the published split has one person in 8.5."""

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


def read(path: Path, images: Path) -> tuple[People, People, Heads]:
    """People for training, people for validation, and the truth for the latter.

    Used are those whom the benchmark calls single (far enough from others), in training pictures, with
    annotated joints, a place and a scale: its single-person protocol.

    Raises:
        DataError: the file is missing or damaged, a field is missing or of another type, or a split is empty.
    """
    release = load(path, ["RELEASE"], simplify=True).get("RELEASE")
    if not isinstance(release, dict):
        raise DataError(path, "the variable is missing", record="RELEASE", remedy=_AGAIN)
    people, left_out = _everybody(path, release)
    halves = []
    for validates in (False, True):
        half = [person for person in people if is_validation(person.image) == validates]
        if not half:
            purpose = "validation" if validates else "training"
            raise DataError(path, f"nobody is left for {purpose}", remedy="Use the whole set")
        halves.append(half)
    train, val = (_table(path, images, half, left_out if i == 0 else {}) for i, half in enumerate(halves))
    heads = Heads(val.points, val.labelled, np.array([person.head for person in halves[1]]))
    check_heads(path, heads, val.record)
    return train, val, heads


def is_validation(image: str) -> bool:
    """The split: by the picture, so that nobody stands in both halves."""
    return int(hashlib.sha256(image.encode()).hexdigest()[:8], 16) % VALIDATION_SHARE == 0


def load(path: Path, names: list[str], simplify: bool) -> Mapping[str, Any]:
    """Variables of a `.mat` file; structures as dicts if `simplify`.

    Raises:
        DataError: the file is missing or can't be read.
    """
    from scipy.io import loadmat

    if not path.is_file():
        raise DataError(path, "is missing", remedy="Check the path")
    try:
        return dict(loadmat(path, variable_names=names, simplify_cells=simplify))
    except Exception as error:  # scipy raises many kinds for a file that is damaged
        raise DataError(path, f"can't be read as a .mat file ({error})", remedy=_AGAIN) from error


def _everybody(path: Path, release: Mapping[str, Any]) -> tuple[list[_Person], dict[str, int]]:
    """All usable people of the training pictures; and how many are not, by reason."""
    annotated = _many(release.get("annolist"))
    training = np.atleast_1d(release.get("img_train", ()))
    single = np.atleast_1d(release.get("single_person", ()))
    for key, length in (("img_train", len(training)), ("single_person", len(single))):
        if length != len(annotated) or not annotated:
            problem = f"has {length} entries for {len(annotated)} pictures of annolist"
            raise DataError(path, problem, record=f"RELEASE.{key}", remedy=_AGAIN)
    people: list[_Person] = []
    left_out = {"not single": 0, "without labelled joints": 0}
    for index, picture in enumerate(annotated):
        if training[index] != 1:
            continue
        alone = np.atleast_1d(single[index]).tolist()
        for place, fields in enumerate(_many(picture.get("annorect"))):
            if place + 1 not in alone:
                left_out["not single"] += 1
            elif (person := _person(path, picture, index, place, fields)) is None:
                left_out["without labelled joints"] += 1
            else:
                people.append(person)
    return people, {reason: count for reason, count in left_out.items() if count}


def _person(
    path: Path, picture: Mapping[str, Any], index: int, place: int, fields: Mapping[str, Any]
) -> _Person | None:
    """One person, or None who has no joints."""
    name = f"RELEASE.annolist({index + 1})"
    image = _struct(picture, "image").get("name")
    if not isinstance(image, str) or not image:
        raise DataError(path, "image has no name", record=name, remedy=_AGAIN)
    name += f".annorect({place + 1})"
    points, labelled = _points(path, name, fields)
    if not labelled.any():
        return None
    scale = _number(path, name, fields, "scale")
    if scale <= 0:
        raise DataError(path, f"scale is {scale:g}, not positive", record=name, remedy=_AGAIN)
    spot = _struct(fields, "objpos")
    return _Person(
        name=name,
        image=image,
        id=1000 * (index + 1) + place + 1,
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
            raise DataError(path, f"id is {joint:g}, not 0 to {len(JOINTS) - 1}", record=label, remedy=_AGAIN)
        points[int(joint)] = _number(path, label, mark, "x") - 1, _number(path, label, mark, "y") - 1
        labelled[int(joint)] = True
    return points, labelled


def _struct(fields: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A structure within another; an empty one where MATLAB has an empty array."""
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def _number(path: Path, name: str, fields: Mapping[str, Any], key: str) -> float:
    value = np.asarray(fields.get(key, ()))
    if value.size != 1 or value.dtype.kind not in "uifb" or not np.isfinite(value).all():
        shown = "missing" if key not in fields else f"{fields[key]!r}, not a finite number"
        raise DataError(path, f"{key} is {shown}", record=name, remedy=_AGAIN)
    return float(value.item())


def _many(value: Any) -> list[dict[str, Any]]:
    """A struct array as scipy simplifies it: nothing, one dict, or several."""
    if isinstance(value, dict):
        return [value]
    if value is None:
        return []
    return [one for one in np.atleast_1d(np.asarray(value, object)).tolist() if isinstance(one, dict)]


def _table(path: Path, images: Path, people: Sequence[_Person], left_out: Mapping[str, int]) -> People:
    order = {name: index for index, name in enumerate(dict.fromkeys(person.image for person in people))}
    return People(
        path=path,
        pictures=tuple(images / name for name in order),
        picture=np.array([order[person.image] for person in people]),
        id=np.array([person.id for person in people]),
        record=tuple(person.name for person in people),
        centre=np.array([person.centre for person in people]),
        scale=np.array([person.scale for person in people]),
        points=np.array([person.points for person in people]),
        labelled=np.array([person.labelled for person in people]),
        left_out=left_out,
    )
