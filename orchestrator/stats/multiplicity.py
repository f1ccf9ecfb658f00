"""Holm's correction over the claims of a table."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def holm(p: Floats) -> Floats:
    """Holm's adjusted p-values (Holm 1979): p (..., claims) -> (..., claims), each at most 1.

    With p-values of sequential tests this is the group-sequential Holm procedure (Maurer and Bretz 2013): a
    claim that is decided leaves its share of the level to those still open, at this look and at later ones.
    """
    order = np.argsort(p, axis=-1, kind="stable")
    count = p.shape[-1]
    products = np.take_along_axis(p, order, -1) * np.arange(count, 0, -1)
    adjusted = np.minimum(np.maximum.accumulate(products, axis=-1), 1.0)
    found = np.empty_like(adjusted)
    np.put_along_axis(found, order, adjusted, -1)
    return found
