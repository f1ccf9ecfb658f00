"""Trunks, from images to feature maps: torchvision's ResNets, a small residual trunk, and those of timm.

Shapes: B batch, C channels, H W pixels; a trunk maps (B, 3, H, W) to (B, C, H / stride, W / stride).
"""

import math
import pickle
from collections import OrderedDict
from collections.abc import Callable
from http.client import HTTPException
from typing import Annotated, Any, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Discriminator, Field, model_validator
from pydantic_core import PydanticCustomError
from torch import Tensor, nn

from models.config import Width
from models.errors import ConfigError, WeightsError
from models.kinds import OpenTo
from models.pretrained import WeightsFile, fitted
from models.timm_trunk import Timm
from models.trunk import TrunkConfig


class ResNet(TrunkConfig):
    """A torchvision ResNet without its average pooling and classifier (He et al., 2016).

    `weights="imagenet"` starts from IMAGENET1K_V1, the weights of the paper's time; a file, from a state dict
    of torchvision's; None from scratch.
    """

    kind: Literal["resnet"] = "resnet"
    depth: Literal[18, 34, 50, 101, 152] = 50
    weights: Literal["imagenet"] | WeightsFile | None = "imagenet"

    @property
    def stride(self) -> int:
        """Pixels of the image per step of the feature map."""
        return 32

    @property
    def channels_out(self) -> int:
        """C of the feature map."""
        return 512 if self.depth < 50 else 2048

    def build(self, pretrained: bool = True) -> nn.Sequential:
        """The trunk, its parameters named as torchvision names them.

        Args:
            pretrained: False leaves the weights random whatever `weights` is, for a checkpoint to be loaded.

        Raises:
            WeightsError: the weights can neither be found nor downloaded, or are of another architecture.
        """
        make, weights = _torchvision(self.depth)
        net = make(weights=None)
        if pretrained and self.weights == "imagenet":
            net.load_state_dict(_state(weights))
        children = [(name, child) for name, child in net.named_children() if name not in ("avgpool", "fc")]
        trunk = nn.Sequential(OrderedDict(children))
        if pretrained and isinstance(self.weights, WeightsFile):
            trunk.load_state_dict(fitted(self.weights.read(), trunk.state_dict(), self.weights.path, "fc."))
        return trunk


Stride = Annotated[int, Field(ge=1, le=64)]


class SmallTrunk(TrunkConfig):
    """A 3×3 convolution, then a residual block for each further channel count. Trains from scratch."""

    kind: Literal["small"] = "small"
    channels: tuple[Width, ...] = Field(default=(16, 32, 64, 128), min_length=1, max_length=32)
    strides: tuple[Stride, ...] = Field(default=(2, 2, 2, 2), max_length=32)

    @model_validator(mode="after")
    def _one_stride_each(self) -> Self:
        if len(self.channels) != len(self.strides):
            raise PydanticCustomError("channels-and-strides", "channels and strides must be equally many")
        return self

    @property
    def stride(self) -> int:
        """Pixels of the image per step of the feature map."""
        return math.prod(self.strides)

    @property
    def channels_out(self) -> int:
        """C of the feature map."""
        return self.channels[-1]

    def build(self, pretrained: bool = True) -> nn.Sequential:
        """The trunk with random weights; there are no pretrained ones, and `pretrained` changes nothing."""
        stem = nn.Sequential(*_convolution(3, self.channels[0], self.strides[0]), nn.ReLU(inplace=True))
        sizes = zip(self.channels[:-1], self.channels[1:], self.strides[1:], strict=True)
        return nn.Sequential(stem, *(_Residual(*size) for size in sizes))


Trunk = Annotated[ResNet | SmallTrunk | Timm, Discriminator("kind"), OpenTo(TrunkConfig)]


def check_size(stride: int, size: tuple[int, int]) -> None:
    """Raises ConfigError where a side of a crop (H, W) is not a multiple of the stride."""
    if any(side <= 0 or side % stride for side in size):
        raise ConfigError(
            f"a crop of {size[0]}×{size[1]} (H×W) is not divisible by the stride {stride}", "crop-stride"
        )


class _Residual(nn.Module):
    """Two 3×3 convolutions and a shortcut, projected where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *_convolution(channels_in, channels_out, stride),
            nn.ReLU(inplace=True),
            *_convolution(channels_out, channels_out, 1),
        )
        same = stride == 1 and channels_in == channels_out
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(*_convolution(channels_in, channels_out, stride, kernel=1))
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.convolutions(x)
        return F.relu(out.add_(self.shortcut(x)), inplace=True)  # in place: nothing else refers to it


def _convolution(channels_in: int, channels_out: int, stride: int, kernel: int = 3) -> list[nn.Module]:
    convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(channels_out)]


def _torchvision(depth: int) -> tuple[Callable[..., nn.Module], Any]:
    """The constructor and the ImageNet weights of the ResNet of this depth."""
    from torchvision import models

    return {
        18: (models.resnet18, models.ResNet18_Weights.IMAGENET1K_V1),
        34: (models.resnet34, models.ResNet34_Weights.IMAGENET1K_V1),
        50: (models.resnet50, models.ResNet50_Weights.IMAGENET1K_V1),
        101: (models.resnet101, models.ResNet101_Weights.IMAGENET1K_V1),
        152: (models.resnet152, models.ResNet152_Weights.IMAGENET1K_V1),
    }[depth]


def _state(weights: Any) -> dict[str, Tensor]:
    """The state dict of torchvision weights, from its cache or the network."""
    try:
        return dict(weights.get_state_dict(progress=False, check_hash=True))
    except (OSError, RuntimeError, HTTPException, EOFError, pickle.UnpicklingError) as error:
        raise WeightsError(
            f"can't download the ImageNet weights {weights.url} ({error}). Download the file elsewhere and "
            f"put it into {torch.hub.get_dir()}/checkpoints/, or set the trunk's weights to null to "
            "train from scratch",
            "no-imagenet-weights",
        ) from error
