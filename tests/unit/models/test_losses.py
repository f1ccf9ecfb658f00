"""Losses without a flow: values by hand, masks, and what they report."""

import math

import pytest
import torch
from torch import Tensor

from models.errors import InputError
from models.interface import Loss, LossInputs
from models.losses import LossModule, means
from models.objectives import L1, L2, LearnedScale
from tests.support.errors import refused


def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mu = torch.tensor([[[0.5, -1.0], [2.0, 0.0]], [[1.0, 1.0], [0.0, 3.0]]])
    target = torch.zeros(2, 2, 2)
    sigma = torch.full((2, 2, 2), 0.5)
    weight = torch.tensor([[[1.0, 1.0], [0.0, 0.0]], [[0.5, 0.5], [1.0, 0.0]]])
    return mu, sigma, target, weight


def test_l1_sums_over_points_and_coordinates_and_averages_over_the_batch() -> None:
    mu, _, target, weight = batch()
    loss = L1().build(2)(mu, None, target, weight, step=0, seed=0).loss
    assert float(loss) == pytest.approx((0.5 + 1.0 + 0.5 * (1.0 + 1.0) + 0.0) / 2)


def test_l2_sums_squares() -> None:
    mu, _, target, weight = batch()
    loss = L2().build(2)(mu, None, target, weight, step=0, seed=0).loss
    assert float(loss) == pytest.approx((0.25 + 1.0 + 0.5 * (1.0 + 1.0) + 0.0) / 2)


def test_learned_scale_is_the_negative_log_likelihood_of_the_error() -> None:
    mu, sigma, target, weight = batch()
    for density, reference in (
        ("laplace", torch.distributions.Laplace(target, sigma)),
        ("gaussian", torch.distributions.Normal(target, sigma)),
    ):
        loss = LearnedScale(density=density).build(2)(mu, sigma, target, weight, step=0, seed=0).loss
        torch.testing.assert_close(loss, -(weight * reference.log_prob(mu)).sum() / 2)


def test_parts_tell_what_runs_away() -> None:
    mu, sigma, target, weight = batch()
    sigma[1, 1] = torch.tensor([0.25, 1e-9])
    parts = LearnedScale().build(2)(mu, sigma.requires_grad_(), target, weight, step=0, seed=0).parts
    assert {name: float(value) for name, value in parts.items() if name != "nll_q"} == pytest.approx(
        {
            "bar_mu_max": 2.0,
            "sigma_min": 0.25,
            "sigma_max": 0.5,
            "log_sigma": (4 * math.log(0.5) + math.log(0.25)) / 5,
        }
    )
    assert all(value.ndim == 0 and not value.requires_grad for value in parts.values())


def test_gradient_share_of_a_laplace_is_the_norm_of_one_over_sigma() -> None:
    mu, sigma, target, weight = batch()
    shares = LearnedScale().build(2).gradient_shares(LossInputs(mu, sigma, target, weight))
    # Two points live in both coordinates; the last only in one, where its error and its gradient are 0.
    assert float(shares["grad_mu_q"]) == pytest.approx(2 * math.hypot(2, 2) / 3)


def test_a_missing_scale_is_named() -> None:
    mu, _, target, weight = batch()
    with refused("no-sigma", InputError):
        LearnedScale().build(2)(mu, None, target, weight, step=0, seed=0)


def test_shapes_that_would_broadcast_are_refused() -> None:
    mu, _, target, weight = batch()
    with refused("shapes", InputError):
        L1().build(2)(mu, None, target, weight[..., :1], step=0, seed=0)


def test_without_weights_everything_weighs_one() -> None:
    mu, sigma, target, _ = batch()
    module = LearnedScale().build(2)
    assert module(mu, sigma, target) == module(mu, sigma, target, torch.ones_like(mu))


def test_a_loss_of_ones_own_is_one_method() -> None:
    class Huber(LossModule):
        def compute(self, inputs: LossInputs) -> Loss:
            loss = torch.nn.functional.huber_loss(inputs.mu, inputs.target, weight=inputs.weight)
            return Loss(loss, means(error=(inputs.mu - inputs.target).abs()))

    mu, sigma, target, weight = batch()
    loss, parts = Huber()(mu, sigma, target, weight)
    assert loss.isfinite()
    assert parts.keys() == {"error"}
    assert Huber().gradient_shares(LossInputs(mu, sigma, target, weight)) == {}
