"""Kinds of people, by their annotations alone. Each data set has kinds of its own.

Shapes: N people of a pack.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from datasets.crops.pack import Pack

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Kinds = Mapping[str, Bools]
"""Who is of a kind (N,), by its name. Whoever is of several counts for the first."""

FEWEST_LABELLED = 5
"""Joints, of people who are large enough to show."""
MANY_HIDDEN, FEW_HIDDEN = 0.15, 0.12
"""Shares of a person's joints that nobody labelled."""


def large(pack: Pack) -> Bools:
    """The larger half of the people, of those with enough labels."""
    height = pack.arrays["options"][:, 0, 3]
    enough = pack.arrays["labelled"].sum(1) >= FEWEST_LABELLED
    return np.asarray(enough & (height >= np.median(height)))


def unlabelled_share(pack: Pack) -> Floats:
    """(N,) of a person's joints."""
    return np.asarray(1 - pack.arrays["labelled"].mean(1))
