"""Fronts, their order and their area."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.search.ranking import Values, front, hypervolume, ranked

whole = st.integers(-5, 5).map(float)
pairs = st.lists(st.none() | st.tuples(whole, whole), max_size=12)


@given(st.lists(st.none() | st.tuples(whole), max_size=12))
def test_of_one_aim_the_highest_is_the_best_and_no_result_the_worst(values: list[Values | None]) -> None:
    order = ranked(values)
    assert sorted(order) == list(range(len(values)))
    found = [-99.0 if (value := values[place]) is None else value[0] for place in order]
    assert found == sorted(found, reverse=True)


@given(pairs)
def test_of_two_aims_nothing_comes_before_what_is_better_in_both(values: list[Values | None]) -> None:
    order = ranked(values)
    assert sorted(order) == list(range(len(values)))
    known = [value for place in order if (value := values[place]) is not None]
    assert [values[place] for place in order[: len(known)]] == known
    for place, value in enumerate(known):
        assert not any(all(a > b for a, b in zip(late, value, strict=True)) for late in known[place:])


@given(pairs)
def test_a_front_is_what_the_order_begins_with(values: list[Values | None]) -> None:
    best = front(values)
    assert set(ranked(values)[: len(best)]) == set(best)


def test_the_ends_of_a_front_come_first_then_what_has_most_room() -> None:
    values = [(0.0, 10.0), (4.0, 4.0), (5.0, 3.0), (10.0, 0.0)]
    assert ranked(values) == [0, 3, 1, 2]


@pytest.mark.parametrize(
    ("values", "area"),
    [
        ([], 0.0),
        ([(1.0, 1.0)], 1.0),
        ([(1.0, 2.0), (2.0, 1.0)], 3.0),
        ([(1.0, 2.0), (2.0, 1.0), (0.5, 0.5), (-1.0, 9.0)], 3.0),
    ],
)
def test_the_hypervolume_of_known_fronts(values: list[Values], area: float) -> None:
    assert hypervolume(values, (0.0, 0.0)) == area


@given(st.lists(st.tuples(whole, whole), max_size=8), st.tuples(whole, whole))
def test_the_hypervolume_counts_the_cells_of_a_grid(values: list[Values], more: Values) -> None:
    reference = (-5.0, -5.0)
    cells = {(x, y) for a, b in values for x in range(-5, int(a)) for y in range(-5, int(b))}
    assert hypervolume(values, reference) == len(cells)
    assert hypervolume([*values, more], reference) >= len(cells)


def test_of_one_aim_it_is_the_best_value() -> None:
    assert hypervolume([(3.0,), (1.0,)], (-1.0,)) == 4.0
