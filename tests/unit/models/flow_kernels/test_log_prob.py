"""The kernels compute what matrix products compute, values and gradients, or decline."""

import copy
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.realnvp import RealNVP, RealNVPNet
from tests.support.flows import PAPER, build, by_pieces, gradients, products, same, samples

LARGEST = torch.finfo(torch.float32).max

SIZES = [
    PAPER,
    RealNVP(width=5, couplings=1),
    RealNVP(width=33, couplings=3),
    RealNVP(layers=5, width=9),
    RealNVP(layers=5, width=32),
]


def compare(flow: RealNVPNet, x: Tensor, tolerance: float) -> None:
    """Values and gradients against autograd in float64, each tensor relative to its own norm.

    A gradient beyond the range of float32 has to be infinite: both are compared within that range.
    """
    exact, x64 = copy.deepcopy(flow).double(), x.double().requires_grad_()
    x = x.clone().requires_grad_()
    value, reference = by_pieces(flow, x), products(exact, x64)
    assert value is not None
    assert ((value - reference).abs() <= 2e-5 * reference.abs().clamp(min=1)).all()
    for got, expected in zip(gradients(value, flow, x), gradients(reference, exact, x64), strict=True):
        difference = got.double().clamp(-LARGEST, LARGEST) - expected.clamp(-LARGEST, LARGEST)
        # The smallest numbers of float32 have few digits.
        assert difference.norm() <= tolerance * expected.norm() + 1e-38


@pytest.mark.parametrize("config", SIZES, ids=repr)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_values_and_gradients_are_those_of_float64(config: RealNVP, scale: float) -> None:
    flow, x = build(config), samples(600, scale)
    assert by_pieces(flow, x) is not None
    compare(flow, x, tolerance=1e-5)


@pytest.mark.parametrize("scale", [1e3, 1e6, 1e12])
def test_far_samples_lose_no_accuracy(scale: float) -> None:
    compare(build(), samples(300, scale), tolerance=1e-5)


@pytest.mark.parametrize("n", [0, 1, 2, 511, 512, 513, 1025])
def test_any_number_of_samples_is_evaluated(n: int) -> None:
    compare(build(RealNVP(width=8)), samples(n), tolerance=1e-5)


NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1e-3, -1e-30, 1e-42, 3.0, -7.5, 1e4]) | st.floats(
    -2, 2, width=32
)


@st.composite
def odd_flows(draw: st.DrawFn) -> RealNVPNet:
    """Zeros, repetitions, tiny and large values: knots coincide, units are dead or never switch."""
    layers, width = draw(st.sampled_from([(3, 3), (3, 9), (5, 4)]))
    flow = build(RealNVP(couplings=2, layers=layers, width=width), seed=draw(st.integers(0, 99)), perturb=0.5)
    with torch.no_grad():
        for parameter in flow.parameters():
            numbers = draw(st.lists(NUMBERS, min_size=1, max_size=4))
            chosen = torch.tensor(numbers)[torch.randint(len(numbers), parameter.shape)]
            parameter.copy_(
                torch.where(torch.rand(parameter.shape) < draw(st.floats(0, 1)), chosen, parameter)
            )
    return flow


@settings(max_examples=100, deadline=None)
@given(odd_flows(), st.integers(0, 1000))
def test_odd_weights_give_the_values_of_float64(flow: RealNVPNet, seed: int) -> None:
    x = torch.cat([samples(20, 2.0, seed), samples(3, 100.0, seed), torch.tensor([[0.0, -0.0], [1.0, 0.5]])])
    got, reference = by_pieces(flow, x), products(copy.deepcopy(flow).double(), x.double())
    assume(got is not None)
    assert ((got - reference).abs() <= 2e-5 * reference.abs().clamp(min=1)).all()


@settings(max_examples=100, deadline=None)
@given(odd_flows(), st.integers(0, 1000))
def test_odd_weights_give_the_gradients_of_float64(flow: RealNVPNet, seed: int) -> None:
    x = samples(4, 2.0, seed)
    assume(by_pieces(flow, x) is not None and smooth_at(flow, x))
    compare(flow, x, tolerance=1e-4)


def test_gradients_beyond_float32_are_infinite() -> None:
    flow, x = build(RealNVP(couplings=1, width=2), perturb=0), torch.ones(1, 2, requires_grad=True)
    with torch.no_grad():
        for weight, value in zip(flow.weights, (1e-6, 1e11, 1e11), strict=True):
            weight.fill_(0)
            weight[:, 1] = value  # t is about 1e17, s is 0
        for bias in flow.biases:
            bias.fill_(0)
    value = by_pieces(flow, x)
    assert value is not None
    assert value.isfinite().all()
    first = gradients(value, flow, x)[1]
    assert first[0, 1, :, 1].isinf().all()
    compare(flow, x.detach(), tolerance=1e-6)


def smooth_at(flow: RealNVPNet, x: Tensor) -> bool:
    """Whether no unit switches near these samples and weights, where a gradient has several right answers.

    A unit whose terms cancel but for less than float64 resolves has another sign in the exact pieces than in
    products, whose order of summation decides it.
    """
    at, *near = [_gradients_nearby(flow, x, h) for h in (0, 1e-7, -1e-7)]
    return all((a - b).norm() <= 1e-4 * a.norm() for other in near for a, b in zip(at, other, strict=True))


def _gradients_nearby(flow: RealNVPNet, x: Tensor, h: float) -> list[Tensor]:
    exact, moved = copy.deepcopy(flow).double(), (x.double() * (1 + h)).requires_grad_()
    directions = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in exact.parameters():
            parameter.mul_(1 + h * torch.randn(parameter.shape, generator=directions, dtype=torch.float64))
    return gradients(products(exact, moved), exact, moved)


def test_of_terms_that_cancel_the_exact_rest_decides_the_sign() -> None:
    flow = build(RealNVP(couplings=1, width=3))
    x = torch.tensor([[0.5, 0.5], [2.0, 2.0]]).requires_grad_()
    with torch.no_grad():
        flow.weights[0].fill_(1e-30)
        flow.biases[0].copy_(torch.tensor([0.0, 1.0, 1.0]))
        flow.weights[1][...] = torch.tensor([1.0, -1.0, 1.0])  # to 1e-30 x, which is positive
        flow.biases[1].zero_()
    assert not smooth_at(flow, x)
    value = by_pieces(flow, x)
    assert value is not None
    exact = copy.deepcopy(flow).double()
    with torch.no_grad():
        exact.weights[1][...] = torch.tensor([1, -1, 1 + 1e-9], dtype=torch.float64)
    x64 = x.detach().double().requires_grad_()
    expected = gradients(products(exact, x64), exact, x64)
    for got, wanted in zip(gradients(value, flow, x), expected, strict=True):
        assert (got - wanted).norm() <= 1e-6 * wanted.norm() + 1e-8


def test_units_that_are_zero_for_every_sample_count_as_negative() -> None:
    flow = build(RealNVP(width=4), perturb=0)
    with torch.no_grad():
        for parameter in [*flow.weights[:2], *flow.biases[:2]]:
            parameter.mul_(0 if parameter.ndim == 4 else -0.0)
    compare(flow, samples(30), tolerance=1e-6)
    compare(flow, torch.zeros(3, 2), tolerance=1e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30])
def test_where_log_prob_is_not_finite_the_products_decide(value: float) -> None:
    flow, x = build(RealNVP(width=8)), samples(5)
    x[2, 1] = value
    x.requires_grad_()
    got, expected = flow.log_prob(x), products(flow, x)
    assert not expected.isfinite().all()
    assert by_pieces(flow, x) is None
    same(got, expected)
    for a, b in zip(gradients(got, flow, x), gradients(expected, flow, x), strict=True):
        same(a, b)


@pytest.mark.parametrize("value", [math.nan, math.inf, 3e38])
@pytest.mark.parametrize("which", range(6))
def test_absurd_weights_are_left_to_the_products(value: float, which: int) -> None:
    flow, x = build(RealNVP(width=8)), samples(5)
    with torch.no_grad():
        list(flow.parameters())[which].view(-1)[-1 - 2 * 8 :] = value
    if not products(flow, x).isfinite().all():
        assert by_pieces(flow, x) is None


def test_a_non_finite_gradient_goes_on_to_everything_it_touches() -> None:
    flow, x = build(RealNVP(width=8)), samples(5).requires_grad_()
    (by_pieces(flow, x) * torch.tensor([1.0, math.nan, 1, 1, 1])).sum().backward()
    assert x.grad is not None
    assert x.grad.isnan().any(1).tolist() == [False, True, False, False, False]
    assert all(p.grad is not None and p.grad.isnan().any() for p in flow.parameters())


def test_a_net_with_thousands_of_pieces_is_left_to_the_products() -> None:
    flow, x = build(RealNVP(width=64, couplings=1)), samples(9).requires_grad_()
    with torch.no_grad():
        flow.weights[0][:] = 1
        flow.biases[0][:] = -torch.linspace(-2, 2, 64)
        flow.weights[1][:] = 10 * (-1.0) ** torch.arange(64)
        flow.weights[1][..., 0] = 5
        flow.biases[1].uniform_(-0.2, -0.1)
    assert by_pieces(flow, x) is None
    same(flow.log_prob(x), products(flow, x))


@pytest.mark.parametrize(
    "layout", [lambda x: x.mT.contiguous().mT, lambda x: x.repeat(1, 3)[::2, 2:4], lambda x: x.flip(0)]
)
def test_the_layout_of_x_does_not_matter(layout: Callable[[Tensor], Tensor]) -> None:
    compare(build(RealNVP(width=8)), layout(samples(40)), tolerance=1e-5)


def test_what_needs_no_gradient_gets_none() -> None:
    flow, x = build(RealNVP(width=8)), samples(40)
    both = gradients(by_pieces(flow, y := x.clone().requires_grad_()), flow, y)
    value = by_pieces(flow, x)
    for got, expected in zip(
        torch.autograd.grad(value, [*flow.parameters()], torch.linspace(-1, 1, 40)), both[1:], strict=True
    ):
        same(got, expected)
    flow.requires_grad_(False)
    same(torch.autograd.grad(by_pieces(flow, y), y, torch.linspace(-1, 1, 40))[0], both[0])
    assert not by_pieces(flow, x).requires_grad


def test_it_works_where_autograd_is_off() -> None:
    flow, x = build(RealNVP(width=8)), samples(40)
    with torch.no_grad():
        without = by_pieces(flow, x)
    with torch.inference_mode():
        inference = by_pieces(flow, x.clone())
    assert not without.requires_grad
    same(without, by_pieces(flow, x).detach())
    same(inference.clone(), without)


def test_a_second_derivative_is_refused() -> None:
    flow, x = build(RealNVP(width=8)), samples(4).requires_grad_()
    with pytest.raises(RuntimeError, match=r"RealNVPNet\.inverse"):
        torch.autograd.grad(by_pieces(flow, x).sum(), x, create_graph=True)


def test_weights_changed_before_the_gradient_is_taken_are_an_error() -> None:
    flow = build(RealNVP(width=8))
    value = by_pieces(flow, samples(4))
    with torch.no_grad():
        flow.weights[1].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.sum().backward()


def test_threads_do_not_disturb_each_other() -> None:
    cases = [(build(RealNVP(width=32), seed=i), samples(700, seed=i).requires_grad_()) for i in range(2)]

    def run(i: int) -> list[Tensor]:
        value = by_pieces(*cases[i])
        return [value.detach(), *gradients(value, *cases[i])]

    alone = [run(0), run(1)]
    with ThreadPoolExecutor(2) as pool:
        for i, results in enumerate(pool.map(lambda n: run(n % 2), range(40))):
            for got, expected in zip(results, alone[i % 2], strict=True):
                same(got, expected)
