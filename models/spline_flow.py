"""A neural spline flow of the package zuko, in place of RealNVP.

Shapes: N samples, D coordinates.
"""

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from models.errors import ConfigError
from models.flow import Flow, FlowNet


class NSF(Flow):
    """Neural spline flow (Durkan et al., 2019), as zuko has it: autoregressive, the identity beyond ±5.

    Fields:
        transforms: autoregressive transforms in a row.
        bins: of each monotonic rational-quadratic spline.
        layers: hidden layers of the net that gives a transform's splines.
        width: units of each of these.
    """

    kind: Literal["nsf"] = "nsf"
    transforms: int = Field(default=2, ge=1, le=20)
    bins: int = Field(default=8, ge=2, le=100)
    layers: int = Field(default=2, ge=1, le=10)
    width: int = Field(default=64, ge=1, le=512)

    @property
    def name(self) -> str:
        """As `NSF 2x64`: transforms and units."""
        return f"NSF {self.transforms}x{self.width}"

    def build(self, dim: int) -> "NSFNet":
        """A flow over `dim` coordinates.

        Raises:
            ConfigError: zuko is not installed.
        """
        return NSFNet(self, dim)


class NSFNet(FlowNet):
    """What `NSF` builds. `flow` is zuko's."""

    def __init__(self, config: NSF, dim: int) -> None:
        super().__init__()
        self.dim = dim
        with torch.device("cpu"):  # zuko computes its masks, which the device "meta" can't
            self.flow = _zuko().flows.NSF(
                features=dim,
                bins=config.bins,
                transforms=config.transforms,
                hidden_features=(config.width,) * config.layers,
            )

    def log_prob(self, x: Tensor) -> Tensor:
        """log G(x), natural logarithm: x (N, D) -> (N,). N may be 0."""
        # zuko takes no empty batch, and every step must have a gradient for the parameters.
        log_p: Tensor = self.flow().log_prob(torch.cat([x, x.new_zeros(1, self.dim)]))
        return log_p[:-1]

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """`n` samples of G, (n, D), on the device of the parameters."""
        like = next(self.parameters())
        device = like.device if generator is None else generator.device
        z = torch.randn(n, self.dim, generator=generator, device=device, dtype=like.dtype)
        x: Tensor = self.flow().transform.inv(z.to(like.device))
        return x


def _zuko() -> Any:
    try:
        import zuko
    except ImportError as error:
        raise ConfigError(
            "a neural spline flow needs the package zuko: pip install 'rle-lab[likelihood]'", "no-zuko"
        ) from error
    return zuko
