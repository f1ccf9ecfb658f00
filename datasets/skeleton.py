"""Which keypoints a drawing joins, and which side of the body each belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from datasets.coco.config import CocoKeypoints
from datasets.contract import Pairs
from datasets.human36m.config import POINTS, Human36MPose
from datasets.mpii.config import MpiiPose
from datasets.mpii.samples import JOINTS

Side = Literal["left", "right", "middle"]

MPII_CHAINS = (
    ("right_ankle", "right_knee", "right_hip", "pelvis", "left_hip", "left_knee", "left_ankle"),
    ("right_wrist", "right_elbow", "right_shoulder", "thorax", "left_shoulder", "left_elbow", "left_wrist"),
    ("pelvis", "thorax", "neck", "head_top"),
)
HUMAN36M_CHAINS = (
    ("right_ankle", "right_knee", "right_hip", "pelvis", "left_hip", "left_knee", "left_ankle"),
    ("right_wrist", "right_elbow", "right_shoulder", "thorax", "left_shoulder", "left_elbow", "left_wrist"),
    ("pelvis", "torso", "thorax", "neck", "nose", "head"),
)


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


def skeleton(data: CocoKeypoints | MpiiPose | Human36MPose) -> Skeleton:
    """What to draw of a model's points. A file in COCO's format may name no limbs, and has none then."""
    match data:
        case CocoKeypoints():
            names = data.source.keypoints
            limbs = tuple((a - 1, b - 1) for a, b in data.source.skeleton)
        case MpiiPose():
            names, limbs = JOINTS, _limbs(JOINTS, MPII_CHAINS)
        case Human36MPose():
            names, limbs = POINTS, _limbs(POINTS, HUMAN36M_CHAINS)
    return Skeleton(names, limbs, sides(names, data.flip_pairs or ()))


def sides(names: Sequence[str], pairs: Pairs) -> tuple[Side, ...]:
    """The side of each keypoint. Names of a pair differ in nothing but the side, and l comes before r."""
    found: list[Side] = ["middle"] * len(names)
    for pair in pairs:
        left, right = sorted(pair, key=lambda index: names[index].lower())
        found[left], found[right] = "left", "right"
    return tuple(found)


def _limbs(names: Sequence[str], chains: Sequence[Sequence[str]]) -> tuple[tuple[int, int], ...]:
    return tuple((names.index(a), names.index(b)) for chain in chains for a, b in pairwise(chain))
