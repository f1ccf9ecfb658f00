"""Generated people in Human3.6M's format, that of the PoseNet release.

Each subject keeps a body; four calibrated cameras around the studio capture each pose at once. Actions only
name sequences. The frames are those that protocol 2 uses: every fifth for training, every 64th for testing.

The studio: millimetres, z up, the floor at z = 0. Shapes: K = 17 joints.
"""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from datasets.config import Generator, Version
from datasets.io.atomic_folder import publish
from datasets.synthetic import marker
from datasets.synthetic.people.image import Appearance, RenderedScene, render, write_jpeg
from datasets.synthetic.people.poses import Poses, sample_person
from datasets.synthetic.people.scene import Framing, Scene, Span
from datasets.synthetic.people.skeleton import INDEX, Body, Person, sample_body
from datasets.synthetic.render.camera import Camera
from datasets.synthetic.render.rotations import Matrix, Vector, about_y
from datasets.synthetic.workers import map_in_order

Floats = NDArray[np.float64]

TRAIN_SUBJECTS, TEST_SUBJECTS = (1, 5, 6, 7, 8), (9, 11)
TRAIN_STEP, TEST_STEP = 5, 64  # frames from one image to the next
ACTIONS, SUBACTIONS, CAMERAS = range(2, 17), (1, 2), (1, 2, 3, 4)

_JOINTS = (
    *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("spine", "neck", "nose", "head_top"),
    *("left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist"),
)
_SELECTED = [INDEX[name] for name in _JOINTS]
_TO_STUDIO = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])  # from x right, y down, z away
_SOLE = 0.03  # of stature: below the lowest joint
_TARGET_HEIGHT = 0.9  # m above the floor, where the cameras point
_MARGIN = 1.2  # of the box around the joints
_BODIES, _CALIBRATION, _POSES, _APPEARANCE = range(4)  # streams of random numbers


class Human36MPeople(Generator):
    """A set of generated people in Human3.6M's format. Equal values give equal images and joints."""

    kind: Literal["human36m_people"] = "human36m_people"
    version: Version = Field(1)  # raised when the rendering changes
    train: int = Field(
        200, ge=1, le=10_000
    )  # poses of each of the five training subjects, four views of each
    val: int = Field(90, ge=1, le=10_000)  # the same for the two test subjects
    seed: int = Field(0, ge=0, lt=2**32)
    side: int = Field(160, ge=32, le=4096)  # px, of the square images
    focal: Span = (1.75, 1.85)  # image widths; drawn once for each camera
    distance: Span = (4.6, 5.4)  # m from the middle of the studio; drawn for each subject and camera
    height: Span = (1.3, 1.7)  # m above the floor; likewise
    roaming: float = Field(0.35, ge=0.0, le=2.0)  # m that people stand from the middle of the studio
    poses: Poses = Poses(walking=0.2, reaching=0.25, sitting=0.06, bending=0.06, lying=0.0)
    # A studio: few objects, even light and sharp cameras.
    looks: Appearance = Appearance(
        occluded=0.0, clutter=0.5, exposure=(0.95, 1.05), noise=(1.0, 3.0), blurred=0.0
    )

    @model_validator(mode="after")
    def _ranges_fit(self) -> Self:
        if self.distance[0] <= self.roaming + 1:
            raise ValueError("roaming reaches the cameras: people could stand right in front of the lens")
        return self


@dataclass(frozen=True)
class StudioCamera:
    """A camera, and where it stands in the studio."""

    lens: Camera
    turn: Matrix  # (3, 3) from the studio's axes, x right y down z away, to those of the level camera
    foot: Vector  # (3,) m, the point of the floor below it

    @property
    def rotation(self) -> Matrix:
        """(3, 3) R of X -> R (X - position), from the studio to the camera."""
        return np.asarray(self.lens.rotation @ self.turn @ _TO_STUDIO.T)

    @property
    def position(self) -> Vector:
        """(3,) mm in the studio."""
        return np.asarray(1000.0 * _TO_STUDIO @ (self.foot + self.lens.position))


class Capture(NamedTuple):
    """One pose of a subject, and the name of its frame."""

    subject: int
    number: int  # of the subject's poses
    action: int
    subaction: int
    frame: int


def captures(people: Human36MPeople) -> list[Capture]:
    """All poses, assigned to the sequences of their subject in turn."""
    sequences = [(action, sub) for action in ACTIONS for sub in SUBACTIONS]
    shares = [(TRAIN_SUBJECTS, people.train, TRAIN_STEP), (TEST_SUBJECTS, people.val, TEST_STEP)]
    return [
        Capture(subject, number, *sequences[number % len(sequences)], step * (number // len(sequences)))
        for subjects, poses, step in shares
        for subject in subjects
        for number in range(poses)
    ]


def studio_cameras(people: Human36MPeople, subject: int) -> dict[int, StudioCamera]:
    """The four cameras, as they stood when a subject was recorded: a quarter turn apart, about level."""
    cameras = {}
    for camera in CAMERAS:
        lens = np.random.default_rng([people.seed, _CALIBRATION, camera])
        place = np.random.default_rng([people.seed, _CALIBRATION, camera, subject])
        angle = 45.0 + 90.0 * (camera - 1) + place.normal(0.0, 4.0)
        distance, height = place.uniform(*people.distance), place.uniform(*people.height)
        middle = 0.5 * (people.side - 1) + lens.normal(0.0, 0.01 * people.side, 2)
        turn = about_y(angle)
        cameras[camera] = StudioCamera(
            lens=Camera(
                focal=lens.uniform(*people.focal) * people.side,
                centre=(float(middle[0]), float(middle[1])),
                height=height,
                pitch=math.degrees(math.atan2(height - _TARGET_HEIGHT, distance)),
            ),
            turn=turn,
            foot=turn.T @ np.array([0.0, 0.0, -distance]),
        )
    return cameras


def body(people: Human36MPeople, subject: int) -> Body:
    """A subject's proportions."""
    return sample_body(np.random.default_rng([people.seed, _BODIES, subject]))


def pose(people: Human36MPeople, capture: Capture) -> Person:
    """The person on the studio's floor (m, x right, y down, z away), facing any way."""
    rng = np.random.default_rng([people.seed, _POSES, capture.subject, capture.number])
    person = sample_person(rng, body(people, capture.subject), people.poses)
    person = person.moved(about_y(rng.uniform(0.0, 360.0)), np.zeros(3))
    lowest = float(person.joints[:, 1].max()) + _SOLE * person.body.stature
    angle, radius = rng.uniform(0.0, 2 * np.pi), people.roaming * math.sqrt(rng.random())
    return person.moved(np.eye(3), np.array([radius * math.cos(angle), -lowest, radius * math.sin(angle)]))


def studio_joints(person: Person) -> Floats:
    """(K, 3) mm in the studio: Human3.6M's joints of a person as `pose` gives it."""
    return np.asarray(1000.0 * person.joints[_SELECTED] @ _TO_STUDIO.T)


def write(
    people: Human36MPeople, root: Path, workers: int = 0, progress: Callable[[int, int], None] | None = None
) -> None:
    """Generates all subjects into `root`, all at once: `root` is complete or not there.

    Writes `annotations/Human36M_subject*_{data,camera,joint_3d}.json`, the images in `images/` and
    `generator.json`. Does nothing where `root` holds this very set.

    Args:
        workers: processes; 0 takes one for each CPU. The bits written do not depend on it.
        progress: called in this process with the number of images done and in all.

    Raises:
        DataError: `root` holds something else, or part of this set.
    """
    publish(root.resolve(), partial(_fill, people, workers, progress), partial(_check, people))


def _fill(
    people: Human36MPeople, workers: int, progress: Callable[[int, int], None] | None, folder: Path
) -> None:
    (folder / "annotations").mkdir()
    poses, done = captures(people), count(len(CAMERAS), len(CAMERAS))
    for capture in poses:
        for camera in CAMERAS:
            (folder / "images" / _sequence(capture, camera)).mkdir(parents=True, exist_ok=True)
    task = partial(_write_images, people, folder / "images")
    with closing(map_in_order(task, poses, workers)) as generated:
        for _ in generated:
            if progress is not None:
                progress(next(done), len(poses) * len(CAMERAS))
    ids = count()
    for subject in (*TRAIN_SUBJECTS, *TEST_SUBJECTS):
        of_subject = [capture for capture in poses if capture.subject == subject]
        for kind, document in _documents(people, subject, of_subject, ids):
            path = folder / "annotations" / f"Human36M_subject{subject}_{kind}.json"
            path.write_text(json.dumps(document))
    marker.write(folder, people)


def _check(people: Human36MPeople, root: Path) -> None:
    """Raises DataError unless `root` holds this set, complete."""
    marker.check(root, people)
    marker.check_images(root / "images", len(captures(people)) * len(CAMERAS))


def draw(people: Human36MPeople, capture: Capture) -> Iterator[tuple[int, RenderedScene]]:
    """What each camera sees, by its number. Each image has its own clothes and surroundings."""
    person = pose(people, capture)
    framing = Framing(width=people.side, height=people.side)
    for number, camera in studio_cameras(people, capture.subject).items():
        rng = np.random.default_rng([people.seed, _APPEARANCE, capture.subject, capture.number, number])
        viewed = person.moved(camera.turn, -camera.turn @ camera.foot)
        yield number, render(rng, Scene(camera.lens, (viewed,)), framing, people.looks)


def _write_images(people: Human36MPeople, folder: Path, capture: Capture) -> None:
    for number, rendered in draw(people, capture):
        write_jpeg(folder / _file_name(capture, number), rendered.image, people.looks)


def _documents(
    people: Human36MPeople, subject: int, poses: list[Capture], ids: "count[int]"
) -> Iterator[tuple[str, Any]]:
    """The three files of a subject."""
    cameras = studio_cameras(people, subject)
    joints: dict[str, dict[str, dict[str, Any]]] = {}
    images, annotations = [], []
    for capture in poses:
        positions = studio_joints(pose(people, capture)).round(6)
        sequence = joints.setdefault(str(capture.action), {}).setdefault(str(capture.subaction), {})
        sequence[str(capture.frame)] = positions.tolist()
        for number, camera in cameras.items():
            ident = next(ids)
            images.append(_image(people, capture, number, ident))
            annotations.append(_annotation(people, positions, camera, ident))
    yield "data", {"images": images, "annotations": annotations}
    yield "camera", {str(number): _calibration(camera) for number, camera in cameras.items()}
    yield "joint_3d", joints


def _image(people: Human36MPeople, capture: Capture, number: int, ident: int) -> dict[str, Any]:
    return {
        "id": ident,
        "file_name": _file_name(capture, number),
        "width": people.side,
        "height": people.side,
        "subject": capture.subject,
        "action_name": f"action {capture.action}",
        "action_idx": capture.action,
        "subaction_idx": capture.subaction,
        "cam_idx": number,
        "frame_idx": capture.frame,
    }


def _annotation(
    people: Human36MPeople, positions: Floats, camera: StudioCamera, ident: int
) -> dict[str, Any]:
    """With the box of the release: that of the projected joints, enlarged by a fifth."""
    points = camera.lens.image((positions - camera.position) @ camera.rotation.T)
    low, high = points.min(0), points.max(0)
    sides = (high - low - 1) * _MARGIN
    inside = ((points >= 0) & (points < people.side)).all(1)
    return {
        "id": ident,
        "image_id": ident,
        "keypoints_vis": inside.tolist(),
        "bbox": [*((low + high - sides) / 2).tolist(), *sides.tolist()],
    }


def _calibration(camera: StudioCamera) -> dict[str, Any]:
    """As the release writes it: X -> R X + t."""
    return {
        "R": camera.rotation.tolist(),
        "t": (-camera.rotation @ camera.position).tolist(),
        "f": [camera.lens.focal, camera.lens.focal],
        "c": list(camera.lens.centre),
    }


def _sequence(capture: Capture, camera: int) -> str:
    return f"s_{capture.subject:02d}_act_{capture.action:02d}_subact_{capture.subaction:02d}_ca_{camera:02d}"


def _file_name(capture: Capture, camera: int) -> str:
    sequence = _sequence(capture, camera)
    return f"{sequence}/{sequence}_{capture.frame + 1:06d}.jpg"
