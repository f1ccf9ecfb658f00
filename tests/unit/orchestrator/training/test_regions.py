"""Split conformal prediction covers what it promises, exactly, and so do regions made of it."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from orchestrator.training.checkpoint_content import Progress, Spread
from orchestrator.training.regions import (
    LEVELS,
    Held,
    Regions,
    conformal_quantile,
    fit_regions,
    mean_scale,
    measure_regions,
    share_held,
)

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


def drawn(samples: int, seed: int = 0) -> Drawn:
    """Heavy-tailed errors whose scale is said wrongly, more so for some of five points and for small ones."""
    rng = np.random.default_rng(seed)
    sigma = np.exp(rng.uniform(-4, -1, (samples, 5, 2)))
    wrong = np.array([0.3, 0.7, 1, 2, 4])[:, None] * mean_scale(sigma)[..., None] ** 0.5
    return rng.standard_t(4, sigma.shape) * sigma * wrong, sigma, np.ones_like(sigma)


@given(st.lists(st.integers(), min_size=2, max_size=60, unique=True), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_each_of_n_plus_1_left_out_once_is_covered_as_often_as_promised(
    values: list[int], level: float
) -> None:
    n = len(values) - 1
    all_of_them = np.array(values, float)
    inside = [
        all_of_them[i] <= conformal_quantile(np.delete(all_of_them, i), level) for i in range(len(values))
    ]
    rank = math.ceil(round((n + 1) * level, 9))
    assert sum(inside) == (rank if rank <= n else n + 1)
    assert level <= sum(inside) / (n + 1) + 1e-9
    assert rank > n or sum(inside) / (n + 1) < level + 1 / (n + 1)


def test_too_few_values_hold_nothing_short_of_everything() -> None:
    assert conformal_quantile(np.arange(8.0), 0.9) == math.inf
    assert conformal_quantile(np.arange(9.0), 0.9) == 8


def test_regions_hold_of_new_samples_in_all_for_the_worst_quarter_and_for_the_worst_point() -> None:
    regions = fit_regions(*drawn(1200))
    assert regions is not None
    error, sigma, weight = drawn(4000, seed=1)
    for level in LEVELS:
        inside = np.linalg.norm(error / regions.half_axes(sigma, level), axis=-1) <= 1
        found = share_held(inside, sigma, weight.all(-1))
        assert found.coverage == pytest.approx(level / 100, abs=0.02)
        assert found.worst_quarter == pytest.approx(level / 100, abs=0.03)
        assert found.worst_point > level / 100 - 0.05
    naive = np.linalg.norm(error / sigma, axis=-1)
    common = naive <= conformal_quantile(naive.ravel(), 0.9)
    assert share_held(common, sigma, weight.all(-1)).worst_point < 0.75


def test_what_one_half_holds_of_the_other_is_what_new_samples_see() -> None:
    measured = measure_regions(*drawn(1200))
    assert measured is not None
    assert measured.held is not None
    error, sigma, weight = drawn(4000, seed=1)
    inside = np.linalg.norm(error / measured.half_axes(sigma, 90), axis=-1) <= 1
    found = share_held(inside, sigma, weight.all(-1))
    assert measured.held.coverage == pytest.approx(found.coverage, abs=0.02)
    assert measured.held.worst_quarter == pytest.approx(found.worst_quarter, abs=0.04)
    assert measured.held.worst_point == pytest.approx(found.worst_point, abs=0.05)


def test_a_scale_that_is_another_multiple_gives_the_same_regions() -> None:
    error, sigma, weight = drawn(400)
    one, other = (fit_regions(error, k * sigma, weight) for k in (1.0, 10.0))
    assert one is not None
    assert other is not None
    assert other.half_axes(10 * sigma, 90) == pytest.approx(one.half_axes(sigma, 90))


def test_what_is_not_labelled_counts_nowhere() -> None:
    error, sigma, weight = drawn(600)
    weight[::3, 1] = 0
    poisoned = np.where(weight > 0, error, np.nan)
    assert fit_regions(poisoned, sigma, weight) == fit_regions(np.where(weight > 0, error, 7), sigma, weight)


def test_a_point_with_few_labels_has_the_factor_of_all() -> None:
    error, sigma, weight = drawn(600)
    weight[40:, 0] = 0
    regions = fit_regions(error, sigma, weight)
    assert regions is not None
    every = np.linalg.norm((error / sigma)[::2], axis=-1)[weight[::2].all(-1)]
    assert regions.temperatures[1][0] == conformal_quantile(every, 0.9)


def test_one_scale_for_all_points_has_regions_too() -> None:
    error, sigma, weight = drawn(600)
    regions = measure_regions(error, np.full_like(sigma, 0.1), weight)
    assert regions is not None
    assert regions.held is not None
    assert regions.held.coverage == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("samples", [0, 1, 2])
def test_few_samples_have_no_regions(samples: int) -> None:
    assert measure_regions(*drawn(samples)) is None


def test_regions_come_back_from_a_checkpoint() -> None:
    regions = fit_regions(*drawn(400))
    assert isinstance(regions, Regions)
    measured = replace(regions, held=Held(0.9, 0.88, 0.86))
    progress = Progress(epoch=1, spread=Spread((1.0, 2.0), 0.7, 10, 20, measured))
    assert TypeAdapter(Progress).validate_python(json.loads(json.dumps(asdict(progress)))) == progress
