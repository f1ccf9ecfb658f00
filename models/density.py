"""Base densities Q, and the normaliser s of a density Q · G · s (supplement E).

Shapes: N samples, M nodes of a quadrature, D coordinates.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from models.errors import ConfigError

DensityName = Literal["laplace", "gaussian"]

POINTS_PER_AXIS = 20
"""The grid of Table 7. It is coarse: the standard Laplace density in 2-D integrates to 1.028 on it."""

LOW, HIGH = -5.0, 5.0
"""The interval of supplement Eq. 7."""

MAX_NODES = 1_000_000
"""A grid of 20 per axis has 400 nodes in 2-D, 8,000 in 3-D and 26 billion in 8-D."""


@dataclass(frozen=True)
class Density:
    """A standard density (location 0, scale 1) with independent, identical coordinates."""

    log_prob_1d: Callable[[Tensor], Tensor]  # coordinate by coordinate
    draw: Callable[[Tensor, torch.Generator | None], Tensor]  # fills a tensor with samples and returns it

    def log_prob(self, x: Tensor) -> Tensor:
        """log Q(x), natural logarithm: x (N, D) -> (N,)."""
        return self.log_prob_1d(x).sum(-1)

    def sample(self, n: int, dim: int, generator: torch.Generator | None = None) -> Tensor:
        """`n` samples, float32 (n, dim), on the generator's device."""
        device = None if generator is None else generator.device
        return self.draw(torch.empty(n, dim, device=device), generator)


def _draw_laplace(out: Tensor, generator: torch.Generator | None) -> Tensor:
    # The difference of two exponential variables is a Laplace variable; no logarithm of 0 can occur.
    return out.exponential_(generator=generator) - torch.empty_like(out).exponential_(generator=generator)


laplace = Density(
    log_prob_1d=lambda x: -x.abs() - math.log(2),
    draw=_draw_laplace,
)
"""exp(-|x|) / 2 in each coordinate."""

gaussian = Density(
    log_prob_1d=lambda x: -0.5 * (x.square() + math.log(2 * math.pi)),
    draw=lambda out, generator: out.normal_(generator=generator),
)
"""N(0, 1) in each coordinate."""

DENSITIES: Mapping[DensityName, Density] = {"laplace": laplace, "gaussian": gaussian}


class Quadrature(NamedTuple):
    """Nodes x_m and log-weights w_m with ∫ Q(x) G(x) dx ≈ Σ_m exp(w_m) G(x_m)."""

    nodes: Tensor  # (M, D)
    log_weights: Tensor  # (M,)

    def log_s(self, log_g: Tensor) -> Tensor:
        """log s = -log ∫ Q G, a 0-d tensor, from log G at the nodes (M,)."""
        return -torch.logsumexp(log_g + self.log_weights, dim=0)

    def to(self, like: Tensor) -> "Quadrature":
        """The same on the device and with the dtype of `like`."""
        return Quadrature(self.nodes.to(like), self.log_weights.to(like))


def grid_size(points_per_axis: int, dim: int) -> int:
    """How many nodes a grid has.

    Raises:
        ConfigError: over a million.
    """
    size = int(points_per_axis**dim)
    if size > MAX_NODES:
        raise ConfigError(
            f"a grid of {points_per_axis} points per axis has {size:,} nodes in "
            f"{dim} dimensions; take samples of Q instead",
            "grid-too-large",
        )
    return size


def grid(
    q: Density,
    dim: int,
    points_per_axis: int = POINTS_PER_AXIS,
    low: float = LOW,
    high: float = HIGH,
    shift: Tensor | None = None,
) -> Quadrature:
    """The Riemann sum of supplement Eq. 7: right end points low + i·dx, i = 1..N, on every axis.

    Args:
        shift: (D,) in [0, 1), the share of dx by which all nodes are moved down each axis. Over uniform
            shifts the mean of the sum is the integral from `low` to `high`.

    Raises:
        ConfigError: the grid would have more than a million nodes.
    """
    grid_size(points_per_axis, dim)
    dx = (high - low) / points_per_axis
    axis = low + dx * torch.arange(1, points_per_axis + 1, dtype=torch.float64)
    nodes = torch.cartesian_prod(*[axis] * dim).reshape(-1, dim)
    if shift is not None:
        nodes = nodes - dx * shift
    return Quadrature(nodes, q.log_prob(nodes) + dim * math.log(dx))


def samples(x: Tensor) -> Quadrature:
    """Monte Carlo: ∫ Q G = E[G(x)] over samples x (M, D) of Q."""
    return Quadrature(x, x.new_full((len(x),), -math.log(len(x))))
