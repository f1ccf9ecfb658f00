"""Kinds of COCO's people: whole, crowded, cut off, partly labelled.

Shapes: N people of a pack.
"""

import numpy as np

from datasets.base.kinds import FEW_HIDDEN, MANY_HIDDEN, Bools, Kinds, large, unlabelled_share
from datasets.crops.pack import Pack

CROWD = 5
"""Labelled joints of other people within a crop that make it crowded."""
TOUCHING = 2.0
"""Pixels between a box and the edge of the picture that it ends at."""


def coco_kinds(pack: Pack) -> Kinds:
    """Whole and alone, in a crowd, cut off by the picture's edge, or with few labels otherwise."""
    hidden, shown = unlabelled_share(pack), large(pack)
    crowded, cut = (found & shown for found in _surroundings(pack))
    many = shown & ~crowded & (hidden >= MANY_HIDDEN)
    return {
        "whole": shown & ~crowded & ~cut & (hidden <= FEW_HIDDEN),
        "crowded": crowded,
        "cut off": many & cut,
        "partly labelled": many & ~cut,
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
