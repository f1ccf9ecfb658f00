"""Human3.6M's frames that protocol 2 uses, whichever files they were read from.

Shapes: N frames, K = 17 joints.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.human36m.camera import Cameras
from datasets.human36m.cameras import JOINTS, calibrated
from datasets.io.errors import DataError
from datasets.io.image import PictureFile, stated
from datasets.io.json_file import Record
from datasets.io.problems import IN_PICTURES, RECORDS, Broken, refuse, sift

Floats = NDArray[np.float64]

EXCLUDED = ("s_09_act_05_subact_02", "s_09_act_10_subact_02", "s_09_act_13_subact_01")
"""Test sequences whose joints lie off the pictures; the authors' code drops them."""

_TALL = (200.0, 3000.0)
"""mm: what people span, at the median. Metres or inches in a file would show here."""


@dataclass(frozen=True, eq=False)
class Frames:
    """One split: pictures of one person each. Lengths in millimetres, pixels from 0."""

    path: Path
    pictures: tuple[PictureFile, ...]  # N
    id: NDArray[np.int64]  # (N,)
    corners: Floats  # (N, 4) x1, y1, x2, y2 of the person's box, inside the picture
    world: Floats  # (N, K, 3)
    cameras: Cameras  # N
    left_out: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Both splits, and the files that they were read from."""

    train: Frames
    val: Frames
    files: tuple[Path, ...]


class Frame(NamedTuple):
    """What is written about one picture, checked but for its camera's reading."""

    image: Record
    id: int
    file: PictureFile
    box: list[float]
    world: list[list[float]]
    camera: Record


def check_not_empty(benchmark: Benchmark) -> None:
    """Raises DataError for a split without frames."""
    for frames in (benchmark.train, benchmark.val):
        if not len(frames.id):
            reasons = ", ".join(f"{count} {reason}" for reason, count in frames.left_out.items())
            problem = f"no frame of it is used ({reasons or 'it has none'})"
            raise DataError(frames.path, problem, remedy="Use the whole set")


def table(
    frames: Sequence[Frame], broken: list[Broken], path: Path, split: str, lost: Collection[Path]
) -> tuple[Frames, list[Broken]]:
    """The frames that the protocol uses, as arrays; and what is broken.

    Raises:
        DataError: joints are not in millimetres.
    """
    excluded = EXCLUDED if split == "val" else ()
    wanted = [f for f in frames if not any(name in f.file.path.name for name in excluded)]
    there = [frame for frame in wanted if frame.file.path not in lost]
    filled = [frame for frame in there if _corners(frame) is not None or _is_outside(frame)]
    seen: set[int] = set()
    placed, bad_frames = sift(partial(_placed, seen), filled)
    world = np.array([frame.world for frame in placed], np.float64).reshape(-1, len(JOINTS), 3)
    span = np.median(np.ptp(world, axis=1).max(1)) if len(world) else _TALL[1] / 2
    if not _TALL[0] < span < _TALL[1]:
        raise DataError(path, f"people span {span:g} in the world, not mm", remedy="Give joints in mm")
    boxes = np.array([frame.box for frame in placed], np.float64).reshape(-1, 4)
    cameras, kept, bad_cameras = calibrated([frame.camera for frame in placed], world, boxes)
    misplaced = _misplaced([placed[index] for index in kept.tolist()], world[kept], cameras)
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
        left_out={reason: count for reason, count in counts.items() if count},
    )


def _placed(seen: set[int], frame: Frame) -> Frame:
    """The frame, if its id is new and its box somewhere in the picture."""
    if frame.id in seen:
        raise frame.image.wrong(f"its image id, {frame.id}, stands twice in the split")
    seen.add(frame.id)
    if _is_outside(frame):
        raise frame.image.wrong(f"bbox {frame.box} lies outside its picture")
    return frame


def _is_outside(frame: Frame) -> bool:
    """Whether a box with an extent has nothing of its picture."""
    x, y, width, height = frame.box
    inside = x < frame.file.width and y < frame.file.height and x + width > 0 and y + height > 0
    return width > 0 and height > 0 and not inside


def _misplaced(frames: Sequence[Frame], world: Floats, cameras: Cameras) -> dict[int, Broken]:
    """Frames with a joint behind the camera, or farther outside the picture than that is large."""
    viewed = cameras.view(world)
    before = viewed[..., 2] > 0
    with np.errstate(all="ignore"):
        points = cameras.image(np.where(before[..., None], viewed, 1.0))
    sides = np.array([frame.file[1:] for frame in frames], np.float64).reshape(-1, 1, 2)
    near = ((points >= -sides) & (points <= 2 * sides)).all(2)  # a NaN is not
    found: dict[int, Broken] = {}
    for index, joint in reversed(np.argwhere(~(before & near)).tolist()):
        where = "behind the camera" if not before[index, joint] else "far outside the picture"
        found[index] = Broken.of(frames[index].image.wrong(f"its {JOINTS[joint]} lies {where}"))
    return dict(sorted(found.items()))


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


def digest(benchmark: Benchmark, skipped: Sequence[str] = ()) -> str:
    """16 hex digits over the annotations and the names and sizes of all pictures in use.

    Args:
        skipped: what was left out as broken.

    Raises:
        DataError: pictures are missing.
    """
    total = hashlib.sha256()
    for path in benchmark.files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    halves = [
        sift(partial(stated, annotations=frames.path.name), [file.path for file in frames.pictures])
        for frames in (benchmark.train, benchmark.val)
    ]
    refuse([one for _, broken in halves for one in broken])
    for lines, _ in halves:
        total.update("".join(lines).encode())
    total.update("\n".join(skipped).encode())
    return total.hexdigest()[:16]
