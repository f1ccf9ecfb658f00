"""Direct regression: a trunk, pooling, and one fully connected layer each for coordinates and scale.

Shapes: B batch, P points, D coordinates of a point, C channels, F features, H W pixels, h w of a heatmap.
"""

from collections.abc import Sequence
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from models.backbones import ResNet, Trunk, check_size
from models.config import Bias, Frozen
from models.errors import ConfigError
from models.interface import Output, OutputSpec

Pixels = Literal["imagenet", "symmetric", "official_2d", "official_3d"]

HEAD_GAIN = 0.01
"""Of the Xavier initialisation of heads."""


class Regressor(Frozen):
    """ResNet + FC of the paper (section 4), and what the authors' code adds to it.

    Fields:
        pool: "average" over the map, or "flatten" it, which keeps positions apart and suits small trunks.
        normalise_features: the coordinate head sees the feature divided by its L2 norm, y = W f / ||f|| + b.
        sigma_bias: the initial bias of the scale head; sigma starts at sigmoid(sigma_bias).
        frozen_batchnorm: the trunk's BatchNorm layers keep their statistics during training.
        pixels: "imagenet" is the usual mean and standard deviation, in RGB; "symmetric" is -1 to 1, in which
            EfficientNets of TensorFlow were trained. "official_2d" is what the authors
            trained with: means in the order of BGR on RGB images, no deviation; "official_3d" divides by the
            deviations in that order. The authors' checkpoints need these.
        root: the point that the last coordinate is relative to in evaluation, though not in training, as in
            the authors' 3-D code; None leaves the coordinate as it is.
    """

    kind: Literal["regressor"] = "regressor"
    trunk: Trunk = ResNet()
    pool: Literal["average", "flatten"] = "average"
    normalise_features: bool = True
    sigma_bias: Bias = 0.0
    frozen_batchnorm: bool = False
    pixels: Pixels = "imagenet"
    root: int | None = Field(default=None, ge=0, le=10_000)

    def check(self, spec: OutputSpec) -> None:
        """Raises ConfigError where `build` would."""
        check_size(self.trunk.stride, spec.size)
        if spec.heatmap:
            raise ConfigError(
                "the objective needs heatmaps, which a regressor has none of: use two_branch",
                "no-heatmap",
            )
        if self.root is not None and self.root >= spec.points:
            raise ConfigError(f"there is no point {self.root} among {spec.points} to be the root", "no-root")

    def build(self, spec: OutputSpec, pretrained: bool = True) -> "RegressorNet":
        """A net that predicts coordinates and, if asked for, their scale.

        Args:
            spec: what to predict. Any number of points and coordinates will do.
            pretrained: False skips the trunk's pretrained weights, for a checkpoint to be loaded.

        Raises:
            ConfigError: a side is not a multiple of the trunk's stride, the objective needs heatmaps, or
                there is no point `root`.
            WeightsError: the pretrained weights can't be had.
        """
        self.check(spec)
        return RegressorNet(self, spec, self.trunk.build(pretrained))


class RegressorNet(nn.Module):
    """What `Regressor` builds. `trunk`, `coord`, `sigma` and `context` are its learned parts, of which the
    last two are None where they aren't asked for."""

    def __init__(self, config: Regressor, spec: OutputSpec, trunk: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.shape = (spec.points, spec.dim)
        height, width = (side // config.trunk.stride for side in spec.size)
        features = config.trunk.channels_out * (height * width if config.pool == "flatten" else 1)
        outputs = spec.points * spec.dim
        self.pixels = PixelNormalisation(config.pixels)
        self.trunk = trunk
        self.coord = head(features, outputs, bias=0.0)
        self.sigma = head(features, outputs, bias=config.sigma_bias) if spec.scale else None
        self.context = head(features, spec.points * spec.context, bias=0.0) if spec.context else None

    def forward(self, image: Tensor) -> Output:
        """uint8 RGB (B, H, W, 3) -> coordinates and scale, in float32 even where the trunk runs in bf16."""
        return self.read(self.features(image))

    def features(self, image: Tensor) -> Tensor:
        """The trunk's map (B, C, H / stride, W / stride) of uint8 RGB (B, H, W, 3)."""
        maps: Tensor = self.trunk(self.pixels(image))
        return maps

    def read(self, maps: Tensor) -> Output:
        """Coordinates and scale from the trunk's map."""
        with torch.autocast(maps.device.type, enabled=False):
            features = self._pool(maps.float())
            seen = F.normalize(features) if self.config.normalise_features else features
            mu = self._from_root(self.coord(seen).unflatten(1, self.shape))
            sigma = None if self.sigma is None else self.sigma(features).sigmoid().unflatten(1, self.shape)
            if self.context is None:
                return Output(mu, sigma)
            return Output(mu, sigma, context=self.context(features).unflatten(1, (self.shape[0], -1)))

    def train(self, mode: bool = True) -> Self:
        """As in any module, except that frozen BatchNorm layers stay in evaluation mode."""
        super().train(mode)
        if self.config.frozen_batchnorm:
            for module in self.trunk.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def _from_root(self, mu: Tensor) -> Tensor:
        root = self.config.root
        if root is None or self.training:
            return mu
        return torch.cat([mu[..., :-1], mu[..., -1:] - mu[:, root : root + 1, -1:]], -1)

    def _pool(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3)) if self.config.pool == "average" else maps.flatten(1)


class PixelNormalisation(nn.Module):
    """uint8 (B, H, W, 3) -> float32 (B, 3, H, W) in channels_last order, (value / 255 - mean) / std."""

    mean: Tensor
    std: Tensor

    def __init__(self, pixels: Pixels) -> None:
        super().__init__()
        mean, std = _statistics(pixels)
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Raises TypeError for anything but uint8: floats may be in [0, 1] or in [0, 255]."""
        if image.dtype != torch.uint8:
            raise TypeError(f"expected images as uint8 (B, H, W, 3), got {image.dtype}")
        # Whole rows at a time: over three channels the same arithmetic takes five times as long.
        width = image.shape[2]
        scale, shift = (1 / (255 * self.std)).repeat(width), (-self.mean / self.std).repeat(width)
        return image.float().flatten(2).mul_(scale).add_(shift).view(image.shape).permute(0, 3, 1, 2)


def parameter_groups(net: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Every parameter of a net under the part that it belongs to: "trunk", "coord", "sigma", "context" or
    "heatmap".

    A part that the net does not have is empty.
    """
    parts = ("trunk", "coord", "sigma", "context", "heatmap")
    groups: dict[str, list[nn.Parameter]] = {part: [] for part in parts}
    for name, parameter in net.named_parameters():
        groups[next(part for part in name.split(".") if part in groups)].append(parameter)
    return groups


def _statistics(pixels: Pixels) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and deviation for R, G, B, in units of 255."""
    if pixels == "imagenet":
        return (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    if pixels == "symmetric":
        return (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
    means = (0.406, 0.457, 0.480)
    return means, ((1.0, 1.0, 1.0) if pixels == "official_2d" else (0.225, 0.224, 0.229))


def head(features: int, outputs: int, bias: float) -> nn.Linear:
    """A fully connected layer initialised as in the authors' code, with a constant bias."""
    layer = nn.Linear(features, outputs)
    nn.init.xavier_uniform_(layer.weight, gain=HEAD_GAIN)
    nn.init.constant_(layer.bias, bias)
    return layer
