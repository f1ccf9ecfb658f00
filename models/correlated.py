"""A Gaussian of two correlated coordinates, by the Cholesky factor of its covariance.

Shapes: B batch, P points, N points whose weight is not 0.
"""

import math

import torch
from torch import Tensor

from models.density import gaussian
from models.errors import InputError
from models.interface import Loss, LossInputs
from models.losses import LossModule, check_shapes, extremes, means, with_scale

LOG_4 = math.log(4)


class CorrelatedLoss(LossModule):
    """Σ weight · (-log N((u, v); mu, L Lᵀ)) / B, with L = diag(σ) [[1, 0], [ρ, sqrt(1 - ρ²)]] and ρ = tanh c.

    So sigma is the deviation of a coordinate by itself, as in the density without correlation, that of c = 0.
    """

    def compute(self, inputs: LossInputs) -> Loss:
        """Needs sigma and context, whose first number is c, and D = 2.

        Raises:
            InputError: these are not there, shapes differ, or a point has weight 0 in one coordinate only.
        """
        x, sigma, c, weight = self._points(inputs)
        nll_q = -gaussian.log_prob(whitened(x, c)) - log_cosh(c)
        log_sigma = sigma.log().sum(-1)
        loss = (weight * (nll_q + log_sigma)).sum() / len(inputs.mu)
        parts = means(nll_q=nll_q, log_sigma=log_sigma, correlation=c.tanh().abs())
        return Loss(loss, parts | extremes(x, sigma))

    def _points(self, inputs: LossInputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Deviations in units of sigma and sigma (N, 2), c and weights (N,)."""
        mu, sigma, target, weight = with_scale(inputs)
        check_shapes(mu, sigma, target, weight)
        if inputs.context is None or mu.shape[-1] != 2:
            raise InputError(
                "this loss needs 2-D points and a context: build the model with one", "no-context"
            )
        live = weight != 0
        if (live[..., 0] != live[..., 1]).any():
            raise InputError("a correlated density takes whole points", "partly-masked-point")
        whole = live[..., 0]
        scale = sigma[whole]
        x = (target[whole] - mu[whole]) / scale
        return x, scale, inputs.context[whole][:, 0], weight[whole].mean(-1)


def whitened(x: Tensor, c: Tensor) -> Tensor:
    """L⁻¹ diag(σ) x for deviations x (N, 2) in units of sigma: standard, independent coordinates (N, 2)."""
    return torch.stack([x[:, 0], x[:, 1] * c.cosh() - x[:, 0] * c.sinh()], -1)


def log_cosh(c: Tensor) -> Tensor:
    """log cosh c = -log sqrt(1 - tanh² c), also where cosh would overflow."""
    return c.abs() + torch.log1p((-2 * c.abs()).exp()) - LOG_4 / 2
