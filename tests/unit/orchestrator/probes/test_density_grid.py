"""Tabulated densities have the mass, the shape and the divergences that are known of them."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from models.density import gaussian, grid, laplace
from models.realnvp import RealNVP
from orchestrator.probes.base import ProbeError
from orchestrator.probes.density_grid import LogDensity, evaluate_at, tabulate
from tests.support.errors import refused
from tests.support.flows import log_s


def moved(density: LogDensity, place: float, scale: float) -> LogDensity:
    """The density of x · scale + place."""
    return lambda x: density((x - place) / scale) - 2 * math.log(scale)


@pytest.mark.parametrize("density", [laplace, gaussian], ids=["laplace", "gaussian"])
@pytest.mark.parametrize(("place", "scale"), [(0.0, 1.0), (3.0, 0.02), (-0.5, 40.0)])
def test_a_density_integrates_to_one_wherever_and_however_wide_it_is(
    density: object, place: float, scale: float
) -> None:
    table = tabulate(moved(density.log_prob, place, scale))  # type: ignore[attr-defined]
    assert table.integral == pytest.approx(1, abs=2e-3)
    for marginal in table.marginals:
        assert marginal.median == pytest.approx(place, abs=2e-3 * scale)
        assert marginal.quantile(1.0) > marginal.quantile(0.9) > marginal.quantile(0.1)


@pytest.mark.parametrize("seed", range(4))
def test_a_flow_integrates_to_one(seed: int) -> None:
    torch.manual_seed(seed)
    table = tabulate(RealNVP(layers=3, width=16).build(2).log_prob)
    assert table.integral == pytest.approx(1, abs=5e-3)


def test_the_integral_of_q_times_g_is_one_over_s() -> None:
    torch.manual_seed(0)
    flow = RealNVP(layers=3, width=16).build(2)
    expected = -log_s(flow, grid(laplace, 2, points_per_axis=800, low=-10, high=10))
    table = tabulate(lambda x: laplace.log_prob(x) + flow.log_prob(x))
    assert math.log(table.integral) == pytest.approx(expected.item(), abs=1e-2)


@pytest.mark.parametrize(("place", "scale"), [(0.0, 1.0), (3.0, 0.02)])
def test_shape_is_that_of_the_family_whatever_place_and_scale(place: float, scale: float) -> None:
    crease, bell = (tabulate(moved(q.log_prob, place, scale)).marginals[0] for q in (laplace, gaussian))
    quartile = 0.67448975  # of N(0, 1)
    gaussian_scale = quartile / math.log(2)
    assert crease.scale == pytest.approx(scale, rel=5e-3)
    assert bell.scale == pytest.approx(scale * gaussian_scale, rel=5e-3)
    assert crease.peak == pytest.approx(0.5, abs=5e-3)
    assert bell.peak == pytest.approx(gaussian_scale / math.sqrt(2 * math.pi), abs=5e-3)
    assert crease.slope == pytest.approx(1, abs=0.02)
    assert bell.slope == pytest.approx(gaussian_scale**2 * 0.1 / 2, abs=0.01)
    assert (crease.kurtosis, bell.kurtosis) == (pytest.approx(3, abs=0.02), pytest.approx(0, abs=0.02))
    assert crease.deviation == pytest.approx(scale, rel=5e-3)
    assert bell.variance == pytest.approx(scale**2, rel=5e-3)


def test_divergences_are_those_of_the_formulas() -> None:
    crease, bell = tabulate(laplace.log_prob), tabulate(gaussian.log_prob)
    assert crease.divergence(laplace.log_prob) == pytest.approx(0, abs=2e-3)
    # E log(laplace / gaussian) = -log 2 - 1 + (log 2 pi + E x²) / 2 in each coordinate, with E x² = 2.
    assert crease.divergence(gaussian.log_prob) == pytest.approx(
        math.log(2 * math.pi) - 2 * math.log(2), abs=5e-3
    )
    assert bell.divergence(laplace.log_prob) == pytest.approx(
        2 * (math.log(2) + math.sqrt(2 / math.pi)) - math.log(2 * math.pi * math.e), abs=5e-3
    )


def test_divergence_from_a_family_is_none_within_it_and_below_that_from_its_standard_member_outside() -> None:
    crease = tabulate(moved(laplace.log_prob, 2.0, 0.1))
    assert crease.divergence_from_laplace() == pytest.approx(0, abs=5e-3)
    assert crease.divergence(laplace.log_prob) > 1
    # The nearest Gaussian has the variance, 2: log(2 pi e 2) less the entropy 2 (log 2 + 1).
    standard = tabulate(laplace.log_prob)
    nearest = math.log(2 * math.pi * math.e * 2) - 2 * (math.log(2) + 1)
    assert standard.divergence_from_gaussian() == pytest.approx(nearest, abs=5e-3)
    assert nearest < standard.divergence(gaussian.log_prob)


def test_the_share_below_a_point_is_the_distribution_function() -> None:
    marginal = tabulate(gaussian.log_prob).marginals[1]
    at = np.linspace(-3, 3, 13)
    expected = [0.5 * (1 + math.erf(x / math.sqrt(2))) for x in at]
    np.testing.assert_allclose(marginal.cdf(at), expected, atol=2e-3)
    assert marginal.cdf(np.array([-1e9, 1e9])).tolist() == [0, 1]
    assert marginal.cdf(np.array(marginal.quantile(0.3))) == pytest.approx(0.3)


def test_the_map_is_the_density_in_units_of_scale_first_coordinate_first() -> None:
    def oblong(x: Tensor) -> Tensor:
        return gaussian.log_prob(torch.stack([x[:, 0] / 5, x[:, 1] - 7], 1)) - math.log(5)

    table = tabulate(oblong)
    units = np.array([0.0, 1.0])
    scale = 0.67448975 / math.log(2)
    across = math.exp(-(scale**2) / 2)
    expected = scale**2 / (2 * math.pi) * np.array([[1, across], [across, across**2]])
    np.testing.assert_allclose(table.at(units), expected, rtol=2e-2)
    assert [m.scale for m in table.marginals] == pytest.approx([5 * scale, scale], rel=5e-3)


def test_points_are_evaluated_one_by_one_however_many() -> None:
    points = np.random.default_rng(0).normal(size=(70_001, 2))
    np.testing.assert_allclose(
        evaluate_at(laplace.log_prob, points), -np.abs(points).sum(1) - math.log(4), atol=1e-5
    )


def test_what_is_no_density_is_refused() -> None:
    with refused("not-a-density", ProbeError):
        tabulate(lambda x: x[:, 0] * math.nan)
    with refused("not-a-density", ProbeError):
        tabulate(lambda x: x[:, 0] * 0 - math.inf)
