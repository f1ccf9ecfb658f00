"""Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024): orthogonal steps.

The momentum of a weight matrix is replaced by the nearest matrix whose singular values are all equal, so that
rare directions are learned as fast as common ones. A convolution's weight is treated as a matrix with one row
per output channel.

torch.optim.Muon takes two-dimensional parameters only and multiplies in bfloat16: on a CPU without bfloat16
instructions a step of the small trunk takes 70 ms with it, and 3 ms here, in float32.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from models.config import Frozen

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of x, x³ and x⁵ in an iteration: Jordan's, which soon bring singular values to between 0.7 and 1.2."""


class Muon(Frozen):
    """The optimiser of weight matrices. The learning rate is for an update whose singular values are one.

    Fields:
        lr: the learning rate.
        momentum: the decay of the running mean of gradients.
        iterations: of Newton and Schulz; more bring small singular values nearer to the others.
    """

    lr: float = Field(default=0.02, gt=0, le=1e3)
    momentum: float = Field(default=0.95, ge=0, lt=1)
    iterations: int = Field(default=5, ge=1, le=100)

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """An optimiser of parameters with at least two dimensions."""
        return OrthogonalMomentum(parameters, self)


class OrthogonalMomentum(torch.optim.Optimizer):
    """What `Muon` builds: Nesterov momentum, orthogonalised."""

    def __init__(self, parameters: Iterable[nn.Parameter], config: Muon) -> None:
        super().__init__(parameters, {"lr": config.lr})
        self.config = config

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient. A closure is not supported."""
        assert closure is None
        momentum = self.config.momentum
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                average: Tensor = state["momentum"].lerp_(parameter.grad, 1 - momentum)
                update = parameter.grad.lerp(average, momentum).flatten(1)
                tall = math.sqrt(max(1.0, update.shape[0] / update.shape[1]))
                update = orthogonal(update, self.config.iterations)
                parameter.add_(update.view(parameter.shape), alpha=-group["lr"] * tall)


def orthogonal(matrix: Tensor, iterations: int) -> Tensor:
    """U S V' of `matrix` (N, M) with S brought near one by Newton-Schulz iterations.

    The iterations act on the smaller product of the matrix with its transpose, which costs less than acting
    on the matrix itself: together they are one factor, applied at the end.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T, iterations).T
    matrix = matrix / matrix.norm().clamp(min=1e-30)
    gram = matrix @ matrix.T
    once = _polynomial(gram)
    factor = once
    for _ in range(iterations - 1):
        gram = once @ gram @ once
        once = _polynomial(gram)
        factor = once @ factor
    return factor @ matrix


def _polynomial(gram: Tensor) -> Tensor:
    """The factor by which an iteration multiplies a matrix X, from gram = X X'."""
    a, b, c = COEFFICIENTS
    out = torch.addmm(gram, gram, gram, beta=b, alpha=c)
    out.diagonal().add_(a)
    return out
