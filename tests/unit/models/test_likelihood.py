"""DLE and RLE: which flow sees which joint, where gradients go, and what is drawn."""

import pytest
import torch
from torch import Tensor

from models.errors import InputError
from models.interface import LossInputs
from models.likelihood import LikelihoodLoss, generator_at
from models.objectives import DLE, RLE
from models.realnvp import RealNVP
from tests.support.errors import refused

FLOW = RealNVP(width=8)


def batch(dim: int, points: int = 6) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    mu, target = torch.randn(2, 4, points, dim)
    sigma = torch.rand(4, points, dim) + 0.1
    return mu.requires_grad_(), sigma.requires_grad_(), target, torch.ones(4, points, dim)


def flow_gradients(module: LikelihoodLoss, tensors: tuple[Tensor, ...]) -> list[Tensor]:
    module.zero_grad()
    module(*tensors, step=0, seed=0).loss.backward()
    return [p.grad for p in module.parameters() if p.grad is not None]


def test_a_3d_joint_without_depth_gives_what_a_2d_objective_with_that_flow_gives() -> None:
    mu, sigma, target, weight = batch(3)
    weight[..., 2] = 0
    spatial, planar = RLE(flow=FLOW).build(3), RLE(flow=FLOW).build(2)
    assert spatial.flow_without_depth is not None
    planar.flow.load_state_dict(spatial.flow_without_depth.state_dict())
    flat = [t[..., :2] for t in (mu, sigma, target, weight)]
    got = spatial(mu, sigma, target, weight, step=0, seed=0)
    expected = planar(*flat, step=0, seed=0)
    torch.testing.assert_close(got.loss, expected.loss)
    torch.testing.assert_close(got.parts, expected.parts)


def test_joints_with_and_without_depth_add_up() -> None:
    mu, sigma, target, weight = batch(3)
    module = RLE(flow=FLOW).build(3)
    flat, deep = weight.clone(), weight.clone()
    flat[:, :2], flat[:, 2:, 2] = 0, 0
    deep[:, 2:] = 0
    losses = [
        module(mu, sigma, target, w, step=0, seed=0).loss for w in (flat, deep, torch.maximum(flat, deep))
    ]
    torch.testing.assert_close(losses[0] + losses[1], losses[2])


def test_only_a_3d_objective_owns_a_second_flow() -> None:
    assert [RLE(flow=FLOW).build(dim).flow_without_depth is None for dim in (2, 3, 8)] == [True, False, True]


@pytest.mark.parametrize("s", [None, "grid", "samples"])
def test_every_flow_takes_part_in_a_step_without_joints_for_it(s: str | None) -> None:
    mu, sigma, target, weight = batch(3)
    module = RLE(flow=FLOW, s=s).build(3)
    gradients = flow_gradients(module, (mu, sigma, target, weight))
    assert len(gradients) == len(list(module.parameters()))
    assert module.flow_without_depth is not None
    assert not any(p.grad.any() for p in module.flow_without_depth.parameters() if p.grad is not None)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_batch_without_a_live_joint_has_loss_zero_and_zero_gradients(dim: int) -> None:
    mu, sigma, target, weight = batch(dim)
    module = RLE(flow=FLOW).build(dim)
    loss, parts = module(mu, sigma, target, torch.zeros_like(weight), step=0, seed=0)
    loss.backward()
    assert loss.item() == 0
    assert parts == {}
    for tensor in (mu, sigma, *module.parameters()):
        assert tensor.grad is not None
        assert not tensor.grad.any()
    assert module.gradient_shares(LossInputs(mu, sigma, target, torch.zeros_like(weight))) == {}


@pytest.mark.parametrize(("dim", "mask"), [(2, [1.0, 0.0]), (3, [0.0, 1.0, 1.0]), (8, [1.0] * 7 + [0.0])])
def test_a_joint_that_no_flow_can_take_is_refused(dim: int, mask: list[float]) -> None:
    mu, sigma, target, weight = batch(dim)
    weight[0, 0] = torch.tensor(mask)
    with refused("partly-masked-point", InputError):
        RLE(flow=FLOW).build(dim)(mu, sigma, target, weight, step=0, seed=0)


def test_without_s_the_flow_receives_the_gradient_of_dle() -> None:
    tensors = batch(2)
    rle, dle = RLE(flow=FLOW).build(2), DLE(flow=FLOW).build(2)
    dle.load_state_dict(rle.state_dict())
    torch.testing.assert_close(flow_gradients(rle, tensors), flow_gradients(dle, tensors))


def test_gradient_shares_are_the_norms_of_each_terms_gradient() -> None:
    mu, sigma, target, weight = batch(2)
    weight[0, 0] = 0
    module = RLE(flow=FLOW).build(2)
    shares = module.gradient_shares(LossInputs(mu, sigma, target, weight))
    live = weight[..., 0] > 0
    x = ((target - mu) / sigma)[live]
    for name, nll in (("grad_mu_q", x.abs().sum()), ("grad_mu_g", -module.flow.log_prob(x).sum())):
        (gradient,) = torch.autograd.grad(nll, mu, retain_graph=True)
        torch.testing.assert_close(shares[name], gradient[live].norm(dim=-1).mean())
    assert set(DLE(flow=FLOW).build(2).gradient_shares(LossInputs(mu, sigma, target, weight))) == {
        "grad_mu_g"
    }


def test_gradient_shares_leave_no_gradient_behind_and_need_no_grad_mode() -> None:
    mu, sigma, target, weight = batch(3)
    module = RLE(flow=FLOW).build(3)
    with torch.no_grad():
        shares = module.gradient_shares(LossInputs(mu, sigma, target, weight))
    assert not any(share.requires_grad for share in shares.values())
    assert all(tensor.grad is None for tensor in (mu, sigma, *module.parameters()))


def test_draws_depend_on_seed_and_step_alone() -> None:
    def draw(seed: int, step: int) -> Tensor:
        torch.rand(3)  # another stream moves on
        return torch.rand(4, generator=generator_at(seed, step))

    torch.testing.assert_close(draw(1, 2), draw(1, 2), rtol=0, atol=0)
    for seed, step in ((2, 1), (1, 3), (0, 2), (1 + 2**32, 2)):
        assert not torch.equal(draw(1, 2), draw(seed, step))


def test_autocast_does_not_reach_the_likelihood() -> None:
    tensors = batch(2)
    module = RLE(flow=FLOW, s="grid").build(2)
    expected = module(*tensors, step=0, seed=0).loss
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(module(*tensors, step=0, seed=0).loss, expected, rtol=0, atol=0)


def test_parts_are_means_over_live_joints_and_detached() -> None:
    mu, sigma, target, weight = batch(2)
    weight[:2] = 0
    module = RLE(flow=FLOW, s="grid").build(2)
    parts = module(mu, sigma, target, weight, step=0, seed=0).parts
    x = (target - mu)[2:].flatten(0, 1).div(sigma[2:].flatten(0, 1)).detach()
    torch.testing.assert_close(parts["bar_mu_max"], x.abs().max())
    torch.testing.assert_close(parts["nll_g"], -module.flow.log_prob(x).mean().detach())
    torch.testing.assert_close(parts["log_sigma"], sigma[2:].log().sum(-1).mean().detach())
    names = {"bar_mu_max", "sigma_min", "sigma_max", "nll_q", "nll_g", "log_sigma", "log_s"}
    assert set(parts) == names
    assert not any(part.requires_grad for part in parts.values())


def test_an_infinite_deviation_is_not_hidden() -> None:
    mu, sigma, target, weight = batch(2)
    target[0, 0, 0] = torch.inf
    loss = RLE(flow=FLOW).build(2)(mu, sigma, target, weight, step=0, seed=0).loss
    assert not torch.isfinite(loss)
