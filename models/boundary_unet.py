"""Boundaries in every column of a B-scan: the residual U-Net of He et al. (MICCAI 2019), with two outputs.

Shapes: B batch, H W pixels of a crop, C channels, K boundaries, P points and D coordinates of a point, with
P · D = W · K.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models.backbones import check_size
from models.config import Bias, Frozen, Width
from models.errors import ConfigError
from models.interface import Output, OutputSpec
from models.regressor import head


class BoundaryNet(Frozen):
    """A residual U-Net and its output.

    Fields:
        channels: C, the same at every resolution, as in the one published re-implementation of He et al.'s
            network; the authors' own is not public.
        depth: how often the resolution is halved.
        head: "fc" is the paper's: a fully connected layer from the C · H features of a column to its
            boundaries, shared by all columns. (One for all columns together, C · H · W to K · W, would have
            68 billion weights.) "softargmax" is He et al.'s: a softmax along each column for each boundary,
            its mean as the row, and s_i = s_{i-1} + ReLU(s_i - s_{i-1}), so that no boundary lies above the
            one before it.
        sigma_bias: the initial bias of the scale's layer; sigma starts at sigmoid(sigma_bias) of the height.
    """

    kind: Literal["boundary"] = "boundary"
    channels: Width = 64
    depth: int = Field(default=4, ge=1, le=12)
    head: Literal["fc", "softargmax"] = "fc"
    sigma_bias: Bias = -3.0

    def check(self, spec: OutputSpec) -> None:
        """Raises ConfigError where `build` would."""
        check_size(2**self.depth, spec.size)
        if spec.heatmap:
            raise ConfigError(
                "the objective needs heatmaps, which a boundary net does not predict", "no-heatmap"
            )
        if spec.context:
            raise ConfigError(
                "the objective needs a context of each point, which a boundary net has none of", "no-context"
            )
        if spec.points * spec.dim % spec.size[1]:
            raise ConfigError(
                f"{spec.points} points of {spec.dim} coordinates do not divide among {spec.size[1]} columns",
                "points-and-columns",
            )

    def build(self, spec: OutputSpec, pretrained: bool = True) -> "BoundaryRegressor":
        """A net whose W · K rows come as P points of D coordinates, column by column.

        Args:
            spec: what to predict. Sigma comes from a fully connected layer with either head.
            pretrained: there are no pretrained weights, and it changes nothing.

        Raises:
            ConfigError: a side is not divisible by 2 ** depth, the points do not divide among the columns, or
                the objective needs heatmaps.
        """
        self.check(spec)
        return BoundaryRegressor(self, spec)


class BoundaryRegressor(nn.Module):
    """What `BoundaryNet` builds. `trunk`, `coord` and `sigma` (None without scale) are its learned parts."""

    def __init__(self, config: BoundaryNet, spec: OutputSpec) -> None:
        super().__init__()
        self.shape = (spec.points, spec.dim)
        height, width = spec.size
        boundaries = spec.points * spec.dim // width
        features = config.channels * height
        self.trunk = ResidualUNet(config.channels, config.depth)
        self.coord: nn.Module = (
            SoftArgmax(config.channels, boundaries)
            if config.head == "softargmax"
            else ColumnLinear(features, boundaries, bias=0.0)
        )
        self.sigma = ColumnLinear(features, boundaries, bias=config.sigma_bias) if spec.scale else None

    def forward(self, image: Tensor) -> Output:
        """uint8 (B, H, W, 3), grey -> rows / H - 0.5 and their scale, both float32 (B, P, D).

        Raises:
            TypeError: the image is not uint8.
        """
        maps = self.trunk(_grey_and_position(image))
        with torch.autocast(image.device.type, enabled=False):
            maps = maps.float()
            mu = self.coord(maps).reshape(-1, *self.shape)
            if self.sigma is None:
                return Output(mu, None)
            return Output(mu, self.sigma(maps).sigmoid().reshape(-1, *self.shape))


class ResidualUNet(nn.Module):
    """(B, 3, H, W) -> (B, C, H, W): residual blocks down and up, with skip connections."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.first = nn.Sequential(_Residual(3, channels), _Residual(channels, channels))
        self.down = nn.ModuleList(_Residual(channels, channels) for _ in range(depth))
        self.up = nn.ModuleList(_Residual(2 * channels, channels) for _ in range(depth - 1))
        self.last = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """H and W divide by 2 ** depth."""
        maps = [self.first(x)]
        for block in self.down:
            maps.append(block(F.max_pool2d(maps[-1], 2)))
        x = maps.pop()
        for block in [*self.up, self.last]:
            x = block(torch.cat([F.interpolate(x, scale_factor=2), maps.pop()], 1))
        return x


class ColumnLinear(nn.Module):
    """One fully connected layer for every column: (B, C, H, W) -> (B, W, K)."""

    def __init__(self, features: int, outputs: int, bias: float) -> None:
        super().__init__()
        self.linear = head(features, outputs, bias)

    def forward(self, maps: Tensor) -> Tensor:
        """Any number of columns."""
        out: Tensor = self.linear(maps.permute(0, 3, 1, 2).flatten(2))
        return out


class SoftArgmax(nn.Module):
    """Rows as means of a softmax along each column, in order: (B, C, H, W) -> (B, W, K), row / H - 0.5."""

    def __init__(self, channels: int, boundaries: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(channels, boundaries, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Any height, any number of columns."""
        height = maps.shape[2]
        share = self.maps(maps).softmax(2)
        rows = torch.arange(height, device=maps.device, dtype=maps.dtype) / height - 0.5
        return in_order(torch.einsum("bkhw,h->bwk", share, rows))


def in_order(boundaries: Tensor) -> Tensor:
    """(..., K) with s_i = s_{i-1} + ReLU(s_i - s_{i-1}), the running maximum: no boundary above another.

    The gradient is that of the input itself. With the gradient of ReLU a boundary that starts above the one
    before it would have none, and stay there; He et al. use a second loss on the softmax instead.
    """
    ordered = boundaries.cummax(-1).values
    # Exactly `ordered`, since the difference is exactly 0.
    return ordered.detach() + (boundaries - boundaries.detach())


class _Residual(nn.Module):
    """A 3×3 convolution, then two more with BatchNorm and a shortcut."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.block = nn.Sequential(
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.PReLU(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.activation = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        out: Tensor = self.activation(x + self.block(x))
        return out


def _grey_and_position(image: Tensor) -> Tensor:
    """(B, 3, H, W): grey value, row and column, each from -1 to 1, as in He et al."""
    if image.dtype != torch.uint8:
        raise TypeError(f"expected images as uint8 (B, H, W, 3), got {image.dtype}")
    grey = image[..., 0].float() / 127.5 - 1
    rows, columns = (torch.linspace(-1, 1, n, device=image.device) for n in grey.shape[1:])
    return torch.stack([grey, rows[:, None].expand_as(grey), columns.expand_as(grey)], 1)
