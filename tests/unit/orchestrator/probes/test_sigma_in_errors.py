"""What a predicted scale means in errors."""

import math

import pytest
import torch

from models.objectives import DLE, L1, RLE, CorrelatedGaussian, LearnedScale, UltralyticsRLE, WeightedSum
from models.realnvp import RealNVP
from orchestrator.probes.sigma_in_errors import SHARE, half_widths, log_densities


def test_of_a_fixed_density_it_is_the_quantile() -> None:
    assert half_widths(LearnedScale(density="gaussian").build(2), 2) == pytest.approx([1, 1], abs=0.02)
    assert half_widths(LearnedScale().build(2), 2) == pytest.approx([-math.log(1 - SHARE)] * 2, abs=0.02)


def identity(objective: DLE | RLE | UltralyticsRLE) -> torch.nn.Module:
    """With a flow that does nothing: G is the standard Gaussian."""
    module = objective.build(2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    return module


def test_of_dle_it_is_the_flows() -> None:
    assert half_widths(identity(DLE(flow=RealNVP(width=4))), 2) == pytest.approx([1, 1], abs=0.02)


@pytest.mark.parametrize(
    ("objective", "rate"),
    [
        (RLE(), 1.0),
        (RLE(convention="official"), 1 / math.sqrt(2)),
        (RLE(convention="mmpose"), 1.0),
        (UltralyticsRLE(), 1.0),
    ],
)
def test_of_rle_it_is_that_of_the_product_with_q(objective: RLE | UltralyticsRLE, rate: float) -> None:
    # exp(-x² / 2 - rate |x|) is a Gaussian about -rate, cut off at 0, on either side.
    gaussian = torch.distributions.Normal(0.0, 1.0)
    tail = 1 - gaussian.cdf(torch.tensor(rate))
    expected = gaussian.icdf(1 - (1 - SHARE) * tail) - rate
    assert half_widths(identity(objective), 2) == pytest.approx([float(expected)] * 2, rel=0.02)


def test_a_gaussian_q_makes_the_product_narrower() -> None:
    found = half_widths(identity(RLE(density="gaussian")), 2)
    assert found == pytest.approx([math.sqrt(0.5)] * 2, rel=0.02)


def test_of_a_sum_it_is_that_of_the_term_with_a_density() -> None:
    both = WeightedSum(terms=((1, L1()), (0.5, LearnedScale(density="gaussian"))))
    assert half_widths(both.build(3), 3) == pytest.approx([1, 1, 1], abs=0.02)


def test_without_a_density_there_is_none() -> None:
    assert half_widths(L1().build(2), 2) is None


def test_a_correlated_gaussian_has_the_widths_of_its_coordinates_and_a_conditioned_flow_none_for_all() -> (
    None
):
    assert half_widths(CorrelatedGaussian().build(2), 2) == pytest.approx([1, 1], abs=0.02)
    conditioned = RLE(flow=RealNVP(width=4, context=3)).build(2)
    assert half_widths(conditioned, 2) is None
    assert log_densities(conditioned) == {}
