"""The normaliser s in the loss: its value, its gradient, what is drawn for it."""

import math
from itertools import pairwise
from unittest.mock import Mock

import pytest
import torch
from scipy import integrate
from torch import Tensor

from models import flow_kernels
from models.density import DENSITIES, DensityName, Quadrature, grid, laplace, samples
from models.errors import ConfigError, InputError
from models.likelihood import LikelihoodLoss, generator_at
from models.objectives import DLE, RLE
from models.realnvp import RealNVP, RealNVPNet
from tests.support.errors import refused
from tests.support.flows import build, log_s, products

FLOW = RealNVP(width=8)
FORMS = [
    RLE(flow=FLOW, s="grid"),
    RLE(flow=FLOW, s="grid", nodes=30),
    RLE(flow=FLOW, s="grid", shifted=True),
    RLE(flow=FLOW, s="samples", samples=50),
    RLE(flow=FLOW, s="grid", s_gradient=False),
    RLE(flow=FLOW, s="grid", shifted=True, s_gradient=False),
    RLE(flow=FLOW, s="samples", samples=50, s_gradient=False),
]


def label(objective: RLE) -> str:
    return objective.name.partition("by ")[2]


def constant(objective: RLE) -> RLE:
    return objective.model_copy(update={"s_gradient": False})


every_form = pytest.mark.parametrize("objective", FORMS, ids=label)


def batch(dim: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    mu, target = torch.randn(2, 4, 6, dim)
    sigma, weight = torch.rand(4, 6, dim) + 0.1, torch.ones(4, 6, dim)
    weight[0, :3] = 0.5
    weight[1] = 0
    if dim == 3:
        weight[2:, :, 2] = 0
    return mu.requires_grad_(), sigma.requires_grad_(), target, weight


def pair(objective: RLE, dim: int) -> tuple[LikelihoodLoss, LikelihoodLoss]:
    """The loss with s and without, of equal flows."""
    module = objective.build(dim)
    plain = RLE(flow=objective.flow, density=objective.density).build(dim)
    plain.load_state_dict(module.state_dict())
    return module, plain


def evaluated(
    module: LikelihoodLoss, dim: int, step: int = 3
) -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
    """Loss, parts, and the gradients of mu, sigma and the parameters."""
    mu, sigma, target, weight = batch(dim)
    loss, parts = module(mu, sigma, target, weight, step=step, seed=7)
    module.zero_grad()
    loss.backward()
    found = [tensor.grad for tensor in (mu, sigma, *module.parameters())]
    return loss.detach(), parts, [gradient for gradient in found if gradient is not None]


def quadrature(objective: RLE, generator: torch.Generator, dim: int = 2) -> Quadrature:
    """As supplement Eq. 7 and the fields of the objective say."""
    q = DENSITIES[objective.density]
    if objective.s == "samples":
        return samples(q.sample(objective.samples, dim, generator))
    if not objective.shifted:
        return grid(q, dim, objective.nodes)
    return grid(q, dim, objective.nodes, shift=torch.rand(dim, dtype=torch.float64, generator=generator))


@every_form
@pytest.mark.parametrize("density", ["laplace", "gaussian"])
def test_s_adds_minus_log_s_for_each_joint(objective: RLE, density: DensityName) -> None:
    objective = objective.model_copy(update={"density": density})
    module, plain = pair(objective, 2)
    expected = log_s(module.flow, quadrature(objective, generator_at(seed=7, step=3))).detach()
    (loss, parts, _), (without, _, _) = evaluated(module, 2), evaluated(plain, 2)
    weight = batch(2)[3]
    torch.testing.assert_close(
        without - loss, expected * weight[..., 0].sum() / len(weight), rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(parts["log_s"], expected)


@every_form
def test_in_3d_each_flow_has_an_s_of_its_own(objective: RLE) -> None:
    objective = objective.model_copy(update={"nodes": 6} if objective.s == "grid" else {})
    module, plain = pair(objective, 3)
    (loss, parts, _), (without, _, _) = evaluated(module, 3), evaluated(plain, 3)
    generator = generator_at(seed=7, step=3)
    solid = log_s(module.flow, quadrature(objective, generator, 3)).detach()
    assert module.flow_without_depth is not None
    flat = log_s(module.flow_without_depth, quadrature(objective, generator, 2)).detach()
    torch.testing.assert_close(parts["log_s"], solid)
    torch.testing.assert_close(parts["log_s_without_depth"], flat)
    weight = batch(3)[3]
    deep = weight[weight[..., 2] > 0][:, 0].sum()
    shallow = weight[weight[..., 2] == 0][:, 0].sum()
    torch.testing.assert_close(without - loss, (solid * deep + flat * shallow) / 4, rtol=1e-4, atol=1e-4)


@every_form
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("width", [8, 64])
def test_a_constant_s_leaves_every_gradient_as_it_is_without_s(objective: RLE, dim: int, width: int) -> None:
    small = {"nodes": 9} if objective.s == "grid" else {}
    changes = {"flow": RealNVP(width=width), **small}
    module, plain = pair(constant(objective).model_copy(update=changes), dim)
    gradients, expected = evaluated(module, dim)[2], evaluated(plain, dim)[2]
    assert len(gradients) == len(expected) == 2 + len(list(module.parameters()))
    assert all(torch.equal(one, other) for one, other in zip(gradients, expected, strict=True))


@every_form
def test_a_constant_s_has_the_value_of_the_one_with_a_gradient(objective: RLE) -> None:
    module, other = objective.build(2), constant(objective).build(2)
    other.load_state_dict(module.state_dict())
    torch.testing.assert_close(evaluated(module, 2)[0], evaluated(other, 2)[0])


@pytest.mark.parametrize("objective", [form for form in FORMS if form.s_gradient], ids=label)
def test_with_its_gradient_s_changes_that_of_the_flow_alone(objective: RLE) -> None:
    module, plain = pair(objective, 2)
    (mu, sigma, *flow), (plain_mu, plain_sigma, *plain_flow) = (evaluated(m, 2)[2] for m in (module, plain))
    torch.testing.assert_close((mu, sigma), (plain_mu, plain_sigma))
    assert not any(torch.allclose(one, other) for one, other in zip(flow, plain_flow, strict=True))


@torch.no_grad()
def simpson(flow: RealNVPNet, x: tuple[float, float], y: tuple[float, float], n: int = 401) -> float:
    """The integral of Q G over a rectangle, by scipy."""
    axes = [torch.linspace(*ends, n, dtype=torch.float64) for ends in (x, y)]
    nodes = torch.cartesian_prod(*axes)
    values = (laplace.log_prob(nodes) + flow.log_prob(nodes)).exp().reshape(n, n).numpy()
    return float(integrate.simpson(integrate.simpson(values, axes[1].numpy()), axes[0].numpy()))


def test_a_fine_grid_gives_the_integral_of_q_and_g() -> None:
    flow = build(FLOW, perturb=0.3).double()
    # Q has an edge at 0 in each coordinate.
    halves = [(-5.0, 0.0), (0.0, 5.0)]
    integral = sum(simpson(flow, x, y) for x in halves for y in halves)
    with torch.no_grad():
        found = [float(log_s(flow, grid(laplace, 2, nodes))) for nodes in (20, 80, 320)]
    errors = [abs(one + math.log(integral)) for one in found]
    assert all(later < earlier / 3 for earlier, later in pairwise(errors))
    assert errors[-1] < 1e-3


def test_the_mean_over_shifts_of_a_coarse_grid_is_that_integral() -> None:
    flow = build(FLOW, perturb=0.3).double()
    generator = torch.Generator().manual_seed(0)
    shifts = torch.rand(1000, 2, dtype=torch.float64, generator=generator)
    with torch.no_grad():
        sums = torch.stack([(-log_s(flow, grid(laplace, 2, 12, shift=shift))).exp() for shift in shifts])
        integral = float((-log_s(flow, grid(laplace, 2, 500))).exp())
    error = float(sums.std()) / math.sqrt(len(sums))
    assert error < 0.01 * integral
    assert abs(float(sums.mean()) - integral) < 4 * error


def test_a_shift_moves_all_nodes_together_and_keeps_them_in_their_intervals() -> None:
    fixed = grid(laplace, 3, 5).nodes
    moved = grid(laplace, 3, 5, shift=torch.tensor([0.0, 0.25, 0.75], dtype=torch.float64)).nodes
    torch.testing.assert_close(fixed - moved, torch.tensor([0.0, 0.5, 1.5]).double().expand(125, 3))


@every_form
def test_the_kernels_agree_with_matrix_products(objective: RLE, monkeypatch: pytest.MonkeyPatch) -> None:
    module = objective.model_copy(update={"flow": RealNVP()}).build(2)
    fast = evaluated(module, 2)
    called = Mock(return_value=None)
    monkeypatch.setattr(flow_kernels, "log_prob", called)
    slow = evaluated(module, 2)
    assert called.called
    torch.testing.assert_close(fast[:2], slow[:2], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(fast[2], slow[2], rtol=1e-3, atol=1e-4)


def test_the_kernels_value_at_the_nodes_is_that_of_float64() -> None:
    flow, nodes = build(), grid(laplace, 2, 60).nodes
    with torch.no_grad():
        exact = products(build().double(), nodes)
        torch.testing.assert_close(flow.log_prob(nodes.float()).double(), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("objective", [FORMS[2], FORMS[3]], ids=label)
def test_draws_are_the_same_at_the_same_step_and_seed_and_others_at_another(objective: RLE) -> None:
    module = objective.build(2)
    first, _, gradients = evaluated(module, 2, step=5)
    torch.rand(11)  # another stream moves on
    again, _, same = evaluated(module, 2, step=5)
    assert torch.equal(first, again)
    assert all(torch.equal(one, other) for one, other in zip(gradients, same, strict=True))
    assert not torch.equal(first, evaluated(module, 2, step=6)[0])


def test_building_the_loss_draws_nothing_for_a_shifted_grid() -> None:
    def state(objective: RLE) -> Tensor:
        torch.manual_seed(0)
        objective.build(3)
        return torch.get_rng_state()

    assert torch.equal(state(RLE(flow=FLOW, s="grid", shifted=True)), state(RLE(flow=FLOW)))


@pytest.mark.parametrize("objective", [RLE(flow=FLOW, s="grid"), RLE(flow=FLOW, s="grid", nodes=101)])
def test_a_grid_for_too_many_coordinates_is_refused_before_training(objective: RLE) -> None:
    dim = 8 if objective.nodes == 20 else 3
    with refused("grid-too-large", ConfigError):
        objective.build(dim)
    with refused("grid-too-large", ConfigError):
        objective.integral_nodes(dim)
    RLE(flow=FLOW, s="samples").build(8)


def test_what_is_drawn_at_each_step_needs_the_step_and_nothing_else_does() -> None:
    mu, sigma, target, _ = batch(2)
    for objective in (DLE(flow=FLOW), RLE(flow=FLOW), RLE(flow=FLOW, s="grid", s_gradient=False)):
        objective.build(2)(mu, sigma, target)
    for objective in (RLE(flow=FLOW, s="samples"), RLE(flow=FLOW, s="grid", shifted=True)):
        with refused("no-step", InputError):
            objective.build(2)(mu, sigma, target)
