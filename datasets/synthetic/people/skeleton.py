"""A person's skeleton in 3-D: joints, sampled proportions, forward kinematics. Knows nothing of images.

Shapes: J joints. Metres. In a person's own frame x points to the person's left, y down and z to the back, so
that a person who faces the viewer has the left hand at image right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.synthetic.render.rotations import Matrix, Vector

# Joint, parent, offset from the parent at rest as a fraction of stature: arms and legs hang straight down.
# Segment lengths follow the usual anthropometric fractions of stature (Drillis and Contini 1966).
_CENTRE: tuple[tuple[str, str | None, tuple[float, float, float]], ...] = (
    ("pelvis", None, (0.0, 0.0, 0.0)),
    ("spine", "pelvis", (0.0, -0.120, 0.0)),
    ("thorax", "spine", (0.0, -0.165, 0.0)),
    ("neck", "thorax", (0.0, -0.035, 0.004)),
    ("head", "neck", (0.0, -0.072, -0.010)),
    ("head_top", "head", (0.0, -0.073, 0.0)),
    ("nose", "head", (0.0, 0.011, -0.066)),
)
_SIDES: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("eye", "head", (0.0200, -0.009, -0.0560)),
    ("ear", "head", (0.0480, 0.003, 0.0030)),
    ("shoulder", "thorax", (0.1120, 0.004, 0.0)),
    ("elbow", "shoulder", (0.0, 0.172, 0.0)),
    ("wrist", "elbow", (0.0, 0.148, 0.0)),
    ("hand", "wrist", (0.0, 0.050, -0.004)),
    ("hip", "pelvis", (0.0600, 0.012, 0.0)),
    ("knee", "hip", (0.0, 0.240, 0.0)),
    ("ankle", "knee", (0.0, 0.242, 0.0)),
    ("toe", "ankle", (0.0080, 0.022, -0.088)),
)
_PAIRED = {name for name, _, _ in _SIDES}


def _tree() -> tuple[tuple[str, ...], tuple[int, ...], NDArray[np.float64]]:
    rows = list(_CENTRE)
    for name, parent, (x, y, z) in _SIDES:
        for side, sign in (("left", 1.0), ("right", -1.0)):
            rows.append(
                (f"{side}_{name}", f"{side}_{parent}" if parent in _PAIRED else parent, (sign * x, y, z))
            )
    names = tuple(name for name, _, _ in rows)
    parents = tuple(-1 if parent is None else names.index(parent) for _, parent, _ in rows)
    return names, parents, np.array([offset for _, _, offset in rows])


JOINTS, PARENTS, _REST = _tree()
"""Names and parents' indices (-1 for the pelvis); a parent comes before its children."""

INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINTS)}

_SCALED_TOGETHER = ("spine", "thorax", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
"""Bones whose lengths vary between people of one stature, equally on the left and on the right."""


@dataclass(frozen=True)
class Body:
    """A person's proportions."""

    stature: float  # m, standing upright, without shoes
    offsets: NDArray[np.float64]  # (J, 3) m, each joint in its parent's frame
    girth: float  # thickness of limbs and torso, relative to the average person of this stature

    @property
    def lengths(self) -> NDArray[np.float64]:
        """(J,) m, from each joint to its parent."""
        return np.asarray(np.linalg.norm(self.offsets, axis=1))


@dataclass(frozen=True)
class Person:
    """A body in a pose, somewhere in the world."""

    body: Body
    joints: NDArray[np.float64]  # (J, 3) m
    frames: NDArray[np.float64]  # (J, 3, 3), columns are the axes of each joint's frame

    def joint(self, name: str) -> Vector:
        """(3,) m."""
        return np.asarray(self.joints[INDEX[name]])

    def frame(self, name: str) -> Matrix:
        """(3, 3)."""
        return np.asarray(self.frames[INDEX[name]])

    @property
    def facing(self) -> Vector:
        """(3,) unit vector: where the chest points."""
        return -self.frame("thorax")[:, 2]

    def moved(self, rotation: Matrix, shift: Vector) -> "Person":
        """The same person after a rigid motion: x -> rotation x + shift."""
        return Person(self.body, self.joints @ rotation.T + shift, rotation @ self.frames)


def sample_body(rng: np.random.Generator) -> Body:
    """An adult: stature 1.70 ± 0.09 m, bone lengths ± 5 % around their share of it, girth ± 12 %."""
    stature = float(np.clip(rng.normal(1.70, 0.09), 1.48, 1.95))
    factors = dict.fromkeys(JOINTS, 1.0)
    for bone in _SCALED_TOGETHER:
        factor = float(np.clip(rng.normal(1.0, 0.05), 0.85, 1.15))
        factors.update(
            {name: factor for name in JOINTS if name.removeprefix("left_").removeprefix("right_") == bone}
        )
    offsets = _REST * stature * np.array([factors[name] for name in JOINTS])[:, None]
    return Body(stature, offsets, float(np.clip(rng.normal(1.0, 0.12), 0.75, 1.4)))


def forward_kinematics(body: Body, rotations: dict[str, Matrix]) -> Person:
    """The body in a pose, with its pelvis at the origin.

    Args:
        rotations: joint name to (3, 3), the rotation of the joint's frame within its parent's; it moves what
            hangs on the joint. Joints that are not named keep their rest pose.
    """
    joints = np.zeros((len(JOINTS), 3))
    frames = np.empty((len(JOINTS), 3, 3))
    for index, parent in enumerate(PARENTS):
        local = rotations.get(JOINTS[index], _IDENTITY)
        frames[index] = local if parent < 0 else frames[parent] @ local
        if parent >= 0:
            joints[index] = joints[parent] + frames[parent] @ body.offsets[index]
    return Person(body, joints, frames)


_IDENTITY = np.eye(3)
