"""Widths of errors in units of sigma: what they hold of errors that they were not fitted on."""

import numpy as np
import pytest

from orchestrator.training.spread import SHARE, measure_spread

N, P = 400, 5


def drawn(seed: int, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gaussian errors `scale` times as wide as sigma says, and all labelled."""
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0.01, 0.1, (N, P, 2)).astype(np.float32)
    error = (rng.standard_normal((N, P, 2)) * sigma * scale).astype(np.float32)
    return error, sigma, np.ones_like(error)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_whatever_sigma_is_worth_the_widths_hold_their_share_of_new_errors(scale: float) -> None:
    spread = measure_spread(*drawn(0, scale))
    assert spread is not None
    assert spread.half_widths == pytest.approx((scale, scale), rel=0.08)
    assert spread.coverage == pytest.approx(SHARE, abs=0.03)
    assert (spread.samples, spread.points) == (N, N * P)
    error, sigma, _ = drawn(1, scale)
    held = np.abs(error) <= sigma * np.array(spread.half_widths)
    assert held.mean() == pytest.approx(SHARE, abs=0.03)


def test_each_coordinate_has_its_width() -> None:
    error, sigma, weight = drawn(0, 1.0)
    spread = measure_spread(error * np.array([1, 3], np.float32), sigma, weight)
    assert spread is not None
    assert spread.half_widths[1] == pytest.approx(3 * spread.half_widths[0], rel=0.15)


def test_where_the_halves_differ_the_coverage_says_so() -> None:
    error, sigma, weight = drawn(0, 1.0)
    error[N // 2 :] *= 20
    spread = measure_spread(error, sigma, weight)
    assert spread is not None
    assert spread.coverage < 0.6


def test_what_has_no_label_counts_for_nothing() -> None:
    error, sigma, weight = drawn(0, 1.0)
    weight[:, 0] = 0
    error[:, 0] = np.nan
    spread = measure_spread(error, sigma, weight)
    assert spread is not None
    assert spread.points == N * (P - 1)
    assert spread.half_widths == pytest.approx((1, 1), rel=0.1)


@pytest.mark.parametrize("labelled", [0, 1, N // 2])
def test_without_labels_in_both_halves_nothing_is_said(labelled: int) -> None:
    error, sigma, weight = drawn(0, 1.0)
    weight[labelled:] = 0
    assert measure_spread(error, sigma, weight) is None
    assert measure_spread(error, None, weight) is None


def test_few_samples_promise_no_more_than_they_can_hold() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(300):
        ratio = np.abs(rng.standard_normal((7, 1, 1)))
        spread = measure_spread(ratio[:6], np.ones((6, 1, 1)), np.ones((6, 1, 1)))
        assert spread is not None
        held.append(ratio[6, 0, 0] <= spread.half_widths[0])
    assert np.mean(held) == pytest.approx(5 / 7, abs=0.06)  # the least rank of 6 that holds 68 % of 7
