"""Holm's correction against a case worked by hand and against its definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.stats.multiplicity import holm

P = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_a_case_worked_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


@given(P)
def test_stepping_down_rejects_what_the_adjusted_values_reject(p: list[float]) -> None:
    level, rejected, left = 0.05, set[int](), list(range(len(p)))
    while left:
        smallest = min(left, key=lambda index: p[index])
        if p[smallest] * len(left) > level:
            break
        rejected.add(smallest)
        left.remove(smallest)
    # Ties are rejected together, or not at all: the adjusted values of equals are equal.
    assert {p[index] for index in rejected} == {p[i] for i in np.flatnonzero(holm(np.array(p)) <= level)}


@given(st.lists(P.map(lambda p: [*p, *[1.0] * (8 - len(p))]), min_size=1, max_size=4))
def test_many_tables_at_once_are_as_one_by_one(tables: list[list[float]]) -> None:
    np.testing.assert_array_equal(holm(np.array(tables)), [holm(np.array(p)) for p in tables])
