"""Imported weights predict what their own code predicts, which stands in `originals`, written afresh."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.backbones import ResNet, SmallTrunk
from models.errors import WeightsError
from models.heatmap_nets import SimplePose, TwoBranch
from models.import_weights import convert, load_trunk
from models.interface import OutputSpec
from models.regressor import Regressor
from models.weights_file import read
from tests.support.errors import refused
from tests.support.original_networks import (
    POINTS,
    Authors2D,
    Authors3D,
    MMPose,
    ReferenceTrunk,
    old_mmpose,
    trained,
)

SIZE = (64, 96)


def pictures() -> Tensor:
    torch.manual_seed(4)
    return torch.randint(0, 256, (3, *SIZE, 3), dtype=torch.uint8)


every_origin = pytest.mark.parametrize("make", [Authors2D, Authors3D, MMPose, old_mmpose])


@every_origin
def test_imported_models_predict_what_the_originals_predict(make: Callable[[], nn.Module]) -> None:
    original = trained(make)
    net = convert(original.state_dict()).build(SIZE)
    with torch.no_grad():
        mu, sigma = original(pictures())
        output = net(pictures())
    torch.testing.assert_close(output.mu, mu, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(output.sigma, sigma, atol=2e-6, rtol=1e-5)
    assert mu.std() > 1e-3  # else the comparison would say nothing


def test_in_training_depth_is_not_counted_from_the_root() -> None:
    original = trained(Authors3D)
    net = convert(original.state_dict()).build(SIZE)
    for module in (original, net):
        module.training = True  # the heads alone; BatchNorm stays as it is
    mu, _ = original(pictures())
    torch.testing.assert_close(net(pictures()).mu, mu, atol=2e-6, rtol=1e-5)
    assert (mu[:, 0, 2].abs() > 1e-4).all()


@pytest.mark.parametrize(
    ("make", "theirs", "ours", "dim"),
    [
        (Authors2D, "flow", "flow", 2),
        (Authors3D, "flow3d", "flow", 3),
        (Authors3D, "flow2d", "flow_without_depth", 2),
        (MMPose, "flow", "flow", 2),
    ],
)
def test_imported_flows_are_the_same_densities(
    make: Callable[[], nn.Module], theirs: str, ours: str, dim: int
) -> None:
    original = trained(make)
    imported = convert(original.state_dict())
    objective = imported.objective.build(imported.dim)
    objective.load_state_dict(imported.objective_state)
    x = torch.randn(20, dim)
    found = objective.get_submodule(ours).log_prob(x)
    torch.testing.assert_close(found, getattr(original, theirs).log_prob(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "convention", "pixels", "normalised", "root"),
    [
        (Authors2D, "official", "official_2d", True, None),
        (Authors3D, "official", "official_3d", True, 0),
        (MMPose, "mmpose", "imagenet", False, None),
    ],
)
def test_what_the_weights_do_not_say_comes_from_their_code(
    make: Callable[[], nn.Module], convention: str, pixels: str, normalised: bool, root: int | None
) -> None:
    imported = convert(trained(make).state_dict())
    model = imported.model
    assert imported.objective.convention == convention
    assert (model.pixels, model.normalise_features, model.root) == (pixels, normalised, root)
    assert model.trunk == ResNet(depth=18, weights=None)
    assert imported.points == POINTS


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_the_depth_is_read_from_the_names(depth: int) -> None:
    state = {n: t for n, t in Authors2D().state_dict().items() if not n.startswith("preact.")}
    with torch.device("meta"):
        trunk = ResNet.model_validate({"depth": depth, "weights": None})
        layers = trunk.build().state_dict()
    state |= {
        f"preact.{n}": torch.zeros((), dtype=t.dtype, device="cpu").expand(t.shape) for n, t in layers.items()
    }
    for name in ("fc_coord", "fc_sigma"):
        state[f"{name}.linear.weight"] = torch.zeros(2 * POINTS, trunk.channels_out)
    assert convert(state).model.trunk == trunk


@pytest.mark.parametrize(
    ("make", "name", "tensor", "code"),
    [
        (Authors2D, "preact.layer2.0.conv1.weight", torch.zeros(128, 64, 1, 1), "tensor-shape"),
        (Authors2D, "fc_coord.linear.weight", torch.zeros(8, 511), "tensor-shape"),
        (Authors2D, "fc_coord.linear.bias", torch.zeros(7), "tensor-shape"),
        (Authors2D, "flow.s.3.2.weight", torch.zeros(64, 32), "tensor-shape"),
        (Authors3D, "flow3d.t.0.4.bias", torch.zeros(2), "tensor-shape"),
        (Authors3D, "fc_sigma.weight", None, "missing-tensor"),
        (Authors3D, "flow2d.mask", torch.ones(6, 2), "other-masks"),
        (MMPose, "head.fc.bias", torch.zeros(15), "tensor-shape"),
        (MMPose, "head.fc.weight", torch.zeros(16, 2048), "tensor-shape"),
        (MMPose, "backbone.bn1.running_var", None, "missing-tensor"),
        (MMPose, "backbone.layer5.0.conv1.weight", torch.zeros(1), "unexpected-tensor"),
        (MMPose, "backbone.layer3.2.conv1.weight", torch.zeros(1), "unknown-resnet"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(
    make: Callable[[], nn.Module], name: str, tensor: Tensor | None, code: str
) -> None:
    state = make().state_dict()
    if tensor is None:
        del state[name]
    else:
        state[name] = tensor
    with refused(code, WeightsError) as refusal:
        convert(state)
    assert name.removesuffix(".2.conv1.weight") in str(refusal.value)


@pytest.mark.parametrize("state", [{}, {"model.0.weight": torch.zeros(1)}, ReferenceTrunk().state_dict()])
def test_weights_of_another_model_are_refused(state: dict[str, Tensor]) -> None:
    with refused("unknown-model", WeightsError):
        convert(state)


def test_half_precision_weights_become_float32() -> None:
    state = {name: t.half() if t.is_floating_point() else t for name, t in Authors2D().state_dict().items()}
    imported = convert(state)
    floats = [t for t in imported.model_state.values() if t.is_floating_point()]
    assert {t.dtype for t in floats} == {torch.float32}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_state_dict_is_read_alone_or_wrapped_from_either_format(
    tmp_path: Path, legacy: bool, wrapped: bool
) -> None:
    state = {"a.weight": torch.arange(3.0), "a.bias": torch.ones(1)}
    content = {"meta": {"epoch": 3}, "state_dict": state} if wrapped else state
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=not legacy)
    found = read(tmp_path / "w.pth").state
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


class Intruder:
    """Unpickled, it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_file_with_code_in_it_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": Intruder(tmp_path / "made")}, tmp_path / "w.pth")
    with refused("unsafe-weights", WeightsError):
        read(tmp_path / "w.pth")
    assert not (tmp_path / "made").exists()


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("not weights")
    (tmp_path / "empty.pth").write_bytes(b"")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "numbers.pth")
    codes = {
        "text": "unsafe-weights",
        "empty": "unsafe-weights",
        "list": "no-state-dict",
        "numbers": "no-state-dict",
        "absent": "unreadable-weights",
    }
    for name, code in codes.items():
        with refused(code, WeightsError) as refusal:
            read(tmp_path / f"{name}.pth")
        assert f"{name}.pth" in str(refusal.value)


TRUNK = SmallTrunk(channels=(4, 8), strides=(4, 4))


def test_a_trunk_goes_from_model_to_model_and_the_heads_stay() -> None:
    start = SimplePose(trunk=TRUNK, width=4).build(OutputSpec(5, 2, (32, 32), heatmap=True))
    start(torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8))  # moves BatchNorm's statistics
    regressor = Regressor(trunk=TRUNK)
    branches = TwoBranch(regressor=regressor, width=4)
    nets = [
        regressor.build(OutputSpec(5, 2, (32, 32), scale=True)),
        branches.build(OutputSpec(5, 2, (32, 32), heatmap=True)),
    ]
    for net in nets:
        heads = {n: t.clone() for n, t in net.state_dict().items() if "trunk" not in n}
        load_trunk(net, {f"model.{name}": tensor for name, tensor in start.state_dict().items()})
        for name, tensor in start.trunk.state_dict().items():
            assert torch.equal(net.trunk.state_dict()[name], tensor)
        assert all(torch.equal(net.state_dict()[n], t) for n, t in heads.items())
    load_trunk(start, nets[1].state_dict())


def test_a_trunk_of_another_shape_is_refused_and_nothing_is_copied() -> None:
    def net(*channels: int) -> nn.Module:
        trunk = SmallTrunk(channels=channels, strides=(4,) * len(channels))
        return Regressor(trunk=trunk).build(OutputSpec(5, 2, (64, 64), scale=True))

    ours = net(4, 8)
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    for other, code in (
        (net(4, 16), "tensor-shape"),
        (net(4), "missing-tensor"),
        (net(4, 8, 8), "unexpected-tensor"),
    ):
        with refused(code, WeightsError):
            load_trunk(ours, other.state_dict())
    assert all(torch.equal(tensor, before[name]) for name, tensor in ours.state_dict().items())
