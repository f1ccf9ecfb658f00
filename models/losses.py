"""Losses that look at each coordinate by itself, and what all losses share.

Shapes: B batch, P points, D coordinates of a point, N live coordinates (those of a weight other than 0).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.density import Density


class Loss(NamedTuple):
    """What is minimised, and what is worth watching."""

    loss: Tensor  # 0-d: the sum over points and coordinates, the mean over the batch
    parts: dict[str, Tensor]  # 0-d, detached; means and extremes over live points, left out where none lives


class ErrorLoss(nn.Module):
    """Σ weight · penalty(mu_hat - mu) / B: direct regression, no scale."""

    def __init__(self, penalty: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.penalty = penalty

    def forward(
        self, mu: Tensor, sigma: Tensor | None, target: Tensor, weight: Tensor, step: int, seed: int
    ) -> Loss:
        """mu, target, weight (B, P, D); sigma, step and seed are not looked at.

        Raises:
            ValueError: the shapes differ.
        """
        check_shapes(mu, target, weight)
        live = weight != 0
        error = mu[live] - target[live]
        loss = (weight[live] * self.penalty(error)).sum() / len(mu)
        return Loss(loss, means(error=error.abs()))


class ScaledLoss(nn.Module):
    """Σ weight · (-log Q((mu - mu_hat) / σ) + log σ) / B: a learned scale under a fixed Q, no flow."""

    def __init__(self, q: Density) -> None:
        super().__init__()
        self.q = q

    def forward(
        self, mu: Tensor, sigma: Tensor | None, target: Tensor, weight: Tensor, step: int, seed: int
    ) -> Loss:
        """mu, sigma, target, weight (B, P, D); step and seed are not looked at.

        Raises:
            ValueError: there is no sigma, or the shapes differ.
        """
        sigma = require_scale(sigma)
        check_shapes(mu, sigma, target, weight)
        live = weight != 0
        scale = sigma[live]
        x = (target[live] - mu[live]) / scale
        nll_q, log_sigma = -self.q.log_prob_1d(x), scale.log()
        loss = (weight[live] * (nll_q + log_sigma)).sum() / len(mu)
        return Loss(loss, means(nll_q=nll_q, log_sigma=log_sigma) | extremes(x, scale))

    def gradient_shares(self, mu: Tensor, sigma: Tensor, target: Tensor, weight: Tensor) -> dict[str, Tensor]:
        """The mean over live points of the L2 norm of d(-log Q)/d mu_hat, before weights, as "grad_mu_q"."""
        live = weight != 0
        with torch.enable_grad():
            centre = mu[live].detach().requires_grad_()
            nll_q = -self.q.log_prob_1d((target[live] - centre) / sigma[live].detach())
            (gradient,) = torch.autograd.grad(nll_q.sum(), centre)
        norms = torch.zeros_like(mu).masked_scatter(live, gradient).norm(dim=-1)
        return means(grad_mu_q=norms[live.any(-1)])


def check_shapes(*tensors: Tensor) -> None:
    """Raises ValueError unless all are of one shape (B, P, D) with B at least 1."""
    shapes = [tuple(t.shape) for t in tensors]
    if len(set(shapes)) != 1 or len(shapes[0]) != 3 or shapes[0][0] == 0:
        raise ValueError(f"expected tensors of one shape (batch, points, coordinates), got {shapes}")


def require_scale(sigma: Tensor | None) -> Tensor:
    """Raises ValueError where the model predicts no scale."""
    if sigma is None:
        raise ValueError("this objective needs a predicted scale: build the model with scale=True")
    return sigma


def means(**values: Tensor) -> dict[str, Tensor]:
    """The mean of each, detached; one without elements is left out."""
    return {name: value.detach().mean() for name, value in values.items() if value.numel()}


def extremes(x: Tensor, sigma: Tensor) -> dict[str, Tensor]:
    """What runs away first when a likelihood diverges: the largest |x|, the ends of sigma. Empty for none."""
    if not x.numel():
        return {}
    low, high = sigma.detach().aminmax()
    return {"bar_mu_max": x.detach().abs().amax(), "sigma_min": low, "sigma_max": high}
