"""Pretrained weights of other code: the authors' 2-D and 3-D models and mmpose's RLE models; and trunks.

The result is a config of this package with its weights, whose net predicts what the original predicts, but in
units of the crop, centred.

Shapes: P points, D coordinates of a point, F features, K couplings of a flow.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from models.backbones import ResNet
from models.errors import WeightsError
from models.interface import OutputSpec
from models.objectives import RLE
from models.realnvp import RealNVP
from models.regressor import Regressor, RegressorNet
from models.rle_conventions import ConventionName
from models.weights_file import State

FLOW = RealNVP()
"""The flow of the paper, the only one in either code."""

DEPTHS: Mapping[tuple[int, bool], Literal[18, 34, 50, 101, 152]] = {
    (2, False): 18,
    (6, False): 34,
    (6, True): 50,
    (23, True): 101,
    (36, True): 152,
}
"""ResNets by the number of blocks in their third stage and whether these are bottlenecks."""


@dataclass(frozen=True)
class Imported:
    """A trained model of other code, with that code's normalisation of pixels and its convention of RLE."""

    model: Regressor
    objective: RLE
    points: int
    dim: int
    model_state: State  # of what `model` builds
    objective_state: State  # of what `objective` builds

    def build(self, size: tuple[int, int]) -> RegressorNet:
        """The trained net for crops of `size` (H, W), in evaluation mode.

        Raises:
            ConfigError: a side is not a multiple of the trunk's stride.
        """
        net = self.model.build(OutputSpec(self.points, self.dim, size, scale=True), pretrained=False)
        net.load_state_dict(self.model_state)
        return net.eval()


def convert(state: State) -> Imported:
    """The authors' 2-D or 3-D model, or mmpose's ResNet with an RLE head, recognised by the tensors' names.

    The normalisation of features and pixels, the convention of the loss and the 3-D model's root are those of
    that code. Its 1e-9 beside sigma in 3-D, which is nothing in float32 above 1 / 32, is left out.

    Raises:
        WeightsError: the names are those of another model, or a tensor is missing, left over or of a wrong
            shape; the message names it.
    """
    origin = next((origin for origin in ORIGINS if origin.named(state)), None)
    if origin is None:
        raise WeightsError(
            "neither a model of the authors (preact.*, fc_coord.*, fc_sigma.*, flow*) nor mmpose's with an "
            "RLE head (backbone.*, head.fc.*, head.loss_module.flow_model.*): the tensors are "
            f"{', '.join(list(state)[:4])} ...",
            "unknown-model",
        )
    reader = _Reader(state)
    trunk = _trunk(state, origin.trunk)
    heads = origin.heads.take(reader, origin.dim, trunk.channels_out)
    imported = Imported(
        model=origin.model.model_copy(update={"trunk": trunk}),
        objective=RLE(flow=FLOW, convention=origin.convention),
        points=len(heads["coord.bias"]) // origin.dim,
        dim=origin.dim,
        model_state=heads | _layers(reader, origin.trunk, trunk),
        objective_state={
            f"{name}.{part}": value
            for name, (original, dim) in origin.flows.items()
            for part, value in _flow(reader, original, dim).items()
        },
    )
    reader.finish()
    return imported


def load_trunk(net: nn.Module, state: State) -> None:
    """Copy the trunk of another net into this one, statistics of BatchNorm included; heads stay as they are.

    Args:
        net: built by the config of a model with a trunk.
        state: the state dict of such a net, or of a module around it.

    Raises:
        WeightsError: the trunks differ; the message names a tensor.
    """
    trunk = net.trunk
    assert isinstance(trunk, nn.Module)
    matches = {name: re.match(r"(?:\w+\.)*?trunk\.(.+)", name) for name in state}
    reader = _Reader({f"trunk.{match[1]}": state[name] for name, match in matches.items() if match})
    found = {name: reader.take(f"trunk.{name}", *own.shape) for name, own in trunk.state_dict().items()}
    reader.finish()
    trunk.load_state_dict(found)


class _Reader:
    """Reads tensors by name and knows which have not been read."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.left = dict.fromkeys(state)

    def take(self, name: str, *shape: int) -> Tensor:
        """Floats as float32. Raises WeightsError where it is missing, of another form, or not finite."""
        if name not in self.state:
            raise WeightsError(f"{name} is missing", "missing-tensor")
        tensor = self.state[name]
        if tuple(tensor.shape) != shape:
            raise WeightsError(f"{name} has the shape {tuple(tensor.shape)}, not {shape}", "tensor-shape")
        self.left.pop(name, None)
        if name.endswith("num_batches_tracked") == tensor.is_floating_point() or tensor.is_complex():
            raise WeightsError(f"{name} is of {tensor.dtype}", "tensor-dtype")
        if not tensor.is_floating_point():
            return tensor
        values = tensor.float()
        if not bool(torch.isfinite(values).all()):
            raise WeightsError(f"{name} is not finite", "not-finite")
        return values

    def points(self, name: str, rows: int) -> int:
        """P, of a layer whose bias has so many rows per point."""
        found = self.state[name].numel() if name in self.state else 0
        if found == 0 or found % rows:
            raise WeightsError(f"{name} has {found} elements, not a multiple of {rows}", "tensor-shape")
        return found // rows

    def finish(self) -> None:
        """Raises WeightsError where a tensor has not been read."""
        if self.left:
            raise WeightsError(f"unexpected tensors: {', '.join(list(self.left)[:5])}", "unexpected-tensor")


class _Heads(Protocol):
    def take(self, reader: _Reader, dim: int, features: int) -> dict[str, Tensor]:
        """The state of "coord" and "sigma" here: weights (P · D, F) and biases (P · D,)."""


@dataclass(frozen=True)
class _TwoLayers:
    """One layer for the coordinates and one for the scales, as in the authors' code."""

    coord: str
    sigma: str

    def take(self, reader: _Reader, dim: int, features: int) -> dict[str, Tensor]:
        rows = reader.points(f"{self.coord}.bias", dim) * dim
        return {
            f"{head}.{part}": reader.take(f"{original}.{part}", *shape)
            for head, original in (("coord", self.coord), ("sigma", self.sigma))
            for part, shape in (("weight", (rows, features)), ("bias", (rows,)))
        }


@dataclass(frozen=True)
class _OneLayer:
    """For each point its coordinates, from 0 to 1 across the crop, then its scales, as in mmpose."""

    layer: str

    def take(self, reader: _Reader, dim: int, features: int) -> dict[str, Tensor]:
        points = reader.points(f"{self.layer}.bias", 2 * dim)
        rows = 2 * dim * points
        weight = reader.take(f"{self.layer}.weight", rows, features).view(points, 2, dim, features)
        bias = reader.take(f"{self.layer}.bias", rows).view(points, 2, dim)
        return {
            "coord.weight": weight[:, 0].flatten(0, 1),
            "coord.bias": bias[:, 0].flatten() - 0.5,
            "sigma.weight": weight[:, 1].flatten(0, 1),
            "sigma.bias": bias[:, 1].flatten(),
        }


@dataclass(frozen=True)
class _Origin:
    """A code base that models were trained with, and how it names their parts."""

    trunk: str
    heads: _Heads
    flows: Mapping[str, tuple[str, int]]  # name here -> original name and D
    dim: int
    convention: ConventionName
    model: Regressor  # its trunk is set when the depth is known

    def named(self, state: State) -> bool:
        """Whether the tensors are named as in this code base."""
        parts = [self.trunk, *(original for original, _ in self.flows.values())]
        return all(any(name.startswith(f"{part}.") for name in state) for part in parts)


def _mmpose(head: str, flow: str) -> _Origin:
    model = Regressor(normalise_features=False)
    return _Origin("backbone", _OneLayer(f"{head}.fc"), {"flow": (f"{head}.{flow}", 2)}, 2, "mmpose", model)


ORIGINS = (
    _Origin(
        trunk="preact",
        heads=_TwoLayers("fc_coord.linear", "fc_sigma.linear"),
        flows={"flow": ("flow", 2)},
        dim=2,
        convention="official",
        model=Regressor(pixels="official_2d"),
    ),
    _Origin(
        trunk="preact",
        heads=_TwoLayers("fc_coord.linear", "fc_sigma"),
        flows={"flow": ("flow3d", 3), "flow_without_depth": ("flow2d", 2)},
        dim=3,
        convention="official",
        model=Regressor(pixels="official_3d", root=0),
    ),
    _mmpose("head", "loss_module.flow_model"),
    _mmpose("keypoint_head", "loss.flow_model"),  # before version 1
)


def _trunk(state: State, prefix: str) -> ResNet:
    """The ResNet that has as many blocks of this kind in its third stage."""
    blocks = {match[1] for name in state if (match := re.match(rf"{prefix}\.layer3\.(\d+)\.", name))}
    depth = DEPTHS.get((len(blocks), f"{prefix}.layer3.0.conv3.weight" in state))
    if depth is None:
        raise WeightsError(
            f"{prefix}.layer3 has {len(blocks)} blocks: not a ResNet of {[*DEPTHS.values()]} layers",
            "unknown-resnet",
        )
    return ResNet(depth=depth, weights=None)


def _layers(reader: _Reader, prefix: str, trunk: ResNet) -> dict[str, Tensor]:
    with torch.device("meta"):
        own = trunk.build().state_dict()
    return {f"trunk.{name}": reader.take(f"{prefix}.{name}", *like.shape) for name, like in own.items()}


def _flow(reader: _Reader, prefix: str, dim: int) -> dict[str, Tensor]:
    """The state of a RealNVPNet from nets s.{k}.{2 j} and t.{k}.{2 j} of coupling k and layer j."""
    _check_masks(reader, prefix, dim)
    for name, shape in (("loc", (dim,)), ("cov", (dim, dim))):  # of the prior, in mmpose
        if f"{prefix}.{name}" in reader.state:
            reader.take(f"{prefix}.{name}", *shape)
    flow = {}
    nets_of_couplings = [f"{prefix}.{net}.{k}" for k in range(FLOW.couplings) for net in ("s", "t")]
    for j, (fan_in, out) in enumerate(pairwise([dim, *[FLOW.width] * (FLOW.layers - 1), dim])):
        for name, part, shape in (("weights", "weight", (out, fan_in)), ("biases", "bias", (out,))):
            nets = [reader.take(f"{net}.{2 * j}.{part}", *shape) for net in nets_of_couplings]
            flow[f"{name}.{j}"] = torch.stack(nets).view(FLOW.couplings, 2, *shape)
    return flow


def _check_masks(reader: _Reader, prefix: str, dim: int) -> None:
    """Raises WeightsError unless even couplings keep the trailing coordinates, as they do here."""
    mask = reader.take(f"{prefix}.mask", FLOW.couplings, dim)
    trailing = (torch.arange(dim) >= (dim + 1) // 2).float()
    expected = torch.stack([trailing, 1 - trailing]).repeat(FLOW.couplings // 2, 1)
    if not torch.equal(mask, expected):
        raise WeightsError(f"{prefix}.mask is not the paper's: {mask.tolist()}", "other-masks")
