"""Which people of a validation set are drawn. Annotations decide it, and no prediction.

Each function sorts people into kinds; `select_rows` takes as many of each. Shapes: N people, K joints.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from datasets.crops.pack import Pack
from datasets.human36m.cameras import JOINTS as HUMAN36M_JOINTS
from datasets.mpii.samples import JOINTS as MPII_JOINTS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Kinds = Mapping[str, Bools]
"""The members (N,) of each kind, by its name. A member of several counts for the first."""

FEWEST_LABELLED = 5
"""Joints, of people who are shown at all."""
CROWD = 5
"""Labelled joints of other people within a crop that make it crowded."""
MANY_HIDDEN, FEW_HIDDEN = 0.15, 0.12
"""Shares of a person's joints that are not labelled."""
TOUCHING = 2.0
"""Pixels between a box and the edge of the picture that it ends at."""
LEANING = 40.0
"""Degrees of the trunk from the vertical."""
UNUSUAL = 0.9
"""The share of poses that lie nearer to the mean pose than an unusual one."""
FACING, SIDEWAYS = 0.8, 0.4
"""How much of the shoulders' breadth is seen, at least and at most."""

ANYBODY = "people"
"""The kind of everybody, for sets that have none of the others."""


def select_rows(kinds: Kinds, each: int) -> dict[str, list[int]]:
    """Rows of at most `each` people of every kind, evenly spaced in the set; nobody twice.

    A kind without members is left out; if all are, people are taken whatever their kind.
    """
    selected: dict[str, list[int]] = {}
    free = np.ones(len(next(iter(kinds.values()))), bool)
    for kind, members in kinds.items():
        selected[kind] = evenly(np.flatnonzero(members & free), each)
        free &= ~members
    some = {kind: rows for kind, rows in selected.items() if rows}
    return some or {ANYBODY: evenly(np.arange(len(free)), each)}


def evenly(rows: NDArray[np.int64], count: int) -> list[int]:
    """At most `count` of the rows, from the middles of as many equal parts of them."""
    count = min(count, len(rows))
    return [int(rows[(2 * part + 1) * len(rows) // (2 * count)]) for part in range(count)]


def coco_kinds(pack: Pack) -> Kinds:
    """Whole and alone, in a crowd, cut off by the picture's edge, or with few labels otherwise."""
    hidden, shown = _hidden(pack), _shown(pack)
    crowded, cut = (some & shown for some in _surroundings(pack))
    many = shown & ~crowded & (hidden >= MANY_HIDDEN)
    return {
        "whole": shown & ~crowded & ~cut & (hidden <= FEW_HIDDEN),
        "crowded": crowded,
        "cut off": many & cut,
        "partly labelled": many & ~cut,
    }


def mpii_kinds(pack: Pack) -> Kinds:
    """Upright, leaning, with an arm up, or with few labels. MPII labels hidden joints like any others."""
    points, shown = pack.arrays["points"], _shown(pack)
    where = {name: points[:, index] for index, name in enumerate(MPII_JOINTS)}
    trunk = where["pelvis"] - where["thorax"]
    lean = np.degrees(np.abs(np.arctan2(trunk[:, 0], trunk[:, 1])))
    raised = np.minimum(where["left_wrist"], where["right_wrist"])[:, 1] < where["head_top"][:, 1]
    whole = shown & (_hidden(pack) <= FEW_HIDDEN)
    return {
        "upright": whole & ~raised & (lean < LEANING / 2),
        "leaning": whole & (lean >= LEANING),
        "arm up": whole & raised,
        "partly labelled": shown & (_hidden(pack) >= MANY_HIDDEN),
    }


def human36m_kinds(joints: Floats) -> Kinds:
    """By how the person stands to the camera, and poses far from the mean pose.

    Args:
        joints: (N, 17, 3) mm from the pelvis in the camera's frame: x right, y down, z away.
    """
    distance = np.linalg.norm(joints - joints.mean(0), axis=2).mean(1)
    unusual = distance > np.quantile(distance, UNUSUAL)
    left, right = (joints[:, HUMAN36M_JOINTS.index(f"{side}_shoulder")] for side in ("left", "right"))
    across = left - right
    breadth = across[:, 0] / np.maximum(np.linalg.norm(across, axis=1), 1e-9)
    return {
        "from the front": ~unusual & (breadth >= FACING),
        "from the side": ~unusual & (np.abs(breadth) <= SIDEWAYS),
        "from behind": ~unusual & (breadth <= -FACING),
        "unusual pose": unusual,
    }


def _surroundings(pack: Pack) -> tuple[Bools, Bools]:
    """(N,) whose crop holds joints of other people; and (N,) whose box ends at the picture's edge."""
    arrays = pack.arrays
    centre, side = np.split(arrays["options"][:, 0], 2, axis=1)
    tile = pack.tiles[:, 1:]
    edges = (
        np.where(centre - side / 2 < tile[:, :2], tile[:, :2], -np.inf),
        np.where(centre + side / 2 > tile[:, :2] + tile[:, 2:], tile[:, :2] + tile[:, 2:], np.inf),
    )
    crowded, cut = np.zeros((2, len(centre)), bool)
    for row, image in enumerate(arrays["image_id"]):
        here = np.flatnonzero(arrays["truth_image_id"] == image)
        points, known = arrays["truth_keypoints"][here, :, :2], arrays["truth_keypoints"][here, :, 2] > 0
        own = (points == arrays["points"][row]).all((1, 2))
        near = (np.abs(points - centre[row]) <= side[row] / 2).all(2)
        crowded[row] = (near & known)[~own].sum() >= CROWD
        low, extent = np.split(arrays["truth_box"][here[own]], 2, axis=1)
        cut[row] = (low < edges[0][row] + TOUCHING).any() or (low + extent > edges[1][row] - TOUCHING).any()
    return crowded, cut


def _shown(pack: Pack) -> Bools:
    """The larger half of the people, of those with enough labels."""
    height = pack.arrays["options"][:, 0, 3]
    enough = pack.arrays["labelled"].sum(1) >= FEWEST_LABELLED
    return np.asarray(enough & (height >= np.median(height)))


def _hidden(pack: Pack) -> Floats:
    return np.asarray(1 - pack.arrays["labelled"].mean(1))
