"""Labels beside lines keep their order and do not overlap."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.figures.label_placement import spread


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.5, 9)), min_size=1, max_size=10),
)
def test_spread_labels_keep_their_order_and_bounds_and_do_not_overlap(
    wished: list[tuple[float, float]],
) -> None:
    centres, heights = zip(*wished, strict=True)
    placed = spread(centres, heights, 0.0, 100.0)
    order = sorted(range(len(centres)), key=lambda index: centres[index])
    for below, above in pairwise(order):
        assert placed[above] - placed[below] >= (heights[above] + heights[below]) / 2 - 1e-6
    for centre, height in zip(placed, heights, strict=True):
        assert height / 2 - 1e-6 <= centre <= 100 - height / 2 + 1e-6


@given(st.lists(st.integers(1, 99), min_size=1, max_size=20, unique=True))
def test_labels_that_do_not_overlap_stay_where_they_want_to_be(centres: list[int]) -> None:
    placed = spread([float(centre) for centre in centres], [1.0] * len(centres), 0.0, 100.0)
    assert placed == pytest.approx(centres)


def test_two_labels_at_one_place_move_apart_by_half_their_height_each() -> None:
    assert spread([50.0, 50.0], [4.0, 4.0], 0.0, 100.0) == pytest.approx([48.0, 52.0])
