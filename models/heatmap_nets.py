"""Models with heatmaps: SimplePose, Integral Pose, and a regressor with heatmaps as an auxiliary task.

Shapes: B batch, P points, D coordinates of a point, C channels, H W pixels of the crop, h w of the map,
b bins of depth.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from models.backbones import ResNet, Trunk, check_size
from models.config import Frozen, Width
from models.errors import ConfigError
from models.heatmap_codec import decode, soft_argmax
from models.interface import Output, OutputSpec
from models.regressor import PixelNormalisation, Regressor, RegressorNet

DECONVOLUTIONS = 3
WEIGHT_STD = 0.001
"""Of the normal initialisation of every convolution after the trunk (Xiao et al., 2018)."""


class SimplePose(Frozen):
    """A trunk and three deconvolutions, trained on heatmaps, decoded by argmax (Xiao et al., 2018).

    Its confidence is the value of the map at the argmax.

    Fields:
        width: channels of each deconvolution; small trunks need fewer than the paper's 256.
    """

    kind: Literal["simplepose"] = "simplepose"
    trunk: Trunk = ResNet()
    width: Width = 256

    def check(self, spec: OutputSpec) -> None:
        """Raises ConfigError where `build` would."""
        check_size(self.trunk.stride, spec.size)
        if spec.dim != 2 or spec.scale or spec.context or not spec.heatmap:
            raise ConfigError(
                "SimplePose is trained on heatmaps of 2-D points, with heatmap_mse", "simplepose-mismatch"
            )

    def build(self, spec: OutputSpec, pretrained: bool = True) -> "SimplePoseNet":
        """A net that predicts what `spec` asks for.

        Raises:
            ConfigError: points aren't 2-D, the objective needs anything but heatmaps, or a side is not a
                multiple of the trunk's stride.
            WeightsError: the pretrained weights can't be had.
        """
        self.check(spec)
        head = heatmap_head(self.trunk.channels_out, self.width, spec.points)
        return SimplePoseNet(self.trunk.build(pretrained), head)


class SimplePoseNet(nn.Module):
    """What `SimplePose` builds: `trunk`, then `heatmap`."""

    def __init__(self, trunk: nn.Module, heatmap: nn.Module) -> None:
        super().__init__()
        self.pixels = PixelNormalisation("imagenet")
        self.trunk = trunk
        self.heatmap = heatmap

    def forward(self, image: Tensor) -> Output:
        """uint8 RGB (B, H, W, 3) -> maps (B, P, h, w) in float32, and mu and score decoded from them."""
        maps = self.heatmap(self.trunk(self.pixels(image))).float()
        mu, score = decode(maps.detach())
        return Output(mu, None, heatmap=maps, score=score)


class Integral(Frozen):
    """SimplePose's layers, decoded by soft-argmax and trained on the coordinates (Sun et al., 2018).

    Its confidence is one minus the standard deviation of the map, in units of the crop, averaged over the
    coordinates: the counterpart of the regressor's 1 - sigma. The peak would depend on the map's resolution.

    Fields:
        width: channels of each deconvolution.
        bins: of depth, for points in 3-D; together they span z from -0.5 to 0.5. Without effect in 2-D.
    """

    kind: Literal["integral"] = "integral"
    trunk: Trunk = ResNet()
    width: Width = 256
    bins: Width = 64

    def check(self, spec: OutputSpec) -> None:
        """Raises ConfigError where `build` would."""
        check_size(self.trunk.stride, spec.size)
        if spec.dim not in (2, 3) or spec.scale or spec.context or spec.heatmap:
            raise ConfigError(
                "Integral Pose predicts points in 2-D or 3-D, with l1 or l2", "integral-mismatch"
            )

    def build(self, spec: OutputSpec, pretrained: bool = True) -> "IntegralNet":
        """A net that predicts what `spec` asks for.

        Raises:
            ConfigError: points are neither 2-D nor 3-D, the objective needs more than coordinates, or a side
                is not a multiple of the trunk's stride.
            WeightsError: the pretrained weights can't be had.
        """
        self.check(spec)
        volume = (spec.points,) if spec.dim == 2 else (spec.points, self.bins)
        return IntegralNet(self.trunk.build(pretrained), self.trunk.channels_out, self.width, volume)


class IntegralNet(nn.Module):
    """What `Integral` builds: `trunk`, then `heatmap`, whose channels are (P,) or (P, b)."""

    def __init__(self, trunk: nn.Module, channels: int, width: int, volume: tuple[int, ...]) -> None:
        super().__init__()
        self.volume = volume
        self.pixels = PixelNormalisation("imagenet")
        self.trunk = trunk
        self.heatmap = heatmap_head(channels, width, torch.Size(volume).numel())

    def forward(self, image: Tensor) -> Output:
        """uint8 RGB (B, H, W, 3) -> mu (B, P, D) and score, in float32 even where the layers run in bf16."""
        maps = self.heatmap(self.trunk(self.pixels(image)))
        with torch.autocast(image.device.type, enabled=False):
            mu, spread = soft_argmax(maps.float().unflatten(1, self.volume))
            return Output(mu, None, score=1 - spread.mean(-1))


class TwoBranch(Frozen):
    """A regressor and SimplePose's layers in parallel on one trunk (supplement, Table 4).

    The heatmaps are an auxiliary task: they are predicted in training, where the objective sees both
    branches, and not in evaluation, which uses the regressor alone. Without a loss of heatmaps use the
    regressor itself: a branch without a gradient is never built.

    Fields:
        width: channels of each deconvolution.
    """

    kind: Literal["two_branch"] = "two_branch"
    regressor: Regressor = Regressor()
    width: Width = 256

    @property
    def trunk(self) -> Trunk:
        """The one that both branches share."""
        return self.regressor.trunk

    def check(self, spec: OutputSpec) -> None:
        """Raises ConfigError where `build` would."""
        self.regressor.check(spec._replace(heatmap=False))
        if not spec.heatmap:
            raise ConfigError(
                "the objective has no loss of heatmaps: use the regressor alone", "unused-heatmap"
            )

    def build(self, spec: OutputSpec, pretrained: bool = True) -> "TwoBranchNet":
        """A net that predicts what `spec` asks for.

        Raises:
            ConfigError: the objective needs no heatmaps, or a side is not a multiple of the trunk's stride.
            WeightsError: the pretrained weights can't be had.
        """
        self.check(spec)
        regressor = self.regressor.build(spec._replace(heatmap=False), pretrained)
        return TwoBranchNet(regressor, heatmap_head(self.trunk.channels_out, self.width, spec.points))


class TwoBranchNet(nn.Module):
    """What `TwoBranch` builds: `regressor`, and `heatmap` on the regressor's trunk."""

    def __init__(self, regressor: RegressorNet, heatmap: nn.Module) -> None:
        super().__init__()
        self.regressor = regressor
        self.heatmap = heatmap

    @property
    def trunk(self) -> nn.Module:
        """The one that both branches share."""
        return self.regressor.trunk

    def forward(self, image: Tensor) -> Output:
        """uint8 RGB (B, H, W, 3) -> the regressor's output, in training with maps (B, P, h, w) in float32."""
        features = self.regressor.features(image)
        output = self.regressor.read(features)
        return output._replace(heatmap=self.heatmap(features).float()) if self.training else output


def heatmap_head(channels: int, width: int, outputs: int) -> nn.Sequential:
    """Three deconvolutions, each with BatchNorm and ReLU, then a 1×1 convolution (Xiao et al., 2018).

    (B, channels, h, w) -> (B, outputs, 8 h, 8 w).
    """
    sizes = pairwise([channels, *[width] * DECONVOLUTIONS])
    layers = [layer for size in sizes for layer in _deconvolution(*size)]
    last = nn.Conv2d(width, outputs, 1)
    nn.init.normal_(last.weight, std=WEIGHT_STD)
    assert last.bias is not None
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)


def _deconvolution(channels_in: int, channels_out: int) -> list[nn.Module]:
    deconvolution = nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
    nn.init.normal_(deconvolution.weight, std=WEIGHT_STD)
    return [deconvolution, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)]
