"""Losses of single coordinates and of heatmaps, sums of losses, and what all losses share.

Shapes: B batch, P points, D coordinates of a point, N coordinates (or points) whose weight is not 0, h w the
rows and columns of a heatmap.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from models.density import Density
from models.errors import InputError
from models.heatmap_codec import gaussians
from models.interface import Loss, LossInputs


class LossModule(nn.Module, ABC):
    """What an objective builds. A loss of its own is one method, `compute`."""

    has_densities: bool = False
    """Whether `gradient_shares` has anything to give."""

    def forward(
        self,
        mu: Tensor,
        sigma: Tensor | None,
        target: Tensor,
        weight: Tensor | None = None,
        *,
        step: int | None = None,
        seed: int = 0,
        heatmap: Tensor | None = None,
        context: Tensor | None = None,
    ) -> Loss:
        """The loss of a batch, and its parts.

        Args:
            mu: predicted coordinates (B, P, D).
            sigma: predicted scale (B, P, D), positive, in the units of mu; None for losses without one.
            target: true coordinates (B, P, D).
            weight: (B, P, D); None weighs everything 1. Coordinates of weight 0 are ignored, even NaN.
            step: of the training, from 0; only RLE whose s is drawn at random at each needs it.
            seed: of the same draws.
            heatmap: predicted heatmaps (B, P, h, w), for losses of heatmaps.
            context: (B, P, C) more numbers of each point, for densities that need them.

        Raises:
            InputError: shapes differ, or something that this loss needs is missing.
        """
        weight = torch.ones_like(target) if weight is None else weight
        return self.compute(LossInputs(mu, sigma, target, weight, step, seed, heatmap, context))

    @abstractmethod
    def compute(self, inputs: LossInputs) -> Loss:
        """The loss itself; same errors as `forward`."""

    def gradient_shares(self, inputs: LossInputs) -> dict[str, Tensor]:
        """How strongly each density pulls at mu: the "gradient shortcut" of supplement E.

        Returns:
            "grad_mu_q" and "grad_mu_g", of densities that the loss has: the mean over points of the L2 norm
            of the gradient of -log Q and -log G with respect to mu, before weights. Empty without points.
        """
        return {}


class ErrorLoss(LossModule):
    """Σ weight · penalty(mu_hat - mu) / B: direct regression, no scale."""

    def __init__(self, penalty: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.penalty = penalty

    def compute(self, inputs: LossInputs) -> Loss:
        """Ignores sigma."""
        mu, target, weight = inputs.mu, inputs.target, inputs.weight
        check_shapes(mu, target, weight)
        live = weight != 0
        error = mu[live] - target[live]
        loss = (weight[live] * self.penalty(error)).sum() / len(mu)
        return Loss(loss, means(error=error.abs()))


class ScaledLoss(LossModule):
    """Σ weight · (-log Q((mu - mu_hat) / σ) + log σ) / B: a learned scale under a fixed Q, no flow.

    Args:
        beta: each coordinate also counts σ^beta times, which has no gradient.
    """

    has_densities = True

    def __init__(self, q: Density, beta: float = 0.0) -> None:
        super().__init__()
        self.q = q
        self.beta = beta

    def compute(self, inputs: LossInputs) -> Loss:
        """Needs sigma."""
        mu, sigma, target, weight = with_scale(inputs)
        check_shapes(mu, sigma, target, weight)
        live = weight != 0
        scale = sigma[live]
        x = (target[live] - mu[live]) / scale
        nll_q, log_sigma = -self.q.log_prob_1d(x), scale.log()
        counted = weight[live] * scale.detach() ** self.beta if self.beta else weight[live]
        loss = (counted * (nll_q + log_sigma)).sum() / len(mu)
        return Loss(loss, means(nll_q=nll_q, log_sigma=log_sigma) | extremes(x, scale))

    def gradient_shares(self, inputs: LossInputs) -> dict[str, Tensor]:
        """Only "grad_mu_q"."""
        mu, sigma, target, weight = with_scale(inputs)
        live = weight != 0
        with torch.enable_grad():
            centre = mu[live].detach().requires_grad_()
            nll_q = -self.q.log_prob_1d((target[live] - centre) / sigma[live].detach())
            (gradient,) = torch.autograd.grad(nll_q.sum(), centre)
        norms = torch.zeros_like(mu).masked_scatter(live, gradient).norm(dim=-1)
        return means(grad_mu_q=norms[live.any(-1)])


class HeatmapLoss(LossModule):
    """Half the mean over points and pixels of weight · (map - Gaussian)², as in SimplePose.

    Points of weight 0, and those whose Gaussian lies outside the map, count in the mean as without error. A
    point's weight is the smaller of those of its u and v; z is ignored.

    Args:
        sigma: of the Gaussians, in pixels of the map.
    """

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def compute(self, inputs: LossInputs) -> Loss:
        """Needs heatmaps and D of at least 2; ignores mu and sigma."""
        target, weight, heatmap = inputs.target, inputs.weight, inputs.heatmap
        if heatmap is None:
            raise InputError("this loss needs heatmaps: build the model with heatmap=True", "no-heatmap")
        check_shapes(target, weight)
        if heatmap.shape[:2] != target.shape[:2]:
            raise InputError(
                f"heatmaps {tuple(heatmap.shape)} of other points than {tuple(target.shape)}", "heatmap-shape"
            )
        weights = weight[..., :2].amin(-1)
        live = weights != 0
        height, width = heatmap.shape[2:]
        maps, wanted = heatmap[live], gaussians(target[live][:, :2], (height, width), self.sigma)
        inside = wanted.flatten(1).amax(1) > 0
        error = (maps - wanted).square().flatten(1).mean(1)
        loss = 0.5 * (weights[live] * inside * error).sum() / live.numel()
        return Loss(loss, means(heatmap_peak=maps[inside].flatten(1).amax(1)))


class SumLoss(LossModule):
    """A weighted sum of losses. `terms` holds them by name."""

    def __init__(self, weights: Mapping[str, float], terms: Mapping[str, LossModule]) -> None:
        super().__init__()
        self.weights = dict(weights)
        self.terms = nn.ModuleDict(terms)
        self.has_densities = any(term.has_densities for term in terms.values())

    def compute(self, inputs: LossInputs) -> Loss:
        """Needs what its terms need. The parts are theirs, and "loss_{name}" for each before its weight."""
        losses = {name: term.compute(inputs) for name, term in self._terms().items()}
        total = torch.stack([self.weights[name] * loss.loss for name, loss in losses.items()]).sum()
        sizes = {f"loss_{name}": loss.loss.detach() for name, loss in losses.items()}
        return Loss(total, {k: v for loss in losses.values() for k, v in loss.parts.items()} | sizes)

    def gradient_shares(self, inputs: LossInputs) -> dict[str, Tensor]:
        """Those of its terms, each before its weight."""
        shares = [term.gradient_shares(inputs) for term in self._terms().values()]
        return {name: value for share in shares for name, value in share.items()}

    def _terms(self) -> Mapping[str, LossModule]:
        return cast("Mapping[str, LossModule]", self.terms)


def check_shapes(*tensors: Tensor) -> None:
    """Raises InputError unless all have one shape (B, P, D) with B at least 1."""
    shapes = [tuple(t.shape) for t in tensors]
    if len(set(shapes)) != 1 or len(shapes[0]) != 3 or shapes[0][0] == 0:
        raise InputError(f"expected one shape (batch, points, coordinates) for all, got {shapes}", "shapes")


def with_scale(inputs: LossInputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """mu, sigma, target and weight. Raises InputError where there is no sigma."""
    if inputs.sigma is None:
        raise InputError("this loss needs a predicted scale: build the model with scale=True", "no-sigma")
    return inputs.mu, inputs.sigma, inputs.target, inputs.weight


def means(**values: Tensor) -> dict[str, Tensor]:
    """The mean of each, detached; one without elements is left out."""
    return {name: value.detach().mean() for name, value in values.items() if value.numel()}


def extremes(x: Tensor, sigma: Tensor) -> dict[str, Tensor]:
    """What diverges first in a likelihood: the largest |x|, the range of sigma. Empty without elements."""
    if not x.numel():
        return {}
    low, high = sigma.detach().aminmax()
    return {"bar_mu_max": x.detach().abs().amax(), "sigma_min": low, "sigma_max": high}
