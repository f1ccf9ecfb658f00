"""Forward and backward of a flow's log_prob beside the plain flow with the same weights.

Shapes: N samples, D coordinates.
"""

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from models.plain_flow import PlainFlow, copy_weights
from models.realnvp import RealNVP, RealNVPNet
from orchestrator.bench.result import Finding, Grid, Tell, significant
from orchestrator.bench.timing import compete

GRID = 400
"""Nodes of the integral in the s term."""


class Case(NamedTuple):
    """One comparison."""

    flow: RealNVP
    dim: int
    points: int  # a batch of 32, 128 or 512 people with 17 keypoints
    nodes: int = 0  # of the s term: ours takes them in the same call, the baseline goes without
    goal: float | None = None  # times faster


SMALL, WIDE, DEEP = RealNVP(layers=3, width=64), RealNVP(layers=3, width=256), RealNVP(layers=5, width=64)
CASES = (
    *(Case(SMALL, 2, n, goal=12) for n in (544, 2176, 8704)),
    *(Case(SMALL, 2, n, GRID, goal=7) for n in (544, 2176, 8704)),
    *(Case(WIDE, 2, n) for n in (544, 2176)),
    *(Case(DEEP, 2, n) for n in (544, 2176)),
    *(Case(SMALL, 3, n, goal=1) for n in (544, 2176)),
    *(Case(SMALL, 8, n, goal=1) for n in (544, 2176)),
)

DESCRIPTION = (
    "Forward and backward pass of log_prob with gradients of weights and points. The baseline is RealNVP "
    "with one network D -> D each for s and t on masked input. In rows with 400 additional points (those "
    "of the s term) ours evaluates them in the same call, the baseline does not evaluate them. Errors are "
    "relative to the baseline in float64: the largest of log_prob (relative where |log_prob| exceeds 1), "
    "and that of all gradients together, relative to their norm."
)


class Density(Protocol):
    """Either flow."""

    def log_prob(self, x: Tensor) -> Tensor: ...

    def zero_grad(self, set_to_none: bool = True) -> None: ...


def measure(tell: Tell, cases: Sequence[Case] = CASES, rounds: int = 11) -> Finding:
    """Time every case."""
    speed, exactness = zip(*(_rows(case, rounds, tell) for case in cases), strict=True)
    size = ("6 couplings of", "points")
    errors = ("log_prob, plain", "log_prob, ours", "gradient, plain", "gradient, ours")
    return Finding(
        "flow",
        DESCRIPTION,
        (
            Grid("Forward and backward", (*size, "plain ms", "ours ms", "ratio", "goal"), speed, 2, "ratio"),
            Grid("Error in float32", (*size, *errors), exactness, 2),
        ),
    )


def _rows(case: Case, rounds: int, tell: Tell) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The case's speed and its exactness."""
    points = f"{case.points:,}" + (f" + {case.nodes}" if case.nodes else "")
    size = (f"{case.flow.layers}×{case.flow.width} in {case.dim}-D", points)
    tell(", ".join(size))
    plain, flow = pair(case.flow, case.dim)
    x = torch.randn(case.points, case.dim, generator=torch.Generator().manual_seed(1))
    longer = torch.cat([x, torch.linspace(-5, 5, case.nodes)[:, None].expand(-1, case.dim)])
    times = compete({"plain": both_ways(plain, x), "ours": both_ways(flow, longer)}, rounds)
    milliseconds = (significant(1e3 * times.median(name)) for name in ("plain", "ours"))
    goal = "" if case.goal is None else f"≥ {case.goal:g}"
    (value_plain, gradient_plain), (value, gradient) = (errors(plain, of, x) for of in (plain, flow))
    found = (f"{error:.1e}" for error in (value_plain, value, gradient_plain, gradient))
    return (*size, *milliseconds, significant(times.ratio("ours")), goal), (*size, *found)


def pair(config: RealNVP, dim: int) -> tuple[PlainFlow, RealNVPNet]:
    """The plain flow and ours, of the same weights, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        plain, flow = PlainFlow(config, dim), config.build(dim)
    copy_weights(plain, flow)
    return plain, flow


def both_ways(flow: Density, points: Tensor) -> Callable[[], None]:
    """Forward and backward at `points`, gradients of weights and points included."""
    x = points.clone().requires_grad_()

    def call() -> None:
        flow.zero_grad(set_to_none=True)
        x.grad = None
        torch.autograd.backward(flow.log_prob(x).sum())

    return call


def errors(plain: PlainFlow, flow: PlainFlow | RealNVPNet, points: Tensor) -> tuple[float, float]:
    """Of log_prob, the largest |error| / max(1, |log_prob|), and of all gradients, |error| / |gradient|.

    The truth is the plain flow in float64.
    """
    exact, wanted = _evaluated(copy.deepcopy(plain).double(), points)
    value, gradient = _evaluated(flow, points)
    of_value = (value - exact).abs() / exact.abs().clamp(min=1)
    return float(of_value.max()), float((gradient - wanted).norm() / wanted.norm())


def _evaluated(flow: PlainFlow | RealNVPNet, points: Tensor) -> tuple[Tensor, Tensor]:
    """log_prob, and the gradients of points, weights and biases in one vector, in the order of RealNVP."""
    x = points.to(next(flow.parameters()).dtype, copy=True).requires_grad_()
    value = flow.log_prob(x)
    if isinstance(flow, RealNVPNet):
        parameters = [*flow.weights, *flow.biases]
        return value.detach().double(), _flat(torch.autograd.grad(value.sum(), [x, *parameters]))
    linears = [
        [list(net.children())[2 * layer] for s_t in zip(flow.s, flow.t, strict=True) for net in s_t]
        for layer in range((len(list(flow.t[0].children())) + 1) // 2)
    ]
    parameters = [getattr(linear, kind) for kind in ("weight", "bias") for row in linears for linear in row]
    return value.detach().double(), _flat(torch.autograd.grad(value.sum(), [x, *parameters]))


def _flat(gradients: Sequence[Tensor]) -> Tensor:
    return torch.cat([gradient.double().flatten() for gradient in gradients])
