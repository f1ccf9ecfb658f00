"""Base densities are what their names say, and s normalises Q · G."""

import math

import pytest
import torch
from torch import Tensor

from models.density import DENSITIES, Density, DensityName, gaussian, grid, laplace, samples
from models.errors import ConfigError
from models.realnvp import RealNVP, RealNVPNet
from tests.support.errors import refused
from tests.support.flows import log_s

REFERENCES: dict[DensityName, torch.distributions.Distribution] = {
    "laplace": torch.distributions.Laplace(0.0, 1.0),
    "gaussian": torch.distributions.Normal(0.0, 1.0),
}


def identity(dim: int) -> RealNVPNet:
    """G = N(0, I): all parameters zero make s = tanh(0) = 0 and t = 0."""
    flow = RealNVP(width=4).build(dim).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.zero_()
    return flow


def draws(q: Density, n: int, dim: int, seed: int = 0) -> Tensor:
    return q.sample(n, dim, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", list(DENSITIES))
def test_log_prob_sums_the_coordinates_log_densities(name: DensityName) -> None:
    x = 3 * torch.randn(50, 3)
    expected = REFERENCES[name].log_prob(x).sum(1)
    torch.testing.assert_close(DENSITIES[name].log_prob(x), expected)


@pytest.mark.parametrize("name", list(DENSITIES))
def test_samples_follow_the_distribution_function(name: DensityName) -> None:
    x = draws(DENSITIES[name], 100_000, 2)
    assert x.shape == (100_000, 2)
    for at in (-2.0, -0.5, 0.0, 0.7, 3.0):
        expected = float(REFERENCES[name].cdf(torch.tensor(at)))
        share = (x <= at).float().mean(0)
        torch.testing.assert_close(share, torch.full((2,), expected), atol=0.006, rtol=0)


def test_grid_takes_right_end_points() -> None:
    nodes, _ = grid(laplace, 2)
    assert nodes.shape == (400, 2)
    assert nodes.min() == -4.5
    assert nodes.max() == 5.0


@pytest.mark.parametrize(("q", "integral"), [(laplace, 1.028), (gaussian, 1.000)])
def test_weights_of_the_grid_of_20_add_up_to_the_known_integral(q: Density, integral: float) -> None:
    assert float(grid(q, 2).log_weights.exp().sum()) == pytest.approx(integral, abs=5e-4)


def test_log_s_of_the_identity_flow_on_20_points_is_the_known_value() -> None:
    assert log_s(identity(2), grid(laplace, 2)).item() == pytest.approx(2.62, abs=5e-3)


def test_log_s_of_the_identity_flow_on_a_fine_grid_is_the_closed_form() -> None:
    # The integral of exp(-|x|) / 2 · N(x; 0, 1) is sqrt(e) · Phi(-1), in each coordinate.
    expected = -2 * (0.5 + math.log(float(REFERENCES["gaussian"].cdf(torch.tensor(-1.0)))))
    assert log_s(identity(2), grid(laplace, 2, points_per_axis=400)).item() == pytest.approx(
        expected, abs=1e-3
    )


@pytest.mark.parametrize("q", [laplace, gaussian], ids=["laplace", "gaussian"])
def test_samples_and_a_fine_grid_agree_on_s(q: Density) -> None:
    torch.manual_seed(2)
    flow = RealNVP(width=16).build(2)
    with torch.no_grad():
        by_samples = log_s(flow, samples(draws(q, 200_000, 2)))
        by_grid = log_s(flow, grid(q, 2, points_per_axis=300, low=-12, high=12))
    assert float(by_samples) == pytest.approx(float(by_grid), abs=0.02)


def test_log_s_of_samples_is_the_log_of_one_over_the_mean_of_g() -> None:
    flow = RealNVP(width=4).build(3)
    x = draws(laplace, 30, 3)
    torch.testing.assert_close(log_s(flow, samples(x)), -flow.log_prob(x).exp().mean().log())


def test_gradients_flow_through_log_s() -> None:
    flow = RealNVP(width=4).build(2)
    log_s(flow, grid(laplace, 2)).backward()
    assert all(p.grad is not None and p.grad.any() for p in flow.parameters())


def test_a_grid_in_eight_dimensions_is_refused() -> None:
    with refused("grid-too-large", ConfigError):
        grid(laplace, 8)
