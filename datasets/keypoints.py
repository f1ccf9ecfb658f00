"""What follows from the names of keypoints: upper and lower body, OKS constants.

Names are read in the spellings that are in use: `left_eye`, `l_eye`, `eye_l`, `leftEye`, `Left Eye`.
"""

from collections.abc import Mapping, Sequence

from datasets.sides import without_side, words

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
    # Not COCO's: CrowdPose's own, and those of sets close to COCO.
    "neck": 0.079,
    "head": 0.079,
    "head_top": 0.079,
    "top_head": 0.079,
}
"""Per-keypoint constants of OKS (`kpt_oks_sigmas` of COCO's evaluation), by name without its side."""

USUAL_SIGMA = 0.067
"""Stands in for a keypoint of which no constant is known: the mean of COCO's 17."""

_LOWER = {"hip", "knee", "ankle", "heel", "foot", "toe", "big_toe", "small_toe"}


def oks_sigmas(names: Sequence[str], given: Mapping[str, float] | None = None) -> tuple[float, ...]:
    """The OKS constant of each keypoint: as `given` by its full name, or else COCO's own.

    Raises:
        ValueError: there is neither for a name, or `given` names a keypoint that isn't there.
    """
    given = given or {}
    if strangers := [name for name in given if name not in names]:
        raise ValueError(f"sigmas are given for {', '.join(strangers)}, which are no keypoints of the set")
    if missing := [name for name in without_sigma(names) if name not in given]:
        raise ValueError(f"no OKS sigma is known for keypoint {', '.join(missing)}")
    return tuple(given.get(name) or SIGMAS[_base(name)] for name in names)


def without_sigma(names: Sequence[str]) -> tuple[str, ...]:
    """The keypoints of which no OKS constant is known."""
    return tuple(name for name in names if _base(name) not in SIGMAS)


def _base(name: str) -> str:
    """`leftEye` -> `eye`."""
    return without_side(words(name))


def upper_body(names: Sequence[str]) -> tuple[bool, ...]:
    """Which keypoints lie above the hips: for COCO the first 11."""
    return tuple(_base(name) not in _LOWER for name in names)
