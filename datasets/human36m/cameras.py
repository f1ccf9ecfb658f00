"""Human3.6M's joints, and its cameras as the two kinds of file write them down.

Shapes: N frames, K = 17 joints.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from datasets.human36m.camera import Cameras
from datasets.io.json_file import Record, a_row
from datasets.io.problems import Problem, parse_each

Floats = NDArray[np.float64]

JOINTS = (
    *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("torso", "neck", "nose", "head"),
    *("left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist"),
)
"""Human3.6M's 17, in the order of both kinds of file."""

PELVIS = JOINTS.index("pelvis")

POINTS = (*JOINTS, "thorax")
"""What is regressed: the benchmark's 17 joints, and the middle of the shoulders, which MPII labels too."""

DEPTH = 2000.0
"""mm that the target's z measures in units of."""

_SHOULDERS = (JOINTS.index("left_shoulder"), JOINTS.index("right_shoulder"))

_FEWEST_IN_BOX = 0.9
"""Of a camera's frames: the share in which the pelvis must project into the person's box."""


def with_thorax(joints: Floats) -> Floats:
    """Joints (N, 17, 3) and the middle of the shoulders: `POINTS` (N, 18, 3)."""
    return np.concatenate([joints, joints[:, _SHOULDERS].mean(1, keepdims=True)], axis=1)


def calibrated(
    records: Sequence[Record], world: Floats, boxes: Floats
) -> tuple[Cameras, NDArray[np.int64], list[Problem]]:
    """The camera of each frame that has a good one.

    `t` is the camera's position in older files and the shift of X -> R X + t in newer ones of the same name.
    The boxes tell which: they surround the projected joints.

    Args:
        records: N, each with `R`, `t`, `f`, `c` and maybe `k` and `p`, the lens distortion.
        world: (N, K, 3) joints, in mm.
        boxes: (N, 4) x, y, width, height.

    Returns:
        M cameras; (M,) the frames that they belong to; and the cameras of which a field is missing or wrong,
        or no reading of `t` fits the boxes.
    """
    unique: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        unique.setdefault(_key(record), []).append(index)

    def solve(mine: list[int]) -> tuple[Cameras, list[int]]:
        parsed = _parsed(records[mine[0]])
        position = _position(
            records[mine[0]], parsed[np.zeros(len(mine), np.int64)], world[mine], boxes[mine]
        )
        solved = Cameras(**{**vars(parsed), "position": position[None]})
        return solved[np.zeros(len(mine), np.int64)], mine

    solved, broken = parse_each(solve, unique.values())
    frames = np.array([index for _, mine in solved for index in mine], np.int64)
    order = np.argsort(frames)
    joined = [np.concatenate([getattr(c, name) for c, _ in solved]) if solved else np.zeros((0, *shape))
              for name, shape in _SHAPES.items()]  # fmt: skip
    return Cameras(*joined)[order], frames[order], broken


_SHAPES = {
    "rotation": (3, 3),
    "position": (3,),
    "focal": (2,),
    "centre": (2,),
    "radial": (3,),
    "tangential": (2,),
}
"""Of a camera's numbers, in the order of `Cameras`."""


def _key(record: Record) -> str:
    """Equal for equal cameras of one file."""
    try:
        return f"{record.path}:{[record.value.get(name) for name in ('R', 't', 'f', 'c', 'k', 'p')]}"
    except RecursionError:  # of lists in lists, which no camera has
        return f"{record.path}:{record.name}"


def _parsed(record: Record) -> Cameras:
    """One camera as written, `t` in the place of the position."""
    written = zip(("R", "t", "f", "c", "k", "p"), _SHAPES.values(), strict=True)
    return Cameras(*(np.reshape(_flat(record, key, prod(shape)), (1, *shape)) for key, shape in written))


def _flat(record: Record, key: str, length: int) -> list[float]:
    """So many numbers, nested or not; zeros for distortion that is left out."""
    value = record.value.get(key)
    if value is None and key in ("k", "p"):
        return [0.0] * length
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        value = [number for row in value for number in row]
    numbers = Record(record.path, record.name, {key: value}).parse(a_row, key)
    if len(numbers) != length:
        raise record.wrong(f"{key} has {len(numbers)} numbers instead of {length}", code="wrong-length")
    if key == "R":
        R = np.array(numbers).reshape(3, 3)
        if np.abs(R @ R.T - np.eye(3)).max() > 1e-3 or np.linalg.det(R) < 0:
            raise record.wrong("R is not a rotation", code="not-a-rotation")
    if key == "f" and min(numbers) <= 0:
        raise record.wrong(f"f is {numbers}, not positive", code="not-positive")
    return numbers


def _position(record: Record, cameras: Cameras, world: Floats, boxes: Floats) -> Floats:
    """The camera's position (3,), from whichever reading of `t` puts the pelvis into the boxes.

    Args:
        cameras: N times the same one. world, boxes: of its frames.
    """
    t = cameras.position[0]
    shares = {}
    for reading in (t, -cameras.rotation[0].T @ t):
        moved = Cameras(**{**vars(cameras), "position": np.tile(reading, (len(world), 1))})
        viewed = moved.view(world[:, PELVIS, None])
        before = viewed[:, 0, 2] > 0
        viewed[~before] = 1.0
        place = moved.image(viewed)[:, 0] - boxes[:, :2]
        share = float((before & (place >= 0).all(1) & (place <= boxes[:, 2:]).all(1)).mean())
        if share >= _FEWEST_IN_BOX:
            return np.asarray(reading)
        shares[share] = reading
    problem = f"the pelvis projects into its box in {max(shares):.0%} of frames, however t is read"
    raise record.wrong(problem, code="wrong-camera")
