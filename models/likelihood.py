"""The likelihood of an error under a flow: DLE and RLE as modules that own their flows.

Shapes: B batch, P points, D coordinates of a point, N live points.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from models.density import Density, Quadrature, grid, samples
from models.flow import Flow, RealNVP
from models.losses import Loss, check_shapes, extremes, means, require_scale
from models.rle_conventions import Formula, Joints, Terms


@dataclass(frozen=True)
class Normaliser:
    """How log s is estimated, once a step: on the grid of supplement Eq. 7, or from fresh samples of Q."""

    kind: Literal["grid", "samples"]
    q: Density
    samples: int

    def quadrature(self, dim: int, generator: torch.Generator) -> Quadrature:
        """Nodes and weights on the CPU. Only samples draw from the generator.

        Raises:
            ValueError: the grid would be too large.
        """
        if self.kind == "grid":
            return grid(self.q, dim)
        return samples(self.q.sample(self.samples, dim, generator))


class _Evaluated(NamedTuple):
    """The live points of one flow, and what the loss says about them."""

    x: Tensor  # (N, D)
    joints: Joints
    terms: Terms
    log_s: Tensor | None  # 0-d

    def loss(self) -> Tensor:
        total = self.terms.total()
        return (self.joints.weight * (total if self.log_s is None else total - self.log_s)).sum()


class LikelihoodLoss(nn.Module):
    """Σ weight · loss of the point / B, with a flow for the density of the deviations.

    In 3-D a point whose z has weight 0 goes through a flow of its own over (u, v), of the same size. Both
    flows take part in every step, be it with no point, so that data parallelism meets the same
    parameters everywhere.

    Attributes:
        flow: over all D coordinates.
        flow_without_depth: over (u, v); None unless D = 3.
    """

    def __init__(self, flow: Flow, dim: int, formula: Formula, normaliser: Normaliser | None) -> None:
        super().__init__()
        self.formula = formula
        self.normaliser = normaliser
        self.flow = flow.build(dim)
        self.flow_without_depth = flow.build(dim - 1) if dim == 3 else None
        if normaliser is not None:
            # A grid that is too large is refused here, not in the first step.
            normaliser.quadrature(dim, generator_at(0, 0))

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
        """mu, sigma, target, weight (B, P, D), sigma positive; samples of Q depend on (seed, step) alone.
        The heatmap is not looked at.

        A point's weight is the mean over its live coordinates.

        Raises:
            ValueError: there is no sigma, the shapes differ, or a point has weight 0 in some of its
                coordinates and is no 3-D point without depth.
        """
        generator = generator_at(seed, step)
        with torch.autocast(mu.device.type, enabled=False):
            groups = [
                self._evaluate(flow, joints, generator)
                for flow, joints in self._groups(mu, require_scale(sigma), target, weight)
            ]
            loss = torch.stack([group.loss() for group in groups]).sum() / len(mu)
        return Loss(loss, _parts(groups))

    def gradient_shares(self, mu: Tensor, sigma: Tensor, target: Tensor, weight: Tensor) -> dict[str, Tensor]:
        """How hard each term pulls at mu_hat: the "gradient shortcut" of supplement E.

        Returns:
            "grad_mu_g" and, for RLE, "grad_mu_q": the mean over live points of the L2 norm of the gradient of
            the -log G and the -log Q term with respect to mu_hat, before weights. Empty where no point lives.
        """
        with torch.enable_grad(), torch.autocast(mu.device.type, enabled=False):
            groups = self._groups(mu.detach(), sigma.detach(), target, weight)
            norms = [self._gradient_norms(flow, joints) for flow, joints in groups]
        return means(**{name: torch.cat([norm[name] for norm in norms]) for name in norms[0]})

    def _groups(
        self, mu: Tensor, sigma: Tensor, target: Tensor, weight: Tensor
    ) -> list[tuple[RealNVP, Joints]]:
        """Live points by the flow that they go through; what is masked is left behind here."""
        check_shapes(mu, sigma, target, weight)
        live = weight != 0
        chosen = [(self.flow, live.all(-1))]
        if self.flow_without_depth is not None:
            chosen.append((self.flow_without_depth, live[..., :-1].all(-1) & ~live[..., -1]))
        groups = [(flow, _select(where, flow.dim, mu, sigma, target, weight)) for flow, where in chosen]
        if sum(len(joints.mu) for _, joints in groups) != int(live.any(-1).sum()):
            raise ValueError(
                "a point has weight 0 in some coordinates only; a flow takes whole points, "
                "or 3-D points whose z alone has weight 0"
            )
        return groups

    def _evaluate(self, flow: RealNVP, joints: Joints, generator: torch.Generator) -> _Evaluated:
        x = self.formula.deviation(joints)
        if self.normaliser is None:
            return _Evaluated(x, joints, self.formula.terms(joints, x, flow.log_prob(x)), None)
        quadrature = self.normaliser.quadrature(flow.dim, generator).to(x)
        # One pass for the batch and the nodes of the integral.
        log_g, at_nodes = flow.log_prob(torch.cat([x, quadrature.nodes])).tensor_split([len(x)])
        return _Evaluated(x, joints, self.formula.terms(joints, x, log_g), quadrature.log_s(at_nodes))

    def _gradient_norms(self, flow: RealNVP, joints: Joints) -> dict[str, Tensor]:
        joints = joints._replace(mu=joints.mu.requires_grad_())
        x = self.formula.deviation(joints)
        terms = self.formula.terms(joints, x, flow.log_prob(x))
        wanted = {"grad_mu_g": terms.nll_g} | ({} if terms.nll_q is None else {"grad_mu_q": terms.nll_q})
        gradients = {
            name: torch.autograd.grad(nll.sum(), joints.mu, retain_graph=True)[0]
            for name, nll in wanted.items()
        }
        return {name: gradient.norm(dim=-1) for name, gradient in gradients.items()}


def generator_at(seed: int, step: int) -> torch.Generator:
    """A CPU generator that depends on (seed, step) alone.

    The sequence is mixed, since the CPU generator keeps only 32 bits of its seed.
    """
    mixed = np.random.SeedSequence((seed, step)).generate_state(1)[0]
    return torch.Generator().manual_seed(int(mixed))


def _select(where: Tensor, dim: int, *tensors: Tensor) -> Joints:
    """The points marked by `where` (B, P), their first `dim` coordinates, and one weight each."""
    index = where.flatten().nonzero().squeeze(1)
    mu, sigma, target, weight = (t.flatten(0, 1).index_select(0, index)[:, :dim] for t in tensors)
    return Joints(mu, sigma, target, weight.mean(-1))


def _parts(groups: list[_Evaluated]) -> dict[str, Tensor]:
    terms = [group.terms for group in groups]
    values = {
        "nll_g": torch.cat([term.nll_g for term in terms]),
        "log_sigma": torch.cat([term.log_sigma for term in terms]),
    }
    q = [term.nll_q for term in terms if term.nll_q is not None]
    if q:
        values["nll_q"] = torch.cat(q)
    names = ("log_s", "log_s_without_depth")
    log_s = {n: g.log_s.detach() for n, g in zip(names, groups, strict=False) if g.log_s is not None}
    x = torch.cat([group.x.flatten() for group in groups])
    sigma = torch.cat([group.joints.sigma.flatten() for group in groups])
    return means(**values) | extremes(x, sigma) | log_s
