"""Which keypoints a drawing joins, and which side of the body each belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from datasets.contract import Pairs
from datasets.sides import left_first

Side = Literal["left", "right", "middle"]
Chains = tuple[tuple[str, ...], ...]
"""Names of keypoints, each joined to the next."""

LEGS_AND_ARMS: Chains = (
    ("right_ankle", "right_knee", "right_hip", "pelvis", "left_hip", "left_knee", "left_ankle"),
    (
        *("right_wrist", "right_elbow", "right_shoulder", "thorax"),
        *("left_shoulder", "left_elbow", "left_wrist"),
    ),
)
"""Of skeletons with pelvis and thorax: MPII's and Human3.6M's."""


@dataclass(frozen=True)
class Skeleton:
    """Keypoints as they are drawn."""

    names: tuple[str, ...]  # P
    limbs: tuple[tuple[int, int], ...]
    sides: tuple[Side, ...]  # P

    def side(self, limb: tuple[int, int]) -> Side:
        """Of a limb: "middle" where it goes from one side to the other."""
        a, b = (self.sides[end] for end in limb)
        known = {a, b} - {"middle"}
        return known.pop() if len(known) == 1 else "middle"


def sides(names: Sequence[str], pairs: Pairs) -> tuple[Side, ...]:
    """The side of each keypoint, by the names of the pairs."""
    found: list[Side] = ["middle"] * len(names)
    for pair in pairs:
        left, right = left_first(pair, names)
        found[left], found[right] = "left", "right"
    return tuple(found)


def limbs(names: Sequence[str], chains: Chains) -> tuple[tuple[int, int], ...]:
    """Pairs of indices that the chains join."""
    return tuple((names.index(a), names.index(b)) for chain in chains for a, b in pairwise(chain))
