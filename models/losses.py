"""Losses of single coordinates and of heatmaps, sums of losses, and what all losses share.

Shapes: B batch, P points, D coordinates of a point, N live coordinates (those of a weight other than 0), h w
the rows and columns of a heatmap.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.density import Density
from models.heatmap_codec import gaussians


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
        self,
        mu: Tensor,
        sigma: Tensor | None,
        target: Tensor,
        weight: Tensor,
        step: int,
        seed: int,
        *,
        heatmap: Tensor | None = None,
    ) -> Loss:
        """mu, target, weight (B, P, D); the rest is not looked at.

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
        self,
        mu: Tensor,
        sigma: Tensor | None,
        target: Tensor,
        weight: Tensor,
        step: int,
        seed: int,
        *,
        heatmap: Tensor | None = None,
    ) -> Loss:
        """mu, sigma, target, weight (B, P, D); the rest is not looked at.

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


class HeatmapLoss(nn.Module):
    """Half the mean over points and pixels of weight · (map - Gaussian)², as SimplePose has it.

    Points of weight 0, and those whose Gaussian lies outside the map, count in the mean as without error. A
    point's weight is the smaller of those of its u and v; z is not looked at.
    """

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(
        self,
        mu: Tensor,
        sigma: Tensor | None,
        target: Tensor,
        weight: Tensor,
        step: int,
        seed: int,
        *,
        heatmap: Tensor | None = None,
    ) -> Loss:
        """target, weight (B, P, D) with D at least 2, heatmap (B, P, h, w); the rest is not looked at.

        Raises:
            ValueError: there is no heatmap, or the shapes differ.
        """
        if heatmap is None:
            raise ValueError("this objective needs heatmaps: build the model with heatmap=True")
        check_shapes(target, weight)
        if heatmap.shape[:2] != target.shape[:2]:
            raise ValueError(f"heatmaps {tuple(heatmap.shape)} of other points than {tuple(target.shape)}")
        weights = weight[..., :2].amin(-1)
        live = weights != 0
        height, width = heatmap.shape[2:]
        maps, wanted = heatmap[live], gaussians(target[live][:, :2], (height, width), self.sigma)
        seen = wanted.flatten(1).amax(1) > 0
        error = (maps - wanted).square().flatten(1).mean(1)
        loss = 0.5 * (weights[live] * seen * error).sum() / live.numel()
        return Loss(loss, means(heatmap_peak=maps[seen].flatten(1).amax(1)))


class SumLoss(nn.Module):
    """A weighted sum of losses. `terms` holds them by name."""

    def __init__(self, weights: Mapping[str, float], terms: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.weights = dict(weights)
        self.terms = nn.ModuleDict(terms)

    def forward(
        self,
        mu: Tensor,
        sigma: Tensor | None,
        target: Tensor,
        weight: Tensor,
        step: int,
        seed: int,
        *,
        heatmap: Tensor | None = None,
    ) -> Loss:
        """Arguments as each term needs them. The parts are those of the terms, and "loss_" and the name of
        each for its size before it is weighted."""
        losses: dict[str, Loss] = {
            name: term(mu, sigma, target, weight, step, seed, heatmap=heatmap)
            for name, term in self.terms.items()
        }
        total = torch.stack([self.weights[name] * loss.loss for name, loss in losses.items()]).sum()
        sizes = {f"loss_{name}": loss.loss.detach() for name, loss in losses.items()}
        return Loss(total, {k: v for loss in losses.values() for k, v in loss.parts.items()} | sizes)

    def gradient_shares(self, mu: Tensor, sigma: Tensor, target: Tensor, weight: Tensor) -> dict[str, Tensor]:
        """Those of every term that has them, each before its weight."""
        terms = [getattr(term, "gradient_shares", None) for term in self.terms.values()]
        shares = [share(mu, sigma, target, weight) for share in terms if share is not None]
        return {name: value for share in shares for name, value in share.items()}


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
