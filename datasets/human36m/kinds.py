"""Kinds of Human3.6M's frames, by how the person stands.

Shapes: N frames.
"""

import numpy as np
from numpy.typing import NDArray

from datasets.base.kinds import Kinds
from datasets.human36m.cameras import JOINTS

UNUSUAL = 0.9
"""The share of poses that lie nearer to the mean pose than an unusual one."""
FACING, SIDEWAYS = 0.8, 0.4
"""How much of the shoulders' breadth is seen, at least and at most."""


def human36m_kinds(joints: NDArray[np.float64]) -> Kinds:
    """By how the person stands to the camera, and poses far from the mean pose.

    Args:
        joints: (N, 17, 3) mm from the pelvis in the camera's frame: x right, y down, z away.
    """
    distance = np.linalg.norm(joints - joints.mean(0), axis=2).mean(1)
    unusual = distance > np.quantile(distance, UNUSUAL)
    left, right = (joints[:, JOINTS.index(f"{side}_shoulder")] for side in ("left", "right"))
    across = left - right
    breadth = across[:, 0] / np.maximum(np.linalg.norm(across, axis=1), 1e-9)
    return {
        "from the front": ~unusual & (breadth >= FACING),
        "from the side": ~unusual & (np.abs(breadth) <= SIDEWAYS),
        "from behind": ~unusual & (breadth <= -FACING),
        "unusual pose": unusual,
    }
