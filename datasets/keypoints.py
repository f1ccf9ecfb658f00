"""What follows from the names of keypoints: sides, upper and lower body, OKS constants.

Names are read in the spellings that are in use: `left_eye`, `l_eye`, `eye_l`, `leftEye`, `Left Eye`.
"""

import re
from collections.abc import Mapping, Sequence

from datasets.contract import Pairs

KEYPOINTS = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""COCO's 17, in COCO's order."""

SKELETON = (
    *((16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9)),
    *((8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7)),
)
"""COCO's 19 limbs: pairs of keypoints, counted from 1."""

SIGMAS: Mapping[str, float] = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
    # Not COCO's: joints that sets close to COCO have, taken to be as hard to place as a shoulder.
    "neck": 0.079,
    "head_top": 0.079,
}
"""Per-keypoint constants of OKS (`kpt_oks_sigmas` of COCO's evaluation), by name without its side."""

_LOWER = {"hip", "knee", "ankle", "heel", "foot", "toe", "big_toe", "small_toe"}
_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}


def oks_sigmas(names: Sequence[str], given: Mapping[str, float] | None = None) -> tuple[float, ...]:
    """The OKS constant of each keypoint: as `given` by its full name, or else COCO's own.

    Raises:
        ValueError: there is neither for a name, or `given` names a keypoint that isn't there.
    """
    given = given or {}
    if unknown := [name for name in given if name not in names]:
        raise ValueError(f"sigmas are given for {', '.join(unknown)}, which are no keypoints of the set")
    known = {name: given.get(name, SIGMAS.get(_split(name)[1])) for name in names}
    if missing := [name for name, sigma in known.items() if sigma is None]:
        raise ValueError(f"no OKS sigma is known for keypoint {', '.join(missing)}")
    return tuple(sigma for sigma in known.values() if sigma is not None)


def flip_pairs(names: Sequence[str]) -> Pairs | None:
    """Indices of left and right partners, or None where a sided keypoint has no partner to change with."""
    where = {_split(name): index for index, name in enumerate(names)}
    sided = [(side, base) for side, base in where if side]
    if any((_other(side), base) not in where for side, base in sided):
        return None
    pairs = ((where["left", base], where["right", base]) for side, base in sided if side == "left")
    return tuple((min(pair), max(pair)) for pair in pairs)


def upper_body(names: Sequence[str]) -> tuple[bool, ...]:
    """Which keypoints lie above the hips: for COCO the first 11."""
    return tuple(_split(name)[1] not in _LOWER for name in names)


def _other(side: str) -> str:
    return "right" if side == "left" else "left"


def _split(name: str) -> tuple[str, str]:
    """`leftEye` -> (`left`, `eye`); the side is empty for a keypoint in the middle."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    first, *rest = re.split(r"[\s_.-]+", words)
    if rest and first in _SIDES:
        return _SIDES[first], "_".join(rest)
    if rest and rest[-1] in _SIDES:
        return _SIDES[rest[-1]], "_".join([first, *rest[:-1]])
    return "", "_".join([first, *rest])
