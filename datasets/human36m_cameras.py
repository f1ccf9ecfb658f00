"""Human3.6M's joints, and its cameras as the two kinds of file write them down.

Shapes: N frames, K = 17 joints.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datasets.camera import Cameras
from datasets.json_file import Record

Floats = NDArray[np.float64]

JOINTS = (
    *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("torso", "neck", "nose", "head"),
    *("left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist"),
)
"""Human3.6M's 17, in the order of both kinds of file."""

PELVIS = JOINTS.index("pelvis")

_FEWEST_IN_BOX = 0.9
"""Of a camera's frames: the share in which the pelvis must project into the person's box."""


def calibrated(records: Sequence[Record], world: Floats, boxes: Floats) -> Cameras:
    """The camera of each frame.

    `t` is the camera's position in older files and the shift of X -> R X + t in newer ones of the same name.
    The boxes tell which: they surround the projected joints.

    Args:
        records: N, each with `R`, `t`, `f`, `c` and maybe `k` and `p`, the lens distortion.
        world: (N, K, 3) joints, in mm.
        boxes: (N, 4) x, y, width, height.

    Raises:
        DataError: a field is missing or wrong, or no reading of `t` fits the boxes.
    """
    distinct: dict[str, int] = {}
    which = np.array([distinct.setdefault(_key(record), len(distinct)) for record in records])
    firsts = [int(np.argmax(which == index)) for index in range(len(distinct))]
    parsed = _parsed([records[first] for first in firsts])
    position = parsed.position.copy()
    for index, first in enumerate(firsts):
        mine = np.flatnonzero(which == index)
        position[index] = _position(
            records[first], parsed[np.full(len(mine), index)], world[mine], boxes[mine]
        )
    return Cameras(parsed.rotation, position, parsed.focal, parsed.centre, parsed.radial, parsed.tangential)[
        which
    ]


def _key(record: Record) -> str:
    """Equal for equal cameras of one file."""
    return f"{record.path}:{[record.fields.get(name) for name in ('R', 't', 'f', 'c', 'k', 'p')]}"


def _parsed(records: Sequence[Record]) -> Cameras:
    """As written, `t` in the place of the position."""

    def rows(key: str, length: int) -> Floats:
        return np.array([_flat(record, key, length) for record in records])

    return Cameras(
        rotation=rows("R", 9).reshape(-1, 3, 3),
        position=rows("t", 3),
        focal=rows("f", 2),
        centre=rows("c", 2),
        radial=rows("k", 3),
        tangential=rows("p", 2),
    )


def _flat(record: Record, key: str, length: int) -> list[float]:
    """So many numbers, nested or not; zeros for distortion that isn't told."""
    value = record.fields.get(key)
    if value is None and key in ("k", "p"):
        return [0.0] * length
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        value = [number for row in value for number in row]
    numbers = record.numbers(value, key, length)
    if key == "R":
        R = np.array(numbers).reshape(3, 3)
        if np.abs(R @ R.T - np.eye(3)).max() > 1e-3 or np.linalg.det(R) < 0:
            raise record.wrong("R is not a rotation")
    if key == "f" and min(numbers) <= 0:
        raise record.wrong(f"f is {numbers}, not positive")
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
    raise record.wrong(f"the pelvis projects into its box in {max(shares):.0%} of frames, however t is read")
