"""Generated people in Human3.6M's format, that of the PoseNet release.

Each subject keeps a body; each pose is a frame that four calibrated cameras around the studio see at once.
Actions only name sequences. The frames are those that protocol 2 uses: every fifth to train, every 64th to
test.

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

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from datasets.config import Generator
from datasets.io.atomic_folder import publish
from datasets.synthetic import marker
from datasets.synthetic.people.image import Looks, render
from datasets.synthetic.people.poses import Poses, sample_person
from datasets.synthetic.people.scene import Camera, Framing, Range, Scene
from datasets.synthetic.people.skeleton import INDEX, Body, Person, sample_body
from datasets.synthetic.render.rotations import Matrix, Vector, about_y
from datasets.synthetic.workers import in_order

Floats = NDArray[np.float64]

TRAIN_SUBJECTS, TEST_SUBJECTS = (1, 5, 6, 7, 8), (9, 11)
TRAIN_STEP, TEST_STEP = 5, 64  # frames from one picture to the next
ACTIONS, SUBACTIONS, CAMERAS = range(2, 17), (1, 2), (1, 2, 3, 4)

_JOINTS = (
    *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("spine", "neck", "nose", "head_top"),
    *("left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist"),
)
_SELECTED = [INDEX[name] for name in _JOINTS]
_TO_STUDIO = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])  # from x right, y down, z away
_SOLE = 0.03  # of stature: below the lowest joint
_LOOKED_AT = 0.9  # m above the floor
_MARGIN = 1.2  # of the box around the joints
_BODIES, _CALIBRATION, _POSES, _LOOKS = range(4)  # streams of random numbers


class Human36MPeople(Generator):
    """A set of generated people in Human3.6M's format. Equal values give equal pictures and joints."""

    kind: Literal["human36m_people"] = "human36m_people"
    version: int = Field(1, ge=1)  # raised when the rendering changes
    train: int = Field(
        200, ge=1, le=10_000
    )  # poses of each of the five training subjects, four views of each
    val: int = Field(90, ge=1, le=10_000)  # the same for the two test subjects
    seed: int = Field(0, ge=0, lt=2**32)
    side: int = Field(160, ge=32, le=4096)  # px, of the square pictures
    focal: Range = (1.75, 1.85)  # picture widths; drawn once for each camera
    distance: Range = (4.6, 5.4)  # m from the middle of the studio; drawn for each subject and camera
    height: Range = (1.3, 1.7)  # m above the floor; likewise
    roaming: float = Field(0.35, ge=0.0, le=2.0)  # m that people stand from the middle of the studio
    poses: Poses = Poses(walking=0.2, reaching=0.25, sitting=0.06, bending=0.06, lying=0.0)
    # A studio: little stands about, the light is even and the cameras are sharp.
    looks: Looks = Looks(occluded=0.0, clutter=0.5, exposure=(0.95, 1.05), noise=(1.0, 3.0), blurred=0.0)

    @model_validator(mode="after")
    def _ranges_fit(self) -> Self:
        for name in ("focal", "distance", "height"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} is not (smallest, largest), both positive")
        if self.distance[0] <= self.roaming + 1:
            raise ValueError("people would stand in front of the lens: roaming reaches the cameras")
        return self


@dataclass(frozen=True)
class View:
    """One camera in the studio."""

    lens: Camera
    turn: Matrix  # (3, 3) from the studio's floor, x right y down z away, to the camera's
    stand: Vector  # (3,) m, where on the floor it stands

    @property
    def rotation(self) -> Matrix:
        """(3, 3) R of X -> R (X - position), from the studio to the camera."""
        return np.asarray(self.lens.rotation @ self.turn @ _TO_STUDIO.T)

    @property
    def position(self) -> Vector:
        """(3,) mm in the studio."""
        return np.asarray(1000.0 * _TO_STUDIO @ (self.stand + self.lens.position))


class Take(NamedTuple):
    """One pose of a subject, and the name of its frame."""

    subject: int
    number: int  # of the subject's poses
    action: int
    subaction: int
    frame: int


def takes(people: Human36MPeople) -> list[Take]:
    """All poses, dealt out to the subject's sequences in turn."""
    sequences = [(action, sub) for action in ACTIONS for sub in SUBACTIONS]
    shares = [(TRAIN_SUBJECTS, people.train, TRAIN_STEP), (TEST_SUBJECTS, people.val, TEST_STEP)]
    return [
        Take(subject, number, *sequences[number % len(sequences)], step * (number // len(sequences)))
        for subjects, poses, step in shares
        for subject in subjects
        for number in range(poses)
    ]


def views(people: Human36MPeople, subject: int) -> dict[int, View]:
    """The four cameras as they stood when a subject was recorded: a quarter turn apart, about level."""
    found = {}
    for camera in CAMERAS:
        lens = np.random.default_rng([people.seed, _CALIBRATION, camera])
        place = np.random.default_rng([people.seed, _CALIBRATION, camera, subject])
        angle = 45.0 + 90.0 * (camera - 1) + place.normal(0.0, 4.0)
        distance, height = place.uniform(*people.distance), place.uniform(*people.height)
        middle = 0.5 * (people.side - 1) + lens.normal(0.0, 0.01 * people.side, 2)
        turn = about_y(angle)
        found[camera] = View(
            lens=Camera(
                focal=lens.uniform(*people.focal) * people.side,
                centre=(float(middle[0]), float(middle[1])),
                height=height,
                pitch=math.degrees(math.atan2(height - _LOOKED_AT, distance)),
            ),
            turn=turn,
            stand=turn.T @ np.array([0.0, 0.0, -distance]),
        )
    return found


def body(people: Human36MPeople, subject: int) -> Body:
    """A subject's proportions."""
    return sample_body(np.random.default_rng([people.seed, _BODIES, subject]))


def pose(people: Human36MPeople, take: Take) -> Person:
    """The person on the studio's floor (m, x right, y down, z away), facing any way."""
    rng = np.random.default_rng([people.seed, _POSES, take.subject, take.number])
    person = sample_person(rng, body(people, take.subject), people.poses)
    person = person.moved(about_y(rng.uniform(0.0, 360.0)), np.zeros(3))
    lowest = float(person.joints[:, 1].max()) + _SOLE * person.body.stature
    angle, radius = rng.uniform(0.0, 2 * np.pi), people.roaming * math.sqrt(rng.random())
    return person.moved(np.eye(3), np.array([radius * math.cos(angle), -lowest, radius * math.sin(angle)]))


def world(person: Person) -> Floats:
    """(K, 3) mm in the studio: Human3.6M's joints of somebody on its floor."""
    return np.asarray(1000.0 * person.joints[_SELECTED] @ _TO_STUDIO.T)


def write(
    people: Human36MPeople, root: Path, workers: int = 0, progress: Callable[[int, int], None] | None = None
) -> None:
    """Generates all subjects into `root`, all at once: `root` is complete or not there.

    Writes `annotations/Human36M_subject*_{data,camera,joint_3d}.json`, the pictures in `images/` and
    `generator.json`. Does nothing where `root` holds this very set.

    Args:
        workers: processes; 0 takes one for each CPU. The bits written do not depend on it.
        progress: called in this process with the number of pictures done and in all.

    Raises:
        DataError: `root` holds something else, or part of this set.
    """
    pictures = len(takes(people)) * len(CAMERAS)
    publish(
        root.resolve(), partial(_fill, people, workers, progress), partial(marker.check, people, pictures)
    )


def _fill(
    people: Human36MPeople, workers: int, progress: Callable[[int, int], None] | None, folder: Path
) -> None:
    (folder / "annotations").mkdir()
    everything, done = takes(people), count(len(CAMERAS), len(CAMERAS))
    for take in everything:
        for camera in CAMERAS:
            (folder / "images" / _sequence(take, camera)).mkdir(parents=True, exist_ok=True)
    with closing(in_order(partial(_write_take, people, folder / "images"), everything, workers)) as generated:
        for _ in generated:
            if progress is not None:
                progress(next(done), len(everything) * len(CAMERAS))
    ids = count()
    for subject in (*TRAIN_SUBJECTS, *TEST_SUBJECTS):
        mine = [take for take in everything if take.subject == subject]
        for kind, document in _documents(people, subject, mine, ids):
            path = folder / "annotations" / f"Human36M_subject{subject}_{kind}.json"
            path.write_text(json.dumps(document))
    marker.mark(folder, people)


def _write_take(people: Human36MPeople, folder: Path, take: Take) -> None:
    """Draws what the four cameras see. Clothes and surroundings are other ones in each picture."""
    person = pose(people, take)
    framing = Framing(width=people.side, height=people.side)
    quality = [cv2.IMWRITE_JPEG_QUALITY, people.looks.jpeg_quality]
    for camera, view in views(people, take.subject).items():
        rng = np.random.default_rng([people.seed, _LOOKS, take.subject, take.number, camera])
        before = person.moved(view.turn, -view.turn @ view.stand)
        made = render(rng, Scene(view.lens, (before,)), framing, people.looks)
        _, encoded = cv2.imencode(".jpg", made.image[..., ::-1], quality)
        (folder / _file_name(take, camera)).write_bytes(encoded.tobytes())


def _documents(
    people: Human36MPeople, subject: int, mine: list[Take], ids: "count[int]"
) -> Iterator[tuple[str, Any]]:
    """The three files of a subject."""
    cameras = views(people, subject)
    joints: dict[str, dict[str, dict[str, Any]]] = {}
    images, annotations = [], []
    for take in mine:
        places = world(pose(people, take)).round(6)
        sequence = joints.setdefault(str(take.action), {}).setdefault(str(take.subaction), {})
        sequence[str(take.frame)] = places.tolist()
        for camera, view in cameras.items():
            ident = next(ids)
            images.append(_image(people, take, camera, ident))
            annotations.append(_annotation(people, places, view, ident))
    yield "data", {"images": images, "annotations": annotations}
    yield "camera", {str(camera): _calibration(view) for camera, view in cameras.items()}
    yield "joint_3d", joints


def _image(people: Human36MPeople, take: Take, camera: int, ident: int) -> dict[str, Any]:
    return {
        "id": ident,
        "file_name": _file_name(take, camera),
        "width": people.side,
        "height": people.side,
        "subject": take.subject,
        "action_name": f"action {take.action}",
        "action_idx": take.action,
        "subaction_idx": take.subaction,
        "cam_idx": camera,
        "frame_idx": take.frame,
    }


def _annotation(people: Human36MPeople, places: Floats, view: View, ident: int) -> dict[str, Any]:
    """The box is the release's: around the projected joints, with a fifth more."""
    viewed = (places - view.position) @ view.rotation.T
    points = view.lens.image(viewed)
    low, high = points.min(0), points.max(0)
    sides = (high - low - 1) * _MARGIN
    inside = ((points >= 0) & (points < people.side)).all(1)
    return {
        "id": ident,
        "image_id": ident,
        "keypoints_vis": inside.tolist(),
        "bbox": [*((low + high - sides) / 2).tolist(), *sides.tolist()],
    }


def _calibration(view: View) -> dict[str, Any]:
    """As the release writes it: X -> R X + t."""
    return {
        "R": view.rotation.tolist(),
        "t": (-view.rotation @ view.position).tolist(),
        "f": [view.lens.focal, view.lens.focal],
        "c": list(view.lens.centre),
    }


def _sequence(take: Take, camera: int) -> str:
    return f"s_{take.subject:02d}_act_{take.action:02d}_subact_{take.subaction:02d}_ca_{camera:02d}"


def _file_name(take: Take, camera: int) -> str:
    sequence = _sequence(take, camera)
    return f"{sequence}/{sequence}_{take.frame + 1:06d}.jpg"
