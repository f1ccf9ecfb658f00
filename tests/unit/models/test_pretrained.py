"""Files of initial weights are known by their content."""

from pathlib import Path

import pytest
import torch
from torchvision import models

from models.backbones import ResNet
from models.errors import WeightsError
from models.pretrained import WeightsFile
from tests.support.errors import refused


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    torch.save(models.resnet18(weights=None).state_dict(), tmp_path / "resnet.pth")
    return tmp_path / "resnet.pth"


def test_a_resnet_begins_with_the_weights_of_a_file(path: Path) -> None:
    trunk = ResNet(depth=18, weights=WeightsFile.of(path)).build()
    state = torch.load(path, weights_only=True)
    assert all(torch.equal(tensor, state[name]) for name, tensor in trunk.state_dict().items())
    assert trunk.state_dict().keys() == state.keys() - {"fc.weight", "fc.bias"}


def test_weights_of_another_depth_are_refused(path: Path) -> None:
    with refused("other-architecture", WeightsError):
        ResNet(depth=34, weights=WeightsFile.of(path)).build()


def test_a_file_that_has_changed_is_refused(path: Path) -> None:
    weights = WeightsFile.of(path)
    torch.save(models.resnet18(weights=None).state_dict(), path)
    with refused("other-weights-file", WeightsError) as caught:
        weights.read()
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with refused("unreadable-weights", WeightsError):
        WeightsFile.of(tmp_path / "none.pth")


def test_damaged_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"\xff" * 64)
    with refused("unreadable-weights", WeightsError):
        WeightsFile.of(path).read()
