"""The search for pieces finds what numpy's finds, wherever pieces end and samples lie."""

from collections.abc import Sequence

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.flow_kernels.evaluate import BUCKETS, _divide, _locate
from models.flow_kernels.types import Doubles, Places


@numba.njit
def found(c: Doubles, ends: Doubles, number: int) -> Places:
    """The pieces of samples among the first `number` of padded ends."""
    size = BUCKETS * (number + 1)
    first, count, piece = np.empty(size, np.uint32), np.empty(size, np.uint32), np.empty(len(c), np.uint32)
    division = _divide(ends, number, first, count)
    _locate(c, ends, number + 1, division, first, piece)
    return piece


def check(c: Sequence[float], ends: Sequence[float]) -> None:
    ascending = np.sort(np.array(ends, np.float64))
    padded = np.concatenate([ascending, np.full(2 * len(ends) + 6, np.inf)])
    samples = np.array(c, np.float64)
    np.testing.assert_array_equal(found(samples, padded, len(ends)), np.searchsorted(ascending, samples))


places = st.floats(-1e60, 1e60) | st.floats(-3, 3) | st.sampled_from([0.0, 1.0, -1e60, 1e60, 1e-300])


@given(st.lists(places, max_size=40), st.lists(places, min_size=1, max_size=40))
def test_any_ends_and_samples(ends: list[float], c: list[float]) -> None:
    check([*c, *ends], ends)


@given(st.floats(-100, 100), st.floats(1e-12, 1e3), st.integers(1, 200))
def test_samples_at_ends_and_beside_them(centre: float, width: float, number: int) -> None:
    ends = centre + width * np.linspace(-1, 1, number) ** 3
    check(np.concatenate([ends, np.nextafter(ends, np.inf), np.nextafter(ends, -np.inf)]), list(ends))


@pytest.mark.parametrize("together", [3, 7, 8, 50])
def test_many_ends_in_one_place(together: int) -> None:
    ends = [*np.linspace(-5, 5, 30), *[0.25] * together]
    check([*np.linspace(-6, 6, 400), 0.25, np.nextafter(0.25, 1), np.nextafter(0.25, 0)], ends)


def test_what_is_no_number_has_a_piece() -> None:
    ends = np.array([-1.0, 0.0, 1.0, *[np.inf] * 16])
    assert (found(np.array([np.nan, np.inf, -np.inf]), ends, 3) <= 3).all()
