"""DLE and RLE: the likelihood of an error under a flow, as modules that own their flows.

Shapes: B batch, P points, D coordinates of a point, C numbers of its context, N points whose weight is not 0.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.density import Density, Quadrature, grid, grid_size, samples
from models.errors import InputError
from models.flow import Flow, FlowNet
from models.interface import Loss, LossInputs
from models.losses import LossModule, check_shapes, extremes, means, with_scale
from models.realnvp import RealNVP, RealNVPNet
from models.rle_conventions import Formula, Joints, Terms


@dataclass(frozen=True)
class Normaliser:
    """How log s is estimated at each step: on the grid of supplement Eq. 7, or from fresh samples of Q.

    Args:
        samples: how many samples of Q.
        nodes: of the grid on each axis.
        shifted: whether all nodes are moved together, at random at each step.
        gradient: whether log s has a gradient, or is a constant at each step.
    """

    kind: Literal["grid", "samples"]
    q: Density
    samples: int
    nodes: int
    shifted: bool
    gradient: bool

    @property
    def random(self) -> bool:
        """Whether something is drawn at each step."""
        return self.kind == "samples" or self.shifted

    def size(self, dim: int) -> int:
        """How many points the flow is evaluated at.

        Raises:
            ConfigError: the grid would be too large.
        """
        return grid_size(self.nodes, dim) if self.kind == "grid" else self.samples

    def quadrature(self, dim: int, generator: torch.Generator | None) -> Quadrature:
        """Nodes and weights on the CPU. The generator is not used unless something is `random`.

        Raises:
            ConfigError: the grid would be too large.
        """
        if self.kind == "samples":
            return samples(self.q.sample(self.samples, dim, generator))
        shift = torch.rand(dim, generator=generator, dtype=torch.float64) if self.shifted else None
        return grid(self.q, dim, self.nodes, shift=shift)

    def densities(self, flow: FlowNet, x: Tensor, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """log G of the batch (N,) and at the nodes (M,)."""
        if self.gradient:
            # One pass for the batch and the nodes of the integral.
            log_g, at_nodes = flow.log_prob(torch.cat([x, nodes])).tensor_split([len(x)])
            return log_g, at_nodes
        # The batch by itself, so that its gradient is that without s to the last bit.
        with torch.no_grad():
            at_nodes = flow.log_prob(nodes)
        return flow.log_prob(x), at_nodes


class _Evaluated(NamedTuple):
    """The points that go through one flow, and what they add to the loss."""

    x: Tensor  # (N, D)
    joints: Joints
    terms: Terms
    log_s: Tensor | None  # 0-d

    def loss(self) -> Tensor:
        total = self.terms.total()
        return (self.joints.weight * (total if self.log_s is None else total - self.log_s)).sum()


class LikelihoodLoss(LossModule):
    """Σ weight · loss of the point / B, with a flow for the density of the deviations.

    In 3-D a point whose z has weight 0 goes through a flow of its own over (u, v), of the same size. Both
    flows take part in every step, even without points, as data parallelism needs a gradient for the same
    parameters on every worker.

    Attributes:
        flow: over all D coordinates.
        flow_without_depth: over (u, v); None unless D = 3.
    """

    has_densities = True

    def __init__(self, flow: Flow, dim: int, formula: Formula, normaliser: Normaliser | None) -> None:
        super().__init__()
        self.formula = formula
        self.normaliser = normaliser
        self.context = context_of(flow)
        self.flow = flow.build(dim)
        self.flow_without_depth = flow.build(dim - 1) if dim == 3 else None
        if normaliser is not None:
            normaliser.size(dim)  # a grid that is too large is refused here, not in the first step

    def compute(self, inputs: LossInputs) -> Loss:
        """Needs sigma. A point's weight is the mean over its coordinates of weight other than 0.

        Raises:
            InputError: there is no sigma, the shapes differ, a point has weight 0 in some of its coordinates
                and is no 3-D point without depth, or s is drawn at random and there is no step.
        """
        generator = self._generator(inputs)
        with torch.autocast(inputs.mu.device.type, enabled=False):
            groups = [
                self._evaluate(flow, joints, generator)
                for flow, joints in self._groups(*with_scale(inputs), inputs.context)
            ]
            loss = torch.stack([group.loss() for group in groups]).sum() / len(inputs.mu)
        return Loss(loss, _parts(groups))

    def gradient_shares(self, inputs: LossInputs) -> dict[str, Tensor]:
        """Of G and, for RLE, of Q."""
        mu, sigma, target, weight = with_scale(inputs)
        with torch.enable_grad(), torch.autocast(mu.device.type, enabled=False):
            groups = self._groups(mu.detach(), sigma.detach(), target, weight, inputs.context)
            norms = [self._gradient_norms(flow, joints) for flow, joints in groups]
        return means(**{name: torch.cat([norm[name] for norm in norms]) for name in norms[0]})

    def _generator(self, inputs: LossInputs) -> torch.Generator | None:
        """Of samples of Q and shifts, which depend on (seed, step) alone; None where none are drawn."""
        if self.normaliser is None or not self.normaliser.random:
            return None
        if inputs.step is None:
            raise InputError("s is drawn at random at each step: name it, step=...", "no-step")
        return generator_at(inputs.seed, inputs.step)

    def _groups(
        self, mu: Tensor, sigma: Tensor, target: Tensor, weight: Tensor, context: Tensor | None
    ) -> list[tuple[FlowNet, Joints]]:
        """The points of weight other than 0 by the flow that they go through."""
        if self.context and context is None:
            raise InputError("the flow is conditioned: build the model with a context", "no-context")
        check_shapes(mu, sigma, target, weight)
        live = weight != 0
        masks = [(self.flow, live.all(-1))]
        if self.flow_without_depth is not None:
            masks.append((self.flow_without_depth, live[..., :-1].all(-1) & ~live[..., -1]))
        given = context[..., : self.context] if self.context and context is not None else None
        groups = [(flow, _select(mask, flow.dim, mu, sigma, target, weight, given)) for flow, mask in masks]
        if sum(len(joints.mu) for _, joints in groups) != int(live.any(-1).sum()):
            raise InputError(
                "a point has weight 0 in some coordinates only; a flow takes whole points, "
                "or 3-D points whose z alone has weight 0",
                "partly-masked-point",
            )
        return groups

    def _evaluate(self, flow: FlowNet, joints: Joints, generator: torch.Generator | None) -> _Evaluated:
        x = self.formula.deviation(joints)
        if self.normaliser is None:
            return _Evaluated(x, joints, self.formula.terms(joints, x, log_g(flow, x, joints.context)), None)
        quadrature = self.normaliser.quadrature(flow.dim, generator).to(x)
        at_points, at_nodes = self.normaliser.densities(flow, x, quadrature.nodes)
        return _Evaluated(x, joints, self.formula.terms(joints, x, at_points), quadrature.log_s(at_nodes))

    def _gradient_norms(self, flow: FlowNet, joints: Joints) -> dict[str, Tensor]:
        joints = joints._replace(mu=joints.mu.requires_grad_())
        x = self.formula.deviation(joints)
        terms = self.formula.terms(joints, x, log_g(flow, x, joints.context))
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


def context_of(flow: Flow) -> int:
    """How many numbers of each point a flow is conditioned on."""
    return flow.context if isinstance(flow, RealNVP) else 0


def log_g(flow: FlowNet, x: Tensor, context: Tensor | None) -> Tensor:
    """log G(x) (N,), for the context (N, C) of each point where the flow is conditioned."""
    return flow.log_prob(x, context) if isinstance(flow, RealNVPNet) else flow.log_prob(x)


def _select(
    mask: Tensor, dim: int, mu: Tensor, sigma: Tensor, target: Tensor, weight: Tensor, context: Tensor | None
) -> Joints:
    """The points that `mask` (B, P) marks, their first `dim` coordinates, and one weight each."""
    index = mask.flatten().nonzero().squeeze(1)
    parts = (t.flatten(0, 1).index_select(0, index)[:, :dim] for t in (mu, sigma, target, weight))
    mu, sigma, target, weight = parts
    given = None if context is None else context.flatten(0, 1).index_select(0, index)
    return Joints(mu, sigma, target, weight.mean(-1), given)


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
