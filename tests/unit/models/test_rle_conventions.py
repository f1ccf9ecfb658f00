"""Each convention against its formula, written out with loops over joints and coordinates."""

import math

import pytest
import torch
from torch import Tensor

from models.density import DensityName
from models.likelihood import LikelihoodLoss
from models.objectives import DLE, RLE
from models.realnvp import RealNVP
from models.rle_conventions import ConventionName

FLOW = RealNVP(couplings=2, width=8)


def q_term(convention: str, density: str, d: float, sigma: float) -> float:
    """-log Q with its log sigma, for one coordinate."""
    gaussian = math.log(sigma * math.sqrt(2 * math.pi)) + (d / sigma) ** 2 / 2
    return {
        ("official", "laplace"): math.log(sigma * math.sqrt(2 * math.pi))
        + abs(d) / (math.sqrt(2) * sigma + 1e-9),
        ("mmpose", "laplace"): math.log(2 * sigma) + abs(d) / (sigma + 1e-9),
        ("mmpose", "gaussian"): gaussian,
        # In the paper Q is a density of d / sigma and log sigma stands beside it, once.
        ("paper", "laplace"): math.log(2) + abs(d / sigma),
        ("paper", "gaussian"): gaussian - math.log(sigma),
    }[convention, density]


def joint_loss(module: LikelihoodLoss, convention: str, density: str | None, joint: Tensor) -> float:
    """`joint` is (3, D): mu_hat, sigma, mu."""
    mu_hat, sigma, mu = joint.tolist()
    flow = module.flow if len(mu) == module.flow.dim else module.flow_without_depth
    assert flow is not None
    sign = -1 if convention == "paper" else 1
    x = [sign * (a - b) / s for a, b, s in zip(mu_hat, mu, sigma, strict=True)]
    f = float(flow.log_prob(joint.new_tensor([x]))[0])
    loss = -f if convention == "paper" else 0.0
    for a, b, s in zip(mu_hat, mu, sigma, strict=True):
        loss += math.log(s) if convention == "paper" else math.log(s) - f
        if density is not None:
            loss += q_term(convention, density, a - b, s)
    return loss


def batch(dim: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(4)
    shape = (3, 5, dim)
    mu, target = torch.randn(2, *shape, dtype=torch.float64)
    sigma = torch.rand(shape, dtype=torch.float64) * 0.9 + 0.05
    weight = (torch.rand(shape[:2]) > 0.3).double()[..., None].repeat(1, 1, dim)
    weight[0, 0] = 0.5
    if dim == 3:
        weight[:, 1:3] = torch.tensor([1.0, 1.0, 0.0])
    return mu, sigma, target, weight


def expected_loss(
    module: LikelihoodLoss, convention: str, density: str | None, tensors: tuple[Tensor, ...]
) -> float:
    *values, weight = tensors
    total = 0.0
    for b in range(weight.shape[0]):
        for p in range(weight.shape[1]):
            live = int((weight[b, p] > 0).sum())
            if live:
                joint = torch.stack([value[b, p, :live] for value in values])
                total += float(weight[b, p, 0]) * joint_loss(module, convention, density, joint)
    return total / weight.shape[0]


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(
    ("convention", "density"),
    [
        ("paper", "laplace"),
        ("paper", "gaussian"),
        ("official", "laplace"),
        ("mmpose", "laplace"),
        ("mmpose", "gaussian"),
    ],
)
def test_rle_is_its_formula(convention: ConventionName, density: DensityName, dim: int) -> None:
    module = RLE(flow=FLOW, density=density, convention=convention).build(dim).double()
    tensors = batch(dim)
    with torch.no_grad():
        loss = module(*tensors, step=0, seed=0).loss
        expected = expected_loss(module, convention, density, tensors)
    assert float(loss) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("convention", ["paper", "official", "mmpose"])
def test_dle_is_its_formula(convention: ConventionName, dim: int) -> None:
    module = DLE(flow=FLOW, convention=convention).build(dim).double()
    tensors = batch(dim)
    with torch.no_grad():
        loss = module(*tensors, step=0, seed=0).loss
        expected = expected_loss(module, convention, None, tensors)
    assert float(loss) == pytest.approx(expected, rel=1e-9)


def test_official_in_2d_is_the_papers_loss_with_the_flows_likelihood_weighted_two() -> None:
    mu, sigma, target, _ = batch(2)
    weight = torch.ones_like(mu)
    official = RLE(flow=FLOW, convention="official").build(2).double()
    dle = DLE(flow=FLOW).build(2).double()
    dle.load_state_dict(official.state_dict())
    with torch.no_grad():
        # Exchanging prediction and target gives the paper's deviation the sign of the official one.
        likelihood = dle(target, sigma, mu, weight, step=0, seed=0).loss
        difference = official(mu, sigma, target, weight, step=0, seed=0).loss - 2 * likelihood
        q = ((mu - target).abs() / (math.sqrt(2) * sigma) + 0.5 * math.log(2 * math.pi)).sum() / len(mu)
    torch.testing.assert_close(difference, q)


@pytest.mark.parametrize("convention", ["paper", "official", "mmpose"])
def test_the_weight_of_the_flow_is_how_often_its_term_counts(convention: ConventionName) -> None:
    tensors = batch(2)
    _, sigma, _, weight = tensors
    weighted = [RLE(flow=FLOW, convention=convention, flow_weight=w).build(2).double() for w in (1.0, 2.5)]
    dle = DLE(flow=FLOW, convention=convention).build(2).double()
    for module in (*weighted, dle):
        module.load_state_dict(weighted[0].state_dict())
    with torch.no_grad():
        once, more, likelihood = (module(*tensors, step=0, seed=0).loss for module in (*weighted, dle))
    nll_g = likelihood - (weight[..., 0] * sigma.log().sum(-1)).sum() / len(sigma)
    torch.testing.assert_close(more - once, 1.5 * nll_g)
