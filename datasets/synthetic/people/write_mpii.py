"""Generated people in MPII's formats: the list JSON, `gt_valid.mat` and the original `.mat`.

The people, images and label noise are those of people.py; MPII's joints, centres, scales and head boxes are
added here.

Shapes: K = 16 joints.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.config import Generator, Version
from datasets.io.atomic_folder import publish
from datasets.synthetic import marker
from datasets.synthetic.people.image import Observation, write_jpeg
from datasets.synthetic.people.label_noise import LabelNoise, label_observation
from datasets.synthetic.people.people import SPLITS, People, sample_image
from datasets.synthetic.people.scene import Framing
from datasets.synthetic.people.skeleton import INDEX, Person
from datasets.synthetic.people.write_coco import FEWEST_KEYPOINTS, SMALLEST_AREA
from datasets.synthetic.render.camera import Camera
from datasets.synthetic.workers import map_in_order

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
_LABELLED_LIKE = {"pelvis": "pelvis_hip", "thorax": "thorax_shoulder", "neck": "neck_shoulder",
               "head_top": "head_shoulder"}  # fmt: skip
"""Joints whose label noise COCO has not measured: as imprecise as the hip or the shoulder."""
_NOISE_NAMES = tuple(_LABELLED_LIKE.get(name, name) for name in JOINTS)

_HEAD = [INDEX[name] for name in ("neck", "head_top", "nose", "left_ear", "right_ear")]
_HEAD_MARGIN = 0.02  # of the person's height in the image
_RAISED = 15.0  # px that MPII's centre lies above the body's middle, for each unit of scale
_UNIT = 200.0  # px of height that a scale of 1 stands for
_SCALE_SPREAD, _CENTRE_SPREAD = 0.05, 0.02  # of annotators; the centre's as a share of the height
_PURPOSE = 3  # of the stream of random numbers; people.py has 0 to 2

Floats = NDArray[np.float64]


class MpiiPeople(Generator):
    """A set of generated people in MPII's formats. Equal values give equal images and labels."""

    kind: Literal["mpii_people"] = "mpii_people"
    version: Version = Field(1)  # raised when what is added here to `scenes` changes
    scenes: People = People(
        train=5000,
        val=1000,
        framing=Framing(width=160, height=160),
        labels=LabelNoise(unlabelled=0.1),  # MPII's annotators guess where COCO's leave out
    )


class AnnotatedPerson(NamedTuple):
    """What MPII's annotations say of a person. Pixels count from 0."""

    image: str
    centre: Floats  # (2,)
    scale: float
    joints: Floats  # (K, 3) x, y, and 0 where not labelled
    clean: Floats  # (K, 2) true positions of the joints
    head: Floats  # (2, 2) opposite corners


def write(
    people: MpiiPeople, root: Path, workers: int = 0, progress: Callable[[int, int], None] | None = None
) -> None:
    """Generates both splits into `root`, all at once: `root` is complete or not there.

    Writes `images/`, `annot/train.json`, `annot/valid.json`, `annot/gt_valid.mat`,
    `annot/mpii_human_pose_v1_u12_1.mat` and `generator.json`. Does nothing where `root` holds this very set.
    Beside MPII's keys a list has `clean_joints`, the true positions of the joints, in the pixels of `joints`.

    Args:
        workers: processes; 0 takes one for each CPU. The bits written do not depend on it.
        progress: called in this process with the number of images done and in all.

    Raises:
        DataError: `root` holds something else, or part of this set.
    """
    publish(root.resolve(), partial(_fill, people, workers, progress), partial(_check, people))


def _fill(
    people: MpiiPeople, workers: int, progress: Callable[[int, int], None] | None, folder: Path
) -> None:
    from scipy.io import savemat

    (folder / "annot").mkdir()
    (folder / "images").mkdir()
    done, total = count(1), people.scenes.train + people.scenes.val
    annotated: list[tuple[str, list[AnnotatedPerson]]] = []
    for split, name in LISTS.items():
        images = people.scenes.train if split == "train2017" else people.scenes.val
        of_split: list[tuple[str, list[AnnotatedPerson]]] = []
        task = partial(_write_image, people.scenes, split, folder / "images")
        with closing(map_in_order(task, range(images), workers)) as generated:
            for written in generated:
                of_split.append(written)
                if progress is not None:
                    progress(next(done), total)
        persons = [person for _, found in of_split for person in found]
        (folder / "annot" / name).write_text(json.dumps([_record(person) for person in persons]))
        annotated += of_split
    savemat(folder / "annot" / "gt_valid.mat", _truth(persons))
    savemat(folder / "annot" / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": _release(annotated)})
    marker.write(folder, people)


def _check(people: MpiiPeople, root: Path) -> None:
    """Raises DataError unless `root` holds this set, complete."""
    marker.check(root, people)
    marker.check_images(root / "images", people.scenes.train + people.scenes.val)


def _write_image(people: People, split: str, folder: Path, index: int) -> tuple[str, list[AnnotatedPerson]]:
    """Writes an image; its name and its annotations."""
    rendered, _ = sample_image(people, split, index)
    name = f"{1_000_000 * SPLITS.index(split) + index + 1:09d}.jpg"
    write_jpeg(folder / name, rendered.image, people.looks)
    rng = np.random.default_rng([people.seed, SPLITS.index(split), index, _PURPOSE])
    size, camera = (people.framing.width, people.framing.height), rendered.scene.camera
    pairs = zip(rendered.scene.people, rendered.observations, strict=True)
    found = [annotate(rng, people.labels, name, size, camera, person, shown) for person, shown in pairs]
    return name, [person for person in found if person is not None]


def annotate(
    rng: np.random.Generator,
    noise: LabelNoise,
    image: str,
    size: tuple[int, int],
    camera: Camera,
    person: Person,
    observation: Observation,
) -> AnnotatedPerson | None:
    """A person's annotation, or None if too little is visible.

    Args:
        size: (width, height) px of the image.
        person: in the world.
        observation: what the image shows of this person.
    """
    clean, joints = label_observation(rng, noise, _NOISE_NAMES, _SELECTED, observation, size)
    jitter = rng.standard_normal(3)
    if observation.area < SMALLEST_AREA or (joints[:, 2] > 0).sum() < FEWEST_KEYPOINTS:
        return None
    height = camera.focal * person.body.stature / float(camera.view(person.joint("pelvis"))[2])
    scale = height / _UNIT * float(np.exp(_SCALE_SPREAD * jitter[0]))
    x, y, w, h = observation.box
    middle = np.array([x + w / 2, y + h / 2 - _RAISED * scale]) + _CENTRE_SPREAD * height * jitter[1:]
    return AnnotatedPerson(
        image=image,
        centre=middle.clip(0.0, np.array(size) - 1.0).round(2),
        scale=round(scale, 6),
        joints=joints.round(2),
        clean=clean[:, :2].round(2),
        head=_head(observation.points[_HEAD], _HEAD_MARGIN * height).round(2),
    )


def _head(points: Floats, margin: float) -> Floats:
    """(2, 2) corners of the box around the head, from chin to crown."""
    return np.stack([points.min(0) - margin, points.max(0) + margin])


def _record(person: AnnotatedPerson) -> dict[str, Any]:
    """An element of the list. Pixels count from 1, as in MATLAB."""
    labelled = person.joints[:, 2:] > 0
    return {
        "image": person.image,
        "center": (person.centre + 1).round(2).tolist(),
        "scale": person.scale,
        "joints": np.where(labelled, (person.joints[:, :2] + 1).round(2), -1.0).tolist(),
        "joints_vis": labelled[:, 0].astype(int).tolist(),
        "clean_joints": (person.clean + 1).round(2).tolist(),
    }


def _truth(people: Sequence[AnnotatedPerson]) -> dict[str, Any]:
    """The variables of gt_valid.mat: joints along the first axis, people along the last."""
    joints = np.stack([person.joints for person in people])
    return {
        "pos_gt_src": (joints[..., :2] + 1).transpose(1, 2, 0),
        "jnt_missing": (joints[..., 2] == 0).T.astype(np.uint8),
        "headboxes_src": (np.stack([person.head for person in people]) + 1).transpose(1, 2, 0),
        "dataset_joints": np.array(SHORT_NAMES, object)[None],
    }


def _release(images: Sequence[tuple[str, list[AnnotatedPerson]]]) -> dict[str, Any]:
    """The structure of the original `.mat`, with every image for training and everybody a single person."""
    annolist = _structs([{"image": {"name": name}, "annorect": _rectangles(found)} for name, found in images])
    single = np.empty((len(images), 1), object)
    single[:, 0] = [np.arange(1.0, len(found) + 1)[:, None] for _, found in images]
    return {
        "annolist": annolist,
        "img_train": np.ones((1, len(images))),
        "single_person": single,
        "version": "generated",
    }


def _rectangles(people: Sequence[AnnotatedPerson]) -> Any:
    if not people:
        return np.zeros((0, 0))
    return _structs([_rectangle(person) for person in people])


def _rectangle(person: AnnotatedPerson) -> dict[str, Any]:
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
