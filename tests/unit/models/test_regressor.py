"""The regressor's shapes, heads, pixels and precision."""

import pytest
import torch
from torch import Tensor, nn

from models.backbones import ResNet, SmallTrunk
from models.errors import ConfigError
from models.interface import OutputSpec
from models.objectives import RLE
from models.regressor import PixelNormalisation, Regressor, RegressorNet, parameter_groups
from tests.support.errors import refused

SMALL = SmallTrunk(channels=(8, 16), strides=(4, 2))
SIZE = (32, 24)


def pictures(n: int = 3, size: tuple[int, int] = SIZE) -> Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 256, (n, *size, 3), dtype=torch.uint8)


def build(config: Regressor, dim: int = 2, scale: bool = True) -> RegressorNet:
    torch.manual_seed(1)
    return config.build(OutputSpec(5, dim, SIZE, scale))


@pytest.mark.parametrize("pool", ["average", "flatten"])
@pytest.mark.parametrize("dim", [2, 3, 8])
def test_one_coordinate_and_one_scale_for_each_dimension_of_each_point(pool: str, dim: int) -> None:
    config = Regressor.model_validate({"trunk": SMALL, "pool": pool})
    mu, sigma, *_ = build(config, dim)(pictures())
    assert mu.shape == (3, 5, dim)
    assert sigma is not None
    assert sigma.shape == (3, 5, dim)
    assert bool(((sigma > 0) & (sigma < 1)).all())


def test_without_scale_there_is_no_sigma_head() -> None:
    net = build(Regressor(trunk=SMALL), scale=False)
    assert net(pictures()).sigma is None
    assert parameter_groups(net)["sigma"] == []


class _Scaled(nn.Module):
    """A trunk whose features are `factor` times as large."""

    def __init__(self, trunk: nn.Module, factor: float) -> None:
        super().__init__()
        self.trunk, self.factor = trunk, factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * self.trunk(x)


@pytest.mark.parametrize("normalise", [True, False])
def test_only_normalised_coordinates_ignore_the_size_of_the_feature(normalise: bool) -> None:
    net = build(Regressor(trunk=SMALL, normalise_features=normalise)).eval()
    mu, sigma, *_ = net(pictures())
    net.trunk = _Scaled(net.trunk, 7.0)
    scaled_mu, scaled_sigma, *_ = net(pictures())
    assert torch.allclose(mu, scaled_mu, rtol=1e-5) == normalise
    assert not torch.allclose(sigma, scaled_sigma, rtol=1e-5)


def test_coordinates_are_a_linear_map_of_the_normalised_feature() -> None:
    net = build(Regressor(trunk=SMALL)).eval()
    feature = net.trunk(net.pixels(pictures())).mean((2, 3))
    expected = feature @ net.coord.weight.T / feature.norm(dim=1, keepdim=True) + net.coord.bias
    torch.testing.assert_close(net(pictures()).mu.flatten(1), expected)


def test_sigma_starts_near_the_sigmoid_of_its_bias() -> None:
    sigma = build(Regressor(trunk=SMALL, sigma_bias=-2.0))(pictures()).sigma
    assert sigma is not None
    torch.testing.assert_close(sigma, torch.full_like(sigma, 0.1192), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("pixels", "mean", "std"),
    [
        ("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("official_2d", (0.406, 0.457, 0.480), (1.0, 1.0, 1.0)),
        ("official_3d", (0.406, 0.457, 0.480), (0.225, 0.224, 0.229)),
    ],
)
def test_pixels_are_normalised_channel_by_channel_in_channels_last(
    pixels: str, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    image = pictures()
    got = PixelNormalisation(Regressor.model_validate({"pixels": pixels}).pixels)(image)
    for c in range(3):
        torch.testing.assert_close(got[:, c], (image[..., c] / 255 - mean[c]) / std[c])
    assert got.is_contiguous(memory_format=torch.channels_last)


def test_pictures_that_are_not_uint8_are_refused() -> None:
    with pytest.raises(TypeError):
        build(Regressor(trunk=SMALL))(pictures().float())


def test_heads_stay_in_float32_under_bf16_autocast() -> None:
    net = build(Regressor(trunk=SMALL))
    expected = net(pictures())
    seen: list[torch.dtype] = []
    net.trunk.register_forward_hook(lambda *args: seen.append(args[2].dtype))
    with torch.autocast("cpu", torch.bfloat16):
        mu, sigma, *_ = net(pictures())
    assert seen == [torch.bfloat16]
    assert mu.dtype == sigma.dtype == torch.float32
    torch.testing.assert_close(mu, expected.mu, atol=1e-3, rtol=0)
    # Values that bf16 cannot hold show that the heads did not run in it.
    assert not torch.equal(mu, mu.bfloat16().float())


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batchnorm_keeps_its_statistics_in_training(frozen: bool) -> None:
    net = build(Regressor(trunk=SMALL, frozen_batchnorm=frozen)).train()
    before = {name: value.clone() for name, value in net.named_buffers()}
    net(pictures())
    unchanged = all(torch.equal(value, before[name]) for name, value in net.named_buffers())
    assert unchanged == frozen
    assert net.training


def test_parameter_groups_hold_every_parameter_once() -> None:
    net = build(Regressor(trunk=SMALL))
    groups = parameter_groups(net)
    grouped = [id(p) for group in groups.values() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())
    assert list(groups) == ["trunk", "coord", "sigma", "context", "heatmap"]
    assert [tuple(p.shape) for p in groups["sigma"]] == [(10, 16), (10,)]


@pytest.mark.parametrize("size", [(32, 20), (30, 24), (0, 8)])
def test_a_crop_that_the_stride_does_not_divide_is_refused(size: tuple[int, int]) -> None:
    with refused("crop-stride", ConfigError):
        Regressor(trunk=SMALL).check(OutputSpec(5, 2, size))


def test_resnet50_on_a_crop_of_the_paper_takes_a_finite_step() -> None:
    config, size = Regressor(trunk=ResNet(weights=None)), (256, 192)
    net, objective = config.build(OutputSpec(17, 2, size, scale=True)), RLE().build(2)
    target, weight = torch.rand(2, 17, 2) - 0.5, torch.ones(2, 17, 2)
    mu, sigma, *_ = net(pictures(2, size))
    loss = objective(mu, sigma, target, weight, step=0, seed=0).loss
    loss.backward()
    parameters = [*net.parameters(), *objective.parameters()]
    assert mu.shape == (2, 17, 2)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)
    assert all(p.grad.any() for group in parameter_groups(net).values() for p in group if p.grad is not None)


def test_a_root_that_is_no_point_is_refused() -> None:
    with refused("no-root", ConfigError):
        build(Regressor(trunk=SMALL, root=5), dim=3)
