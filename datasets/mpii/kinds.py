"""Kinds of MPII's people, by their poses.

Shapes: N people of a pack.
"""

import numpy as np

from datasets.base.kinds import FEW_HIDDEN, MANY_HIDDEN, Kinds, large, unlabelled_share
from datasets.crops.pack import Pack
from datasets.mpii.samples import JOINTS

LEANING = 40.0
"""Degrees of the trunk from the vertical."""


def mpii_kinds(pack: Pack) -> Kinds:
    """Upright, leaning, with an arm up, or with few labels. MPII labels hidden joints like any others."""
    points, shown = pack.arrays["points"], large(pack)
    where = {name: points[:, index] for index, name in enumerate(JOINTS)}
    trunk = where["pelvis"] - where["thorax"]
    lean = np.degrees(np.abs(np.arctan2(trunk[:, 0], trunk[:, 1])))
    raised = np.minimum(where["left_wrist"], where["right_wrist"])[:, 1] < where["head_top"][:, 1]
    whole = shown & (unlabelled_share(pack) <= FEW_HIDDEN)
    return {
        "upright": whole & ~raised & (lean < LEANING / 2),
        "leaning": whole & (lean >= LEANING),
        "arm up": whole & raised,
        "partly labelled": shown & (unlabelled_share(pack) >= MANY_HIDDEN),
    }
