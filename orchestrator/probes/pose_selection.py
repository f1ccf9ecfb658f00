"""Which people of a validation set are drawn. Annotations decide it, and no prediction."""

import numpy as np
from numpy.typing import NDArray

from datasets.base.kinds import Kinds

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
