"""Verdicts at several looks: what they ask for, what stays decided, and intervals that agree with them."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.hypothesis_tests import judge
from orchestrator.stats.verdict import Verdict
from tests.support.claims import cell, declared, equivalent, greater, verdicts


def at_looks(
    claims: Sequence[Any], looks: tuple[int, ...], pending: frozenset[int] = frozenset(), **rows: Any
) -> tuple[Verdict, ...]:
    declaration = declared(claims, looks[-1], rows, looks)
    cells = {(row, "AP"): replace(cell(rows[row]), pending=pending) for row in rows}
    return judge(declaration, FilledTable(declaration, cells, {}, (), ()))


def test_an_early_look_asks_for_more_than_the_whole_level_would() -> None:
    values = {"a": [2.0, 2.6, 2.2, 3.9], "b": [0.0, 0.0, 0.0, 0.0]}
    t = float(np.mean(values["a"])) / (float(np.std(values["a"], ddof=1)) / 2)
    assert 4.3 < t < 6.5
    (alone,) = verdicts([greater()], 4, **values)
    (early,) = at_looks([greater()], (4,), **values)
    assert alone.verdict == "supported"
    assert early.p == pytest.approx(5 * (alone.p or 0))  # a fifth of the level may be spent at 4 of 20 seeds
    assert early.verdict == ("supported" if t >= 5.86 else "undecided")
    assert "adjusted for a look after 4 of up to 20 seeds" in early.sentence


def test_what_an_early_look_decided_stays_decided() -> None:
    decided = [5.0, 5.1, 4.9, 5.05]
    later = [*decided, -3.0, 4.0, -9.0]
    (first,) = at_looks([greater()], (4,), a=decided, b=[0.0] * 4)
    (second,) = at_looks([greater()], (4, 7), a=later, b=[0.0] * 7)
    assert first.verdict == second.verdict == "supported"
    assert second.looks == (4, 7)


def test_a_row_that_got_no_further_seeds_is_not_looked_at_again() -> None:
    (said,) = at_looks([greater()], (4, 7, 12), a=[5.0, 5.1, 4.9, 5.05], b=[0.0] * 12)
    assert (said.looks, said.n) == ((4,), 4)


def test_a_look_waits_for_all_of_its_seeds() -> None:
    a, b = {0: 5.0, 1: 5.1, 2: 4.9}, {0: 0.0, 1: 0.0, 2: 0.0}
    (said,) = at_looks([greater()], (4,), frozenset({3}), a=a, b=b)
    assert (said.verdict, said.p) == ("undecided", None)
    assert "first tested after 4 seeds, of which 3 are not finished" in said.sentence


def test_an_open_claim_at_the_last_look_says_between_what_the_difference_lies() -> None:
    a = [1.0, -0.9] * 10
    (said,) = at_looks([greater()], (4, 7, 12, 20), a=a, b=[0.0] * 20)
    assert said.verdict == "undecided"
    assert said.seeds_needed is None
    assert "no verdict within 20 seeds, the difference lies between" in said.sentence


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.6, 1.2, 3.0]))
def test_intervals_exclude_a_bound_exactly_where_a_claim_is_decided(seed: int, shift: float) -> None:
    random = np.random.default_rng(seed)
    rows = {name: random.normal(shift, 1.0, 12).tolist() for name in "acd"}
    claims = [greater(), greater("c", "b"), greater("d", "b"), equivalent(1.5, "a", "b")]
    for said in at_looks(claims, (4, 7, 12), b=[0.0] * 12, **rows):
        assert said.low is not None
        assert said.high is not None
        inside = (-1.5, 1.5) if "as good as" in said.claim else (0.0, math.inf)
        if abs((said.p_holm or 0) / 0.05 - 1) < 0.01:
            continue
        if said.verdict == "supported":
            assert inside[0] < said.low
            assert said.high < inside[1]
        elif said.verdict == "contradicted":
            assert said.high < inside[0] or said.low > inside[1]
        else:
            assert said.low <= inside[0] or said.high >= inside[1]
