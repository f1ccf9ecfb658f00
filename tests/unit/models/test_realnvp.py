"""The flow is a density, its couplings undo themselves, and it is the flow of the paper."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from models.errors import ConfigError, InputError
from models.flops import human, module_parameters
from models.realnvp import RealNVP, RealNVPNet
from tests.support.errors import invalid, refused

JOINTS = 17
SMALL = RealNVP(width=8)
DIMS = [2, 3, 8]
MASKS = {2: [[0, 1], [1, 0]], 3: [[0, 0, 1], [1, 1, 0]], 8: [[0] * 4 + [1] * 4, [1] * 4 + [0] * 4]}


def build(dim: int, config: RealNVP = SMALL, perturb: float = 0.0, seed: int = 0) -> RealNVPNet:
    torch.manual_seed(seed)
    flow = config.build(dim).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=perturb)
    return flow


def masked_log_prob(flow: RealNVPNet, x: Tensor) -> Tensor:
    """The flow as its paper writes it: full nets on masked input, one coupling and one net at a time."""
    masks = torch.tensor(MASKS[flow.dim], dtype=x.dtype)
    z, log_det = x, x.new_zeros(len(x))
    for k in reversed(range(flow.weights[0].shape[0])):
        mask = masks[k % 2]
        outputs = []
        for net in (0, 1):
            h = mask * z
            for layer, (weight, bias) in enumerate(zip(flow.weights, flow.biases, strict=True)):
                h = F.linear(F.leaky_relu(h, 0.01) if layer else h, weight[k, net], bias[k, net])
            outputs.append(h)
        s, t = outputs[0].tanh() * (1 - mask), outputs[1] * (1 - mask)
        z = mask * z + (1 - mask) * (z - t) * torch.exp(-s)
        log_det = log_det - s.sum(1)
    return log_det - 0.5 * (z**2).sum(1) - 0.5 * flow.dim * math.log(2 * math.pi)


@pytest.mark.parametrize("dim", DIMS)
def test_log_prob_is_the_prior_and_the_jacobian_of_the_inverse(dim: int) -> None:
    flow = build(dim, perturb=0.3)
    x = torch.randn(5, dim, dtype=torch.float64)
    for point, log_prob in zip(x, flow.log_prob(x), strict=True):
        jacobian = torch.func.jacrev(lambda p: flow.inverse(p[None])[0][0])(point)
        z = flow.inverse(point[None])[0]
        prior = torch.distributions.Normal(0, 1).log_prob(z).sum()
        torch.testing.assert_close(log_prob, prior + torch.linalg.slogdet(jacobian).logabsdet)


@pytest.mark.parametrize("dim", DIMS)
def test_log_det_of_forward_is_its_jacobian(dim: int) -> None:
    flow = build(dim, perturb=0.3)
    z = torch.randn(dim, dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda p: flow(p[None])[0][0])(z)
    torch.testing.assert_close(flow(z[None])[1][0], torch.linalg.slogdet(jacobian).logabsdet)


@pytest.mark.parametrize(("width", "perturb"), [(64, 0.0), (16, 0.2)])
def test_density_integrates_to_one(width: int, perturb: float) -> None:
    flow = build(2, RealNVP(width=width), perturb=perturb, seed=3)
    reach = 1.5 * float(flow.sample(10_000, torch.Generator().manual_seed(0)).abs().max())
    cells = 250
    axis = (torch.arange(cells, dtype=torch.float64) + 0.5) * (2 * reach / cells) - reach
    with torch.no_grad():
        total = flow.log_prob(torch.cartesian_prod(axis, axis)).exp().sum() * (2 * reach / cells) ** 2
    assert float(total) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("dim", DIMS)
def test_inverse_undoes_forward(dim: int) -> None:
    flow = build(dim, perturb=0.3)
    z = torch.randn(50, dim, dtype=torch.float64)
    x, out = flow(z)
    back, into = flow.inverse(x)
    torch.testing.assert_close(back, z)
    torch.testing.assert_close(into, -out)


def test_samples_return_to_the_normal_variables_they_came_from() -> None:
    flow = build(3, perturb=0.1)
    x = flow.sample(20_000, torch.Generator().manual_seed(5))
    z, _ = flow.inverse(x)
    expected = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    torch.testing.assert_close(z, expected)
    assert not x.requires_grad


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("layers", [2, 3, 5])
def test_it_is_the_masked_flow_in_values_and_gradients(dim: int, layers: int) -> None:
    flow = build(dim, RealNVP(layers=layers, width=16), perturb=0.2)
    x = torch.randn(40, dim, dtype=torch.float64, requires_grad=True)
    inputs = [x, *flow.parameters()]
    live, reference = flow.log_prob(x), masked_log_prob(flow, x)
    torch.testing.assert_close(live, reference)
    got = torch.autograd.grad(live.sum(), inputs)
    expected = torch.autograd.grad(reference.sum(), inputs)
    torch.testing.assert_close(got, expected)


class LogProb(nn.Module):
    """`log_prob` as a module, so that its parameters can be passed in."""

    def __init__(self, flow: RealNVPNet) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor) -> Tensor:
        return self.flow.log_prob(x)


@pytest.mark.parametrize("dim", [2, 3])
def test_gradients_of_log_prob_are_its_finite_differences(dim: int) -> None:
    module = LogProb(build(dim, RealNVP(couplings=2, width=4), perturb=0.2))
    x = torch.randn(3, dim, dtype=torch.float64, requires_grad=True)
    names, values = zip(*module.named_parameters(), strict=True)

    def log_prob(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(log_prob, (x, *values))


def test_no_samples_give_no_values_and_zero_gradients() -> None:
    flow = build(2)
    flow.log_prob(torch.zeros(0, 2, dtype=torch.float64)).sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in flow.parameters())


def test_parameters_are_drawn_as_linear_layers_draw_theirs() -> None:
    torch.manual_seed(0)
    flow = RealNVP(width=256).build(2)
    for values in (flow.weights, flow.biases):
        for tensor, fan_in in zip(values, [2, 256, 256], strict=True):
            assert float(tensor.detach().abs().max()) <= fan_in**-0.5
            assert float(tensor.detach().std()) == pytest.approx(fan_in**-0.5 / 3**0.5, rel=0.2)


def test_even_couplings_move_the_leading_coordinates() -> None:
    flow = build(3, RealNVP(couplings=1, width=4))
    z = torch.randn(6, 3, dtype=torch.float64)
    x, _ = flow(z)
    torch.testing.assert_close(x[:, 2], z[:, 2], rtol=0, atol=0)
    assert bool((x[:, :2] != z[:, :2]).all())


@pytest.mark.parametrize("dim", [0, 1])
def test_one_coordinate_cannot_be_split(dim: int) -> None:
    with refused("one-coordinate", ConfigError):
        RealNVP().build(dim)


@pytest.mark.parametrize("shape", [(4, 3), (4,), (2, 4, 2)])
def test_a_wrong_shape_is_named(shape: tuple[int, ...]) -> None:
    with refused("samples-shape", InputError):
        RealNVP().build(2).log_prob(torch.zeros(shape))


def test_a_single_layer_is_refused() -> None:
    with invalid("greater_than_equal"):
        RealNVP(layers=1)


TABLE_1 = [
    (3, 64, "1.8M", "53.8K"),
    (3, 128, "6.9M", "205.8K"),
    (3, 256, "27.3M", "804.8K"),
    (5, 32, "1.3M", "40.0K"),
    (5, 64, "5.2M", "153.6K"),
]


@pytest.mark.parametrize(("layers", "width", "flops", "parameters"), TABLE_1)
def test_table_1_prints_as_in_the_paper(layers: int, width: int, flops: str, parameters: str) -> None:
    flow = RealNVP(layers=layers, width=width)
    assert human(flow.flops(JOINTS, 2)) == flops
    assert human(flow.parameters(2)) == parameters


def test_table_7_prints_as_in_the_paper() -> None:
    assert human(RealNVP().flops(JOINTS, 2, grid_points=400)) == "44.2M"


@pytest.mark.parametrize("dim", [2, 3, 8])
@pytest.mark.parametrize(
    "flow", [RealNVP(), RealNVP(layers=2, width=8), RealNVP(couplings=3, layers=5, width=32)]
)
def test_the_formula_counts_the_parameters_that_are_there(flow: RealNVP, dim: int) -> None:
    assert flow.parameters(dim) == module_parameters(flow.build(dim))


def plain_nets(flow: RealNVP, dim: int) -> nn.ModuleList:
    """Every s and t net as the authors wrote them, D -> D."""
    sizes = [dim, *[flow.width] * (flow.layers - 1), dim]
    pairs = list(pairwise(sizes))
    nets = [nn.Sequential(*(nn.Linear(a, b) for a, b in pairs)) for _ in range(2 * flow.couplings)]
    return nn.ModuleList(nets)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("flow", [RealNVP(), RealNVP(layers=5, width=32)])
def test_products_are_those_that_torch_counts_and_activations_the_rest(flow: RealNVP, dim: int) -> None:
    nets = plain_nets(flow, dim)
    x = torch.zeros(JOINTS, dim)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for net in nets:
            net(x)
    activations = JOINTS * 2 * flow.couplings * (flow.layers - 1) * flow.width
    assert flow.flops(JOINTS, dim) == counter.get_total_flops() + activations
    assert flow.parameters(dim) == module_parameters(nets)
