"""Imported weights predict what their own code predicts. That code stands here once more, written afresh."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones import ResNet, SmallTrunk, WeightsError
from models.imported import convert, load_trunk, read
from models.objectives import L1, HeatmapMSE, WeightedSum
from models.regressor import Regressor
from models.simplepose import SimplePose, TwoBranch

SIZE = (64, 96)
POINTS = 4


class Block(nn.Module):
    """A basic block of ResNet-18."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class ReferenceTrunk(nn.Module):
    """ResNet-18 up to its last map, averaged: (B, 3, H, W) -> (B, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        for i, (before, after) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)]):
            stage = nn.Sequential(Block(before, after, 1 + (i > 0)), Block(after, after, 1))
            self.add_module(f"layer{i + 1}", stage)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(4):
            x = self.get_submodule(f"layer{i + 1}")(x)
        return x.mean((2, 3))


class ReferenceFlow(nn.Module):
    """RealNVP with full nets and masks."""

    def __init__(self, masks: list[list[int]], prior: bool = False) -> None:
        super().__init__()
        dim = len(masks[0])
        self.register_buffer("mask", torch.tensor(masks * 3, dtype=torch.float32))
        if prior:
            self.register_buffer("loc", torch.zeros(dim))
            self.register_buffer("cov", torch.eye(dim))

        def net(*last: nn.Module) -> nn.Sequential:
            hidden = [nn.Linear(dim, 64), nn.LeakyReLU(), nn.Linear(64, 64), nn.LeakyReLU()]
            return nn.Sequential(*hidden, nn.Linear(64, dim), *last)

        self.t = nn.ModuleList(net() for _ in range(6))
        self.s = nn.ModuleList(net(nn.Tanh()) for _ in range(6))

    def log_prob(self, x: Tensor) -> Tensor:
        log_det = torch.zeros(len(x))
        for keep, s_net, t_net in zip(reversed(self.mask), reversed(self.s), reversed(self.t), strict=True):
            s, t = ((1 - keep) * net(keep * x) for net in (s_net, t_net))
            x = keep * x + (1 - keep) * (x - t) * torch.exp(-s)
            log_det = log_det - s.sum(1)
        dim = x.shape[1]
        prior = torch.distributions.MultivariateNormal(torch.zeros(dim), torch.eye(dim))
        return prior.log_prob(x) + log_det


class Normed(nn.Module):
    """The layer inside the authors' own Linear, so that names read fc_coord.linear.weight."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(512, outputs)


class Authors2D(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.preact = ReferenceTrunk()
        self.fc_coord, self.fc_sigma = Normed(2 * POINTS), Normed(2 * POINTS)
        self.flow = ReferenceFlow([[0, 1], [1, 0]])

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = image.permute(0, 3, 1, 2) / 255
        x = x - torch.tensor([0.406, 0.457, 0.480]).view(3, 1, 1)
        feature = self.preact(x)
        linear = self.fc_coord.linear
        coord = feature @ linear.weight.T / torch.norm(feature, dim=1, keepdim=True) + linear.bias
        sigma = self.fc_sigma.linear(feature).sigmoid()
        return coord.reshape(-1, POINTS, 2), sigma.reshape(-1, POINTS, 2)


class Authors3D(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.preact = ReferenceTrunk()
        self.fc_coord, self.fc_sigma = Normed(3 * POINTS), nn.Linear(512, 3 * POINTS)
        self.flow2d = ReferenceFlow([[0, 1], [1, 0]])
        self.flow3d = ReferenceFlow([[0, 0, 1], [1, 1, 0]])

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = image.permute(0, 3, 1, 2) / 255
        x = x - torch.tensor([0.406, 0.457, 0.480]).view(3, 1, 1)
        feature = self.preact(x / torch.tensor([0.225, 0.224, 0.229]).view(3, 1, 1))
        linear = self.fc_coord.linear
        coord = feature @ linear.weight.T / torch.norm(feature, dim=1, keepdim=True) + linear.bias
        coord = coord.reshape(-1, POINTS, 3)
        if not self.training:
            coord = coord - coord[:, :1] * torch.tensor([0.0, 0, 1])
        sigma = self.fc_sigma(feature).sigmoid() + 1e-9
        return coord, sigma.reshape(-1, POINTS, 3)


class MMPoseLoss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.flow_model = ReferenceFlow([[0, 1], [1, 0]], prior=True)


class MMPose(nn.Module):
    """Its coordinates are shares of the crop's sides; given here in units of the crop, centred."""

    def __init__(self, head: str = "head", loss: str = "loss_module") -> None:
        super().__init__()
        self.backbone = ReferenceTrunk()
        self.add_module(head, nn.ModuleDict({"fc": nn.Linear(512, 4 * POINTS), loss: MMPoseLoss()}))
        self.of_head, self.of_loss = head, loss

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = image.permute(0, 3, 1, 2) - torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
        feature = self.backbone(x / torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1))
        out = self.get_submodule(self.of_head)["fc"](feature).reshape(-1, POINTS, 4)
        return out[..., :2] - 0.5, out[..., 2:].sigmoid()

    @property
    def flow(self) -> nn.Module:
        return self.get_submodule(self.of_head)[self.of_loss].flow_model


def trained(make: Callable[[], nn.Module]) -> nn.Module:
    """A reference in evaluation mode, with weights and statistics as after some training."""
    torch.manual_seed(3)
    net = make().eval()
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return net


def old_mmpose() -> nn.Module:
    return MMPose("keypoint_head", "loss")


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
    state |= {f"preact.{n}": torch.zeros(()).expand(t.shape) for n, t in layers.items()}
    for name in ("fc_coord", "fc_sigma"):
        state[f"{name}.linear.weight"] = torch.zeros(2 * POINTS, trunk.channels_out)
    assert convert(state).model.trunk == trunk


@pytest.mark.parametrize(
    ("make", "name", "tensor", "says"),
    [
        (Authors2D, "preact.layer2.0.conv1.weight", torch.zeros(128, 64, 1, 1), r"\(128, 64, 1, 1\), not"),
        (Authors2D, "fc_coord.linear.weight", torch.zeros(8, 511), r"\(8, 511\), not \(8, 512\)"),
        (Authors2D, "fc_coord.linear.bias", torch.zeros(7), "7 elements"),
        (Authors2D, "flow.s.3.2.weight", torch.zeros(64, 32), r"\(64, 32\), not \(64, 64\)"),
        (Authors3D, "flow3d.t.0.4.bias", torch.zeros(2), r"\(2,\), not \(3,\)"),
        (Authors3D, "fc_sigma.weight", None, "missing"),
        (Authors3D, "flow2d.mask", torch.ones(6, 2), "other masks"),
        (MMPose, "head.fc.bias", torch.zeros(15), "15 elements"),
        (MMPose, "head.fc.weight", torch.zeros(16, 2048), r"\(16, 2048\), not \(16, 512\)"),
        (MMPose, "backbone.bn1.running_var", None, "missing"),
        (MMPose, "backbone.layer5.0.conv1.weight", torch.zeros(1), "nothing of ours"),
        (MMPose, "backbone.layer3.2.conv1.weight", torch.zeros(1), "3 blocks"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(
    make: Callable[[], nn.Module], name: str, tensor: Tensor | None, says: str
) -> None:
    state = make().state_dict()
    if tensor is None:
        del state[name]
    else:
        state[name] = tensor
    with pytest.raises(WeightsError, match=says) as refusal:
        convert(state)
    assert name.removesuffix(".2.conv1.weight") in str(refusal.value)


@pytest.mark.parametrize("state", [{}, {"model.0.weight": torch.zeros(1)}, ReferenceTrunk().state_dict()])
def test_weights_of_another_model_are_refused(state: dict[str, Tensor]) -> None:
    with pytest.raises(WeightsError, match=r"neither a model of the authors .* nor mmpose's"):
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
    found = read(tmp_path / "w.pth")
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
    with pytest.raises(WeightsError, match=r"w\.pth.*might run code"):
        read(tmp_path / "w.pth")
    assert not (tmp_path / "made").exists()


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("not weights")
    (tmp_path / "empty.pth").write_bytes(b"")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "numbers.pth")
    for name in ("text", "empty", "list", "numbers", "absent"):
        with pytest.raises(WeightsError, match=rf"{name}\.pth"):
            read(tmp_path / f"{name}.pth")


TRUNK = SmallTrunk(channels=(4, 8), strides=(4, 4))


def test_a_trunk_goes_from_model_to_model_and_the_heads_stay() -> None:
    start = SimplePose(trunk=TRUNK, width=4).build(5, 2, (32, 32), scale=False, heatmap=True)
    start(torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8))  # moves BatchNorm's statistics
    regressor = Regressor(trunk=TRUNK)
    objective = WeightedSum(terms=((1, L1()), (1, HeatmapMSE())))
    branches = TwoBranch(regressor=regressor, width=4)
    nets = [
        regressor.build(5, 2, (32, 32), scale=True),
        branches.build(5, 2, (32, 32), scale=False, heatmap=objective.needs_heatmap),
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
        return Regressor(trunk=trunk).build(5, 2, (64, 64), scale=True)

    ours = net(4, 8)
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    for other, says in (
        (net(4, 16), r"trunk\.1\.convolutions\.0\.weight has"),
        (net(4), "missing"),
        (net(4, 8, 8), r"trunk\.2\.conv"),
    ):
        with pytest.raises(WeightsError, match=says):
            load_trunk(ours, other.state_dict())
    assert all(torch.equal(tensor, before[name]) for name, tensor in ours.state_dict().items())
