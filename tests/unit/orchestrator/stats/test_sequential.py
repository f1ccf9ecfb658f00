"""Repeated t-tests keep their level: against published and simulated values, and Student's t itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from orchestrator.stats.sequential import critical_values, interval, p_values, spent

LOOKS = (4, 7, 12, 20)


def t_statistics(x: NDArray[np.float64], looks: tuple[int, ...]) -> NDArray[np.float64]:
    """(samples, looks) of `x` (samples, seeds)."""
    return np.stack(
        [x[:, :n].mean(1) / (x[:, :n].std(1, ddof=1) / np.sqrt(n)) for n in looks],
        axis=1,
    )


@pytest.mark.parametrize(
    ("level", "expected"), [(0.05, (5.86, 3.81, 2.87, 2.40)), (0.01, (10.3, 5.37, 3.85, 3.20))]
)
def test_critical_values_are_those_of_two_million_simulated_tests(
    level: float, expected: tuple[float, ...]
) -> None:
    np.testing.assert_allclose(critical_values(level, LOOKS), expected, rtol=0.015)


@given(st.integers(2, 40), st.sampled_from([0.2, 0.05, 0.001]), st.sampled_from([1, 2]))
def test_one_look_at_the_most_seeds_is_students_t(seeds: int, level: float, sides: int) -> None:
    (value,) = critical_values(level, [seeds], most=seeds, sides=sides)  # type: ignore[arg-type]
    assert value == pytest.approx(stats.t.isf(level / sides, seeds - 1))


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("looks", [LOOKS, (3, 5), (2, 3, 4, 5, 6), (5, 20)])
def test_of_many_null_samples_the_level_is_the_share_that_any_look_rejects(
    looks: tuple[int, ...], sides: int
) -> None:
    level, samples = 0.05, 40_000
    t = t_statistics(np.random.default_rng(0).normal(size=(samples, looks[-1])), looks)
    values = critical_values(level, looks, sides=sides)  # type: ignore[arg-type]
    wrong = ((np.abs(t) if sides == 2 else t) >= values).any(1).mean()
    allowed = spent(level, looks[-1])
    assert wrong == pytest.approx(allowed, abs=4 * np.sqrt(allowed / samples))


def test_looks_beyond_the_most_seeds_have_nothing_left_to_spend() -> None:
    values = critical_values(0.05, (4, 20, 25))
    assert values[-1] == np.inf
    assert values[:2] == critical_values(0.05, (4, 20))


@given(st.lists(st.floats(-8, 8), min_size=4, max_size=4), st.sampled_from([1, 2]))
def test_a_p_value_is_below_a_level_where_some_look_rejects_at_it(t: list[float], sides: int) -> None:
    p = p_values(np.array(t), LOOKS, sides=sides)  # type: ignore[arg-type]
    for level in (0.01, 0.05):
        values = critical_values(level, LOOKS, sides=sides)  # type: ignore[arg-type]
        rejected = any((abs(a) if sides == 2 else a) >= c for a, c in zip(t, values, strict=True))
        if abs(p / level - 1) > 0.002:
            assert (p < level) == rejected


def test_the_p_value_of_a_single_planned_look_is_the_usual_one() -> None:
    assert p_values(np.array([2.5]), [8], most=8) == pytest.approx(2 * stats.t.sf(2.5, 7), rel=1e-3)
    assert p_values(np.array([2.5]), [8], most=8, sides=1) == pytest.approx(stats.t.sf(2.5, 7), rel=1e-3)


def test_a_further_look_never_raises_a_p_value() -> None:
    assert p_values(np.array([7.0, 0.1]), [4, 7]) == pytest.approx(p_values(np.array([7.0]), [4]), rel=2e-3)


def test_repeated_intervals_cover_the_truth_at_all_looks_together() -> None:
    x = np.random.default_rng(1).normal(0.7, 2.0, size=(3000, 20))
    covered = 0
    for row in x[:1000]:
        means = [row[:n].mean() for n in LOOKS]
        errors = [row[:n].std(ddof=1) / np.sqrt(n) for n in LOOKS]
        low, high = interval(means, errors, LOOKS, 0.05)
        covered += low <= 0.7 <= high
    assert covered / 1000 == pytest.approx(0.95, abs=0.025)


def test_an_interval_excludes_zero_exactly_where_the_test_rejects() -> None:
    for shift in (0.2, 0.9, 1.5, 3.0):
        row = np.random.default_rng(2).normal(shift, 1.0, 20)
        means = [row[:n].mean() for n in LOOKS]
        errors = [row[:n].std(ddof=1) / np.sqrt(n) for n in LOOKS]
        p = p_values(np.array(means) / np.array(errors), LOOKS)
        low, high = interval(means, errors, LOOKS, 0.05)
        assert (p <= 0.05) == (not low < 0 < high)


@pytest.mark.parametrize("looks", [(), (1, 3), (4, 4), (7, 4)])
def test_looks_that_do_not_rise_from_two_seeds_are_refused(looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        critical_values(0.05, looks)
