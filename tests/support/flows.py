"""Flows and samples for the tests of the kernels, and log_prob without them."""

import math

import torch
from torch import Tensor

from models import flow_kernels
from models.density import Quadrature
from models.flow import FlowNet
from models.realnvp import RealNVP, RealNVPNet

PAPER = RealNVP()


def products(flow: RealNVPNet, x: Tensor) -> Tensor:
    """log_prob by matrix products."""
    z, log_det = flow.inverse(x)
    return log_det - 0.5 * (z.square().sum(-1) + 2 * math.log(2 * math.pi))


def build(config: RealNVP = PAPER, seed: int = 0, perturb: float = 0.1) -> RealNVPNet:
    torch.manual_seed(seed)
    flow = config.build(2)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=perturb)
    return flow


def log_s(flow: FlowNet, quadrature: Quadrature) -> Tensor:
    """log s of Q · G · s, a 0-d tensor through which gradients flow to G."""
    quadrature = quadrature.to(next(flow.parameters()))
    return quadrature.log_s(flow.log_prob(quadrature.nodes))


def by_pieces(flow: RealNVPNet, x: Tensor) -> Tensor | None:
    """log_prob by the kernels, however few samples there are."""
    return flow_kernels.by_pieces(x, [*flow.weights], [*flow.biases])


def supported(flow: RealNVPNet, x: Tensor) -> bool:
    """Whether the kernels stand in for matrix products."""
    return flow_kernels.supported(x, [*flow.weights], [*flow.biases])


def samples(n: int, scale: float = 1.0, seed: int = 1) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed)) * scale


def gradients(value: Tensor, flow: RealNVPNet, x: Tensor) -> list[Tensor]:
    weights = torch.linspace(-1, 1, len(value), dtype=value.dtype)
    return list(torch.autograd.grad(value, [x, *flow.parameters()], weights, allow_unused=True))


def same(got: Tensor | None, expected: Tensor | None) -> None:
    torch.testing.assert_close(got, expected, rtol=0, atol=0, equal_nan=True)
