"""Normalising flows: what every family has in common.

A family is one class derived from `Flow`, which builds its own `FlowNet`. `models/realnvp.py` is the paper's.

Shapes: N samples, D coordinates.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from models.config import Frozen
from models.flops import module_parameters


class FlowNet(nn.Module, ABC):
    """A density G over D coordinates with learned parameters.

    Attributes:
        dim: D.
    """

    dim: int

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """log G(x), natural logarithm: x (N, D) -> (N,). N may be 0."""

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """`n` samples of G, (n, D), on the device of the parameters."""


class Flow(Frozen, ABC):
    """A family of flows and its size. Base class of `RealNVP`.

    A family of your own is given to an objective as it is, `RLE(flow=Mine())`. It has a field
    `kind: Literal["mine"] = "mine"`, by which it is read from JSON.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """A short name for tables, such as `3x64`."""

    @abstractmethod
    def build(self, dim: int) -> FlowNet:
        """A flow over `dim` coordinates, with random weights.

        Raises:
            ConfigError: the family has no flow over so many coordinates.
        """

    def parameters(self, dim: int) -> int:
        """How many parameters a flow over `dim` coordinates has."""
        return module_parameters(self.build(dim))

    def flops(self, points: int, dim: int, grid_points: int = 0) -> int:
        """Floating-point operations of one forward pass for one image.

        Args:
            points: P of the image, 17 in COCO.
            dim: D of a point.
            grid_points: nodes of the integral for s, evaluated once an image, 400 in Table 7.

        Where a family does not count its own, those of its matrix products and convolutions.
        """
        from torch.utils.flop_counter import FlopCounterMode  # which imports Triton

        with FlopCounterMode(display=False) as counter:
            self.build(dim).log_prob(torch.zeros(points + grid_points, dim))
        return int(counter.get_total_flops())
