"""Trunks have the stride and the channels they declare, and never start from random weights unasked."""

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from pydantic import TypeAdapter
from torchvision import models

from models.backbones import ResNet, SmallTrunk, Trunk
from models.errors import WeightsError
from tests.support.errors import invalid, refused

TRUNKS: list[Trunk] = [
    SmallTrunk(),
    SmallTrunk(channels=(8,), strides=(4,)),
    SmallTrunk(channels=(8, 8, 16), strides=(2, 1, 2)),
    ResNet(depth=18, weights=None),
]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and no connection."""

    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no connection")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)


@pytest.mark.parametrize("trunk", TRUNKS, ids=str)
def test_the_map_has_the_declared_stride_and_channels(trunk: Trunk) -> None:
    maps = trunk.build()(torch.zeros(2, 3, 64, 96))
    assert maps.shape == (2, trunk.channels_out, 64 // trunk.stride, 96 // trunk.stride)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_every_depth_declares_the_channels_of_its_last_stage(depth: int) -> None:
    trunk = ResNet.model_validate({"depth": depth, "weights": None})
    with torch.device("meta"):
        last = trunk.build()[-1][-1]
    convolution = last.conv3 if hasattr(last, "conv3") else last.conv2
    assert convolution.out_channels == trunk.channels_out


def test_a_resnet_is_torchvisions_without_its_classifier() -> None:
    net = models.resnet18(weights=None).eval()
    trunk = ResNet(depth=18, weights=None).build().eval()
    state = {name: value for name, value in net.state_dict().items() if not name.startswith("fc.")}
    trunk.load_state_dict(state)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net.fc(trunk(x).mean((2, 3))), net(x))


@pytest.mark.usefixtures("offline")
def test_weights_that_cannot_be_had_are_an_error_with_a_remedy() -> None:
    with refused("no-imagenet-weights", WeightsError) as caught:
        ResNet(depth=18).build()
    assert all(part in str(caught.value) for part in ("resnet18-", "no connection", "checkpoints", "null"))


@pytest.mark.usefixtures("offline")
def test_a_damaged_file_of_weights_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    url = models.ResNet18_Weights.IMAGENET1K_V1.url
    path = tmp_path / "hub" / "checkpoints" / url.rsplit("/", 1)[1]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half a file")
    with refused("no-imagenet-weights", WeightsError):
        ResNet(depth=18).build()


@pytest.mark.usefixtures("offline")
def test_a_checkpoints_trunk_needs_no_download() -> None:
    assert ResNet(depth=18).build(pretrained=False) is not None


def test_weights_that_are_there_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    state = models.resnet18(weights=None).state_dict()
    monkeypatch.setattr(models.ResNet18_Weights, "get_state_dict", lambda *_, **__: state)
    trunk = ResNet(depth=18).build()
    torch.testing.assert_close(trunk.state_dict()["conv1.weight"], state["conv1.weight"])


def test_channels_and_strides_come_in_pairs() -> None:
    with invalid("channels-and-strides"):
        SmallTrunk(channels=(8, 16))


@pytest.mark.parametrize("trunk", TRUNKS, ids=str)
def test_json_there_and_back(trunk: Trunk) -> None:
    adapter: TypeAdapter[Trunk] = TypeAdapter(Trunk)
    assert adapter.validate_json(trunk.model_dump_json()) == trunk
