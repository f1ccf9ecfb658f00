"""Generated people in MPII's formats: the list JSON, `gt_valid.mat` and the original `.mat`.

The people, pictures and annotators' errors are those of people.py; MPII's joints, centres, scales and head
boxes are added here.

Shapes: K = 16 joints.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.config import Generator
from datasets.io.atomic_folder import publish
from datasets.synthetic import marker
from datasets.synthetic.people.image import Sighting
from datasets.synthetic.people.label_noise import LabelNoise, label
from datasets.synthetic.people.people import SPLITS, People, picture
from datasets.synthetic.people.scene import Camera, Framing
from datasets.synthetic.people.skeleton import INDEX, Person
from datasets.synthetic.workers import in_order

JOINTS = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("pelvis", "thorax", "neck", "head_top"),
    *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
)
"""MPII's 16, in MPII's order."""

SHORT_NAMES = (
    *("rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor", "neck", "head"),
    *("rwri", "relb", "rsho", "lsho", "lelb", "lwri"),
)
"""What gt_valid.mat calls them."""

LISTS = {"train2017": "train.json", "val2017": "valid.json"}

_SELECTED = [INDEX[name] for name in JOINTS]
_AS_HARD_AS = {"pelvis": "pelvis_hip", "thorax": "thorax_shoulder", "neck": "neck_shoulder",
               "head_top": "head_shoulder"}  # fmt: skip
"""Joints whose labelling COCO has not measured: as imprecise as the hip or the shoulder."""
_LABELLED_AS = tuple(_AS_HARD_AS.get(name, name) for name in JOINTS)

_HEAD = [INDEX[name] for name in ("neck", "head_top", "nose", "left_ear", "right_ear")]
_HEAD_MARGIN = 0.02  # of the person's height in the picture
_RAISED = 15.0  # px that MPII's centre lies above the body's middle, for each unit of scale
_UNIT = 200.0  # px of height that a scale of 1 stands for
_SCALE_SPREAD, _CENTRE_SPREAD = 0.05, 0.02  # of annotators; the centre's as a share of the height
_SMALLEST_AREA, _FEWEST_JOINTS = 150.0, 5
_PURPOSE = 3  # of the stream of random numbers; people.py has 0 to 2

Floats = NDArray[np.float64]


class MpiiPeople(Generator):
    """A set of generated people in MPII's formats. Equal values give equal pictures and labels."""

    kind: Literal["mpii_people"] = "mpii_people"
    version: int = Field(1, ge=1)  # raised when what is added here to `scenes` changes
    scenes: People = People(
        train=5000,
        val=1000,
        framing=Framing(width=160, height=160),
        labels=LabelNoise(unlabelled=0.1),  # MPII's annotators guess where COCO's leave out
    )


class Annotated(NamedTuple):
    """One person as MPII's annotators would have it. Pixels count from 0."""

    image: str
    centre: Floats  # (2,)
    scale: float
    joints: Floats  # (K, 3) x, y, and 0 where not labelled
    clean: Floats  # (K, 2) where the joints truly are
    head: Floats  # (2, 2) opposite corners


def write(
    people: MpiiPeople, root: Path, workers: int = 0, progress: Callable[[int, int], None] | None = None
) -> None:
    """Generates both splits into `root`, all at once: `root` is complete or not there.

    Writes `images/`, `annot/train.json`, `annot/valid.json`, `annot/gt_valid.mat`,
    `annot/mpii_human_pose_v1_u12_1.mat` and `generator.json`. Does nothing where `root` holds this very set.
    Beside MPII's keys a list has `clean_joints`, where the joints truly are, in the pixels of `joints`.

    Args:
        workers: processes; 0 takes one for each CPU. The bits written do not depend on it.
        progress: called in this process with the number of pictures done and in all.

    Raises:
        DataError: `root` holds something else, or part of this set.
    """
    pictures = people.scenes.train + people.scenes.val
    publish(
        root.resolve(), partial(_fill, people, workers, progress), partial(marker.check, people, pictures)
    )


def _fill(
    people: MpiiPeople, workers: int, progress: Callable[[int, int], None] | None, folder: Path
) -> None:
    from scipy.io import savemat

    (folder / "annot").mkdir()
    (folder / "images").mkdir()
    done, total = count(1), people.scenes.train + people.scenes.val
    everybody: list[tuple[str, list[Annotated]]] = []
    for split, name in LISTS.items():
        pictures = people.scenes.train if split == "train2017" else people.scenes.val
        half: list[tuple[str, list[Annotated]]] = []
        task = partial(_write_picture, people.scenes, split, folder / "images")
        with closing(in_order(task, range(pictures), workers)) as generated:
            for made in generated:
                half.append(made)
                if progress is not None:
                    progress(next(done), total)
        persons = [person for _, found in half for person in found]
        (folder / "annot" / name).write_text(json.dumps([_record(person) for person in persons]))
        everybody += half
    savemat(folder / "annot" / "gt_valid.mat", _truth(persons))
    savemat(folder / "annot" / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": _release(everybody)})
    marker.mark(folder, people)


def _write_picture(people: People, split: str, folder: Path, index: int) -> tuple[str, list[Annotated]]:
    made, _ = picture(people, split, index)
    name = f"{1_000_000 * SPLITS.index(split) + index + 1:09d}.jpg"
    quality = [cv2.IMWRITE_JPEG_QUALITY, people.looks.jpeg_quality]
    _, encoded = cv2.imencode(".jpg", made.image[..., ::-1], quality)
    (folder / name).write_bytes(encoded.tobytes())
    rng = np.random.default_rng([people.seed, SPLITS.index(split), index, _PURPOSE])
    size = np.array([people.framing.width, people.framing.height])
    pairs = zip(made.scene.people, made.sightings, strict=True)
    found = [
        annotate(rng, people.labels, name, size, made.scene.camera, person, seen) for person, seen in pairs
    ]
    return name, [person for person in found if person is not None]


def annotate(
    rng: np.random.Generator,
    noise: LabelNoise,
    image: str,
    size: NDArray[np.int64],
    camera: Camera,
    person: Person,
    sighting: Sighting,
) -> Annotated | None:
    """One person's annotation, or None of whom too little is seen.

    Args:
        size: (width, height) px of the picture.
        person: in the world. `sighting`: what the picture shows of this person.
    """
    clean = sighting.points[_SELECTED]
    seen = np.where(sighting.visible, 2, np.where(sighting.inside, 1, 0))[_SELECTED]
    joints = label(rng, noise, _LABELLED_AS, clean, seen, sighting.area, sighting.from_behind)
    joints[:, :2] = joints[:, :2].clip(0.0, size - 1.0)
    jitter = rng.standard_normal(3)
    if sighting.area < _SMALLEST_AREA or (joints[:, 2] > 0).sum() < _FEWEST_JOINTS:
        return None
    height = camera.focal * person.body.stature / float(camera.view(person.joint("pelvis"))[2])
    scale = height / _UNIT * float(np.exp(_SCALE_SPREAD * jitter[0]))
    x, y, w, h = sighting.box
    middle = np.array([x + w / 2, y + h / 2 - _RAISED * scale]) + _CENTRE_SPREAD * height * jitter[1:]
    return Annotated(
        image=image,
        centre=middle.clip(0.0, size - 1.0).round(2),
        scale=round(scale, 6),
        joints=joints.round(2),
        clean=clean.round(2),
        head=_head(sighting.points[_HEAD], _HEAD_MARGIN * height).round(2),
    )


def _head(points: Floats, margin: float) -> Floats:
    """(2, 2) corners of the box around the head, from chin to crown."""
    return np.stack([points.min(0) - margin, points.max(0) + margin])


def _record(person: Annotated) -> dict[str, Any]:
    """An element of the list, in MATLAB's pixels."""
    labelled = person.joints[:, 2:] > 0
    return {
        "image": person.image,
        "center": (person.centre + 1).round(2).tolist(),
        "scale": person.scale,
        "joints": np.where(labelled, (person.joints[:, :2] + 1).round(2), -1.0).tolist(),
        "joints_vis": labelled[:, 0].astype(int).tolist(),
        "clean_joints": (person.clean + 1).round(2).tolist(),
    }


def _truth(people: Sequence[Annotated]) -> dict[str, Any]:
    """The variables of gt_valid.mat, its joints first and its people last."""
    joints = np.stack([person.joints for person in people])
    return {
        "pos_gt_src": (joints[..., :2] + 1).transpose(1, 2, 0),
        "jnt_missing": (joints[..., 2] == 0).T.astype(np.uint8),
        "headboxes_src": (np.stack([person.head for person in people]) + 1).transpose(1, 2, 0),
        "dataset_joints": np.array(SHORT_NAMES, object)[None],
    }


def _release(pictures: Sequence[tuple[str, list[Annotated]]]) -> dict[str, Any]:
    """The structure of the original `.mat`: every picture a training one, everybody in it single."""
    annolist = _structs(
        [{"image": {"name": name}, "annorect": _rectangles(found)} for name, found in pictures]
    )
    single = np.empty((len(pictures), 1), object)
    single[:, 0] = [np.arange(1.0, len(found) + 1)[:, None] for _, found in pictures]
    return {
        "annolist": annolist,
        "img_train": np.ones((1, len(pictures))),
        "single_person": single,
        "version": "generated",
    }


def _rectangles(people: Sequence[Annotated]) -> Any:
    if not people:
        return np.zeros((0, 0))
    return _structs([_rectangle(person) for person in people])


def _rectangle(person: Annotated) -> dict[str, Any]:
    (x1, y1), (x2, y2) = person.head + 1
    marks = [
        {"x": x + 1, "y": y + 1, "id": float(index), "is_visible": float(flag == 2)}
        for index, (x, y, flag) in enumerate(person.joints.tolist())
        if flag > 0
    ]
    x, y = (person.centre + 1).tolist()
    return {
        **{"x1": x1, "y1": y1, "x2": x2, "y2": y2},
        "annopoints": {"point": _structs(marks)},
        "scale": person.scale,
        "objpos": {"x": x, "y": y},
    }


def _structs(records: Sequence[dict[str, Any]]) -> NDArray[np.void]:
    """A struct array (1, N), from dicts with the same keys."""
    array = np.empty((1, len(records)), [(key, object) for key in records[0]])
    for key in records[0]:
        array[key][0] = _objects([record[key] for record in records])
    return array


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    array = np.empty(len(values), object)
    for index, value in enumerate(values):
        array[index] = value
    return array
