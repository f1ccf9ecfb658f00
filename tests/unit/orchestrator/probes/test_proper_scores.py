"""Scores are those that are known of Laplace and Gaussian densities, from tables and from samples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from models.density import gaussian, laplace
from orchestrator.probes.density_grid import Floats, tabulate
from orchestrator.probes.proper_scores import sample_scores, table_scores
from orchestrator.training.runtime import CPU

LAPLACE, GAUSSIAN = (tabulate(q.log_prob) for q in (laplace, gaussian))


def crps_laplace(x: Floats) -> Floats:
    """Of the standard Laplace density (Jordan et al., 2019)."""
    return np.abs(x) + np.exp(-np.abs(x)) - 0.75


def crps_gaussian(x: Floats) -> Floats:
    """Of N(0, 1) (Gneiting and Raftery, 2007, Eq. 21)."""
    return x * (2 * norm.cdf(x) - 1) + 2 * norm.pdf(x) - 1 / math.sqrt(math.pi)


@given(st.floats(-200, 200))
def test_crps_of_a_table_is_the_closed_form(x: float) -> None:
    at = np.array([x])
    for axis in (0, 1):
        assert LAPLACE.marginals[axis].crps(at) == pytest.approx(crps_laplace(at), abs=2e-3)
        assert GAUSSIAN.marginals[axis].crps(at) == pytest.approx(crps_gaussian(at), abs=2e-3)


@given(st.floats(-6, 6), st.floats(-6, 6))
def test_the_level_is_the_mass_where_the_density_is_higher(u: float, v: float) -> None:
    r, d = abs(u) + abs(v), math.hypot(u, v)
    found = [
        t.level(np.array([p]))
        for t, p in ((LAPLACE, -r - 2 * math.log(2)), (GAUSSIAN, -(d**2) / 2 - math.log(2 * math.pi)))
    ]
    assert found[0] == pytest.approx(1 - (1 + r) * math.exp(-r), abs=6e-3)
    assert found[1] == pytest.approx(1 - math.exp(-(d**2) / 2), abs=6e-3)


def test_a_laplace_at_its_truth_has_the_likelihood_of_its_peak() -> None:
    sigma = np.array([[0.1, 0.2], [3.0, 0.5]])
    found = table_scores(laplace.log_prob, np.zeros((2, 2)), sigma, CPU)
    assert found.nll == pytest.approx(np.log(2 * sigma).sum(1), abs=2e-3)
    assert found.crps == pytest.approx(0.25 * sigma, rel=1e-2)
    assert found.level == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_regions_of_a_calibrated_model_hold_what_they_say_and_no_other_scores_as_well(factor: float) -> None:
    rng = np.random.default_rng(0)
    sigma = np.exp(rng.uniform(-3, 0, (20_000, 2)))
    error = sigma * rng.laplace(size=sigma.shape)
    found = table_scores(laplace.log_prob, error / (factor * sigma), factor * sigma, CPU)
    right = table_scores(laplace.log_prob, error / sigma, sigma, CPU)
    covered = [100 * float((found.level <= level).mean()) for level in (0.5, 0.9)]
    if factor == 1:
        assert covered == pytest.approx([50, 90], abs=1.2)
        assert found.nll.mean() == pytest.approx((1 + np.log(2 * sigma)).sum(1).mean(), abs=0.02)
        assert found.crps.mean() == pytest.approx(0.75 * sigma.mean(), rel=0.02)  # E[|x| + exp(-|x|)] - 3/4
    else:
        assert (covered[1] < 85) == (factor < 1)
        assert found.nll.mean() > right.nll.mean() + 0.05
        assert found.crps.mean() > 1.02 * right.crps.mean()


def test_samples_score_as_the_table_of_their_density() -> None:
    rng = np.random.default_rng(0)
    x = np.array([[0.0, 0.0], [1.0, -0.5], [-2.0, 2.5]])
    samples = rng.normal(size=(3, 20_000, 2))
    log_samples, log_p = (norm.logpdf(v).sum(-1) for v in (samples, x))
    table = table_scores(gaussian.log_prob, x, np.ones_like(x), CPU)
    found = sample_scores(x, log_p, samples, log_samples, np.ones(log_samples.shape))
    assert found.nll == pytest.approx(table.nll, abs=2e-3)
    assert found.crps == pytest.approx(table.crps, abs=0.03)
    assert found.level == pytest.approx(table.level, abs=0.02)


def test_weights_make_samples_of_g_those_of_a_product_with_q() -> None:
    rng = np.random.default_rng(0)
    x = np.array([[0.3, -1.0]])
    samples = rng.normal(size=(1, 40_000, 2))
    q = norm.pdf(samples).prod(-1)
    narrow = norm(scale=math.sqrt(0.5))  # the product of two standard Gaussians
    found = sample_scores(x, narrow.logpdf(x).sum(-1), samples, narrow.logpdf(samples).sum(-1), q)
    root = math.sqrt(0.5)
    assert found.crps == pytest.approx(root * crps_gaussian(x / root), abs=0.02)
    assert found.level == pytest.approx(1 - math.exp(-float((x**2).sum())), abs=0.02)


def test_few_samples_do_not_make_the_score_larger_on_average() -> None:
    rng = np.random.default_rng(0)
    x, samples = rng.normal(size=(4000, 2)), rng.normal(size=(4000, 8, 2))
    zeros = np.zeros((4000, 8))
    found = sample_scores(x, zeros[:, 0], samples, zeros, np.ones((4000, 8)))
    assert found.crps.mean() == pytest.approx(1 / math.sqrt(math.pi), abs=0.03)  # E of crps_gaussian
