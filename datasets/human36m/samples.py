"""Human3.6M's frames that protocol 2 uses, whichever files they were read from.

Shapes: N frames, K = 17 joints.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.base import plausible
from datasets.base.annotated import PoseSamples
from datasets.human36m.camera import Cameras
from datasets.human36m.cameras import DEPTH, JOINTS, PELVIS, calibrated, with_thorax
from datasets.io.assumptions import Assumed
from datasets.io.errors import DataError
from datasets.io.image import PictureFile
from datasets.io.json_file import Record
from datasets.io.problems import IN_PICTURES, RECORDS, Problem, counted, parse_each

Floats = NDArray[np.float64]

EXCLUDED = ("s_09_act_05_subact_02", "s_09_act_10_subact_02", "s_09_act_13_subact_01")
"""Test sequences whose joints lie off the pictures; the authors' code drops them."""

_TALL = (200.0, 3000.0)
"""mm: what people span, at the median. Metres or inches in a file would show here."""


@dataclass(frozen=True, eq=False)
class Frames:
    """One split, as `datasets.base.annotated.AnnotatedSplit`: pictures of one person each.

    Lengths are in millimetres, pixels count from 0.
    """

    path: Path
    pictures: tuple[PictureFile, ...]  # N
    id: NDArray[np.int64]  # (N,)
    corners: Floats  # (N, 4) x1, y1, x2, y2 of the person's box, inside the picture
    world: Floats  # (N, K, 3)
    cameras: Cameras  # N
    left_out: Mapping[str, int]
    assumed: Assumed = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.id)

    def pictures_in_use(self) -> Iterator[tuple[Path, str]]:
        """The pictures, and what to do where one is missing."""
        return ((file.path, "Put it there") for file in self.pictures)

    def files_to_check(self) -> tuple[PictureFile, ...]:
        """The pictures."""
        return self.pictures

    def pose_samples(self) -> PoseSamples:
        """The people as they are packed, with their depths, joints and cameras."""
        joints = self.cameras.view(with_thorax(self.world))
        points = self.cameras.image(joints)
        return PoseSamples(
            id=self.id,
            pictures=self.pictures,
            picture=np.arange(len(self)),
            corners=self.corners,
            points=points,
            labelled=np.ones(points.shape[:2], bool),
            arrays={
                "depth": (joints[..., 2] - joints[:, PELVIS, None, 2]) / DEPTH,
                "joints": joints,
                **{f"camera_{name}": values for name, values in vars(self.cameras).items()},
            },
        )


class Frame(NamedTuple):
    """What is written about one picture, checked but for its camera's reading."""

    image: Record
    id: int
    file: PictureFile
    box: tuple[float, ...]
    world: list[tuple[float, float, float]]
    camera: Record


def table(
    frames: Sequence[Frame], broken: list[Problem], path: Path, split: str, without: Collection[Path]
) -> tuple[Frames, list[Problem]]:
    """The frames that the protocol uses, as arrays; and what is broken.

    Raises:
        DataError: joints are not in millimetres.
    """
    excluded = EXCLUDED if split == "val" else ()
    wanted = [f for f in frames if not any(name in f.file.path.name for name in excluded)]
    there = [frame for frame in wanted if frame.file.path not in without]
    filled = [frame for frame in there if _corners(frame) is not None or _is_outside(frame)]
    seen: set[int] = set()
    placed, bad_frames = parse_each(partial(_placed, seen), filled)
    world = np.array([frame.world for frame in placed], np.float64).reshape(-1, len(JOINTS), 3)
    span = np.median(np.ptp(world, axis=1).max(1)) if len(world) else _TALL[1] / 2
    if not _TALL[0] < span < _TALL[1]:
        problem = f"people span {span:g} in the world, not mm"
        raise DataError(path, problem, remedy="Give joints in mm", code="not-mm")
    boxes = np.array([frame.box for frame in placed], np.float64).reshape(-1, 4)
    cameras, kept, bad_cameras = calibrated([frame.camera for frame in placed], world, boxes)
    misplaced = _misplaced([placed[index] for index in kept.tolist()], world[kept], cameras)
    _check_plausible(path, [placed[index] for index in kept.tolist()], world[kept], cameras)
    sound = np.setdiff1d(np.arange(len(kept)), np.array(list(misplaced), np.int64))
    counts = {
        "of excluded sequences": len(frames) - len(wanted),
        "with an empty box": len(there) - len(filled),
        IN_PICTURES: len(wanted) - len(there),
        RECORDS: len(broken) + len(filled) - len(sound),
    }
    used = [placed[index] for index in kept[sound].tolist()]
    found = _joined(path, used, world[kept[sound]], cameras[sound], counts)
    return found, [*broken, *bad_frames, *bad_cameras, *misplaced.values()]


def _joined(
    path: Path, used: Sequence[Frame], world: Floats, cameras: Cameras, counts: Mapping[str, int]
) -> Frames:
    return Frames(
        path=path,
        pictures=tuple(frame.file for frame in used),
        id=np.array([frame.id for frame in used], np.int64),
        corners=np.array([_corners(frame) for frame in used], np.float64).reshape(-1, 4),
        world=world,
        cameras=cameras,
        left_out=counted(counts),
    )


def _placed(seen: set[int], frame: Frame) -> Frame:
    """The frame, if its id is new and its box somewhere in the picture."""
    if frame.id in seen:
        raise frame.image.wrong(f"its image id, {frame.id}, occurs twice in the split", code="repeated-id")
    seen.add(frame.id)
    if _is_outside(frame):
        raise frame.image.wrong(f"bbox {frame.box} lies outside its picture", code="box-outside")
    return frame


def _is_outside(frame: Frame) -> bool:
    """Whether a box with an extent has nothing of its picture."""
    x, y, width, height = frame.box
    inside = x < frame.file.width and y < frame.file.height and x + width > 0 and y + height > 0
    return width > 0 and height > 0 and not inside


def _misplaced(frames: Sequence[Frame], world: Floats, cameras: Cameras) -> dict[int, Problem]:
    """Frames with a joint behind the camera, or farther outside the picture than that is large."""
    viewed = cameras.view(world)
    before = viewed[..., 2] > 0
    with np.errstate(all="ignore"):
        points = cameras.image(np.where(before[..., None], viewed, 1.0))
    sides = np.array([frame.file[1:3] for frame in frames], np.float64).reshape(-1, 1, 2)
    near = ((points >= -sides) & (points <= 2 * sides)).all(2)  # a NaN is not
    found: dict[int, Problem] = {}
    for index, joint in reversed(np.argwhere(~(before & near)).tolist()):
        where = "behind the camera" if not before[index, joint] else "far outside the picture"
        error = frames[index].image.wrong(f"its {JOINTS[joint]} lies {where}", code="keypoint-outside")
        found[index] = Problem.of(error)
    return dict(sorted(found.items()))


def _check_plausible(path: Path, frames: Sequence[Frame], world: Floats, cameras: Cameras) -> None:
    viewed = cameras.view(world)
    before = viewed[..., 2] > 0
    points = cameras.image(np.where(before[..., None], viewed, 1.0))
    boxes = np.array([frame.box for frame in frames], np.float64).reshape(-1, 4)
    sides = np.array([frame.file[1:3] for frame in frames], np.float64).reshape(-1, 2)
    plausible.check(path, points, before, boxes, sides)


def _corners(frame: Frame) -> list[float] | None:
    """The box within its picture, x2 = x + width - 1, or None where nothing of it is."""
    x, y, width, height = frame.box
    last = (frame.file.width - 1, frame.file.height - 1)
    x1, y1 = (min(max(0.0, low), high) for low, high in zip((x, y), last, strict=True))
    x2, y2 = (
        min(max(0.0, low + max(0.0, side - 1)), high)
        for low, side, high in zip((x, y), (width, height), last, strict=True)
    )
    return [x1, y1, x2, y2] if x2 > x1 and y2 > y1 else None
