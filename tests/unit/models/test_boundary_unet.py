"""The boundary net's shapes, its two outputs, and what a masked column may not do."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.boundary_unet import BoundaryNet, BoundaryRegressor, SoftArgmax, in_order
from models.errors import ConfigError
from models.interface import OutputSpec
from models.objectives import DLE, L1, L2, RLE, LearnedScale, Objective
from models.regressor import parameter_groups
from tests.support.errors import refused

H, W = 16, 24
SMALL = BoundaryNet(channels=4, depth=2)
HEADS = pytest.mark.parametrize("head", ["fc", "softargmax"])


def pictures(n: int = 2) -> Tensor:
    grey = torch.randint(0, 256, (n, H, W, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return grey.expand(-1, -1, -1, 3)


def build(head: str = "fc", points: int = W, dim: int = 8, scale: bool = True) -> BoundaryRegressor:
    torch.manual_seed(1)
    config = BoundaryNet.model_validate({**SMALL.model_dump(), "head": head})
    return config.build(OutputSpec(points, dim, (H, W), scale))


@HEADS
@pytest.mark.parametrize(("points", "dim"), [(W, 8), (4 * W, 2)])
def test_one_row_and_one_scale_for_each_boundary_of_each_column(head: str, points: int, dim: int) -> None:
    mu, sigma, *_ = build(head, points, dim)(pictures())
    assert mu.shape == (2, points, dim)
    assert sigma is not None
    assert sigma.shape == mu.shape
    assert mu.dtype == sigma.dtype == torch.float32
    assert bool(((sigma > 0) & (sigma < 1)).all())


@HEADS
def test_pairs_are_the_same_numbers_as_columns(head: str) -> None:
    columns, pairs = build(head), build(head, 4 * W, 2)
    pairs.load_state_dict(columns.state_dict())
    for a, b in zip(columns(pictures())[:2], pairs(pictures())[:2], strict=True):
        assert torch.equal(a.reshape(b.shape), b)


@HEADS
def test_without_scale_there_is_no_sigma(head: str) -> None:
    net = build(head, scale=False)
    assert net(pictures()).sigma is None
    assert parameter_groups(net)["sigma"] == []


@HEADS
def test_parameter_groups_hold_every_parameter_once(head: str) -> None:
    net = build(head)
    grouped = [id(p) for group in parameter_groups(net).values() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())


def test_a_fully_connected_output_sees_its_whole_column_and_no_other() -> None:
    net = build()
    maps = torch.randn(1, 4, H, W, requires_grad=True)
    net.coord(maps)[0, 7, 3].backward()
    touched = maps.grad[0].abs().sum(0) > 0
    assert touched[:, 7].all()
    assert not touched[:, [x for x in range(W) if x != 7]].any()


def test_soft_argmax_of_a_peak_is_its_row() -> None:
    head = SoftArgmax(channels=1, boundaries=3)
    torch.nn.init.ones_(head.maps.weight)
    torch.nn.init.zeros_(head.maps.bias)
    maps = torch.zeros(1, 1, H, W)
    maps[:, :, 5] = 100
    torch.testing.assert_close(head(maps), torch.full((1, W, 3), 5 / H - 0.5))


def test_soft_argmax_of_nothing_is_the_middle() -> None:
    rows = SoftArgmax(channels=2, boundaries=8)(torch.zeros(1, 2, H, W))
    torch.testing.assert_close(rows, torch.full((1, W, 8), (H - 1) / 2 / H - 0.5))


@settings(deadline=None)
@given(st.integers(0, 2**31), st.floats(0.01, 100))
def test_soft_argmax_boundaries_never_cross(seed: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    head = SoftArgmax(channels=3, boundaries=8)
    with torch.no_grad():
        head.maps.weight.copy_(spread * torch.randn(head.maps.weight.shape, generator=generator))
        rows = head(torch.randn(2, 3, H, W, generator=generator))
    assert bool((rows.diff(dim=-1) >= 0).all())
    assert bool(((rows >= -0.5) & (rows < 0.5)).all())


@pytest.mark.parametrize("training", [True, False])
def test_boundaries_of_the_whole_net_never_cross(training: bool) -> None:
    mu = build("softargmax", scale=False).train(training)(pictures()).mu
    assert bool((mu.diff(dim=-1) >= 0).all())


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=8, max_size=8))
def test_order_is_he_et_als_recursion(raw: list[float]) -> None:
    expected = [raw[0]]
    for s in raw[1:]:
        expected.append(expected[-1] + max(s - expected[-1], 0))
    got = in_order(torch.tensor(raw, dtype=torch.float64))
    torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64))


def test_what_is_in_order_stays_bit_for_bit() -> None:
    rows = torch.randn(100, 8).sort(-1).values
    assert torch.equal(in_order(rows), rows)


def test_a_boundary_above_its_predecessor_still_has_a_gradient() -> None:
    raw = torch.tensor([0.3, 0.1], requires_grad=True)
    # Both are to go down: the second is lifted to the first, and must move by itself.
    (in_order(raw) - torch.tensor([0.5, 0.6])).abs().sum().backward()
    torch.testing.assert_close(raw.grad, torch.tensor([-1.0, -1.0]))


OBJECTIVES: list[Objective] = [L1(), L2(), LearnedScale(), DLE(), RLE()]


@HEADS
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.kind)
def test_masked_columns_carry_no_gradient(head: str, objective: Objective) -> None:
    net, loss = build(head, scale=objective.needs_scale).train(), objective.build(8)
    mu, sigma, *_ = net(pictures())
    outputs = [output for output in (mu, sigma) if output is not None]
    for output in outputs:
        output.retain_grad()
    weight, target = torch.ones_like(mu), torch.zeros_like(mu)
    weight[:, 5:9], target[:, 5:9] = 0, float("nan")
    loss(mu, sigma, target, weight, step=0, seed=0).loss.backward()
    for output in outputs:
        assert not output.grad[:, 5:9].any()
        assert output.grad[:, :5].any()
    # A layer of the trunk sees them as neighbours only, and stays finite.
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


def test_a_masked_columns_label_changes_no_parameters_gradient() -> None:
    def gradients(masked: float) -> list[Tensor]:
        net, loss = build().train(), L1().build(8)
        mu, sigma, *_ = net(pictures())
        weight, target = torch.ones_like(mu), torch.zeros_like(mu)
        weight[:, 5:9], target[:, 5:9] = 0, masked
        loss(mu, sigma, target, weight, step=0, seed=0).loss.backward()
        return [p.grad for p in net.parameters() if p.grad is not None]

    for a, b in zip(gradients(0.0), gradients(0.4), strict=True):
        assert torch.equal(a, b)


@HEADS
def test_every_parameter_learns(head: str) -> None:
    net, loss = build(head).train(), RLE().build(8)
    mu, sigma, *_ = net(pictures())
    target = torch.linspace(-0.4, 0.4, 8).expand_as(mu)
    loss(mu, sigma, target, torch.ones_like(mu), step=0, seed=0).loss.backward()
    # A constant added to all rows of a map changes no softmax.
    idle = {"coord.maps.bias"} if head == "softargmax" else set()
    for name, parameter in net.named_parameters():
        assert name in idle or (parameter.grad is not None and parameter.grad.any()), name


def test_outputs_stay_in_float32_under_bf16_autocast() -> None:
    net = build().eval()
    expected = net(pictures())
    with torch.autocast("cpu", torch.bfloat16):
        mu, sigma, *_ = net(pictures())
    assert mu.dtype == sigma.dtype == torch.float32
    torch.testing.assert_close(mu, expected.mu, atol=0.02, rtol=0)


def test_pictures_that_are_not_uint8_are_refused() -> None:
    with pytest.raises(TypeError):
        build()(pictures().float())


@pytest.mark.parametrize("size", [(18, 24), (16, 23), (0, 8)])
def test_a_crop_that_cannot_be_halved_is_refused(size: tuple[int, int]) -> None:
    with refused("crop-stride", ConfigError):
        SMALL.check(OutputSpec(W, 8, size))


def test_points_that_do_not_divide_among_the_columns_are_refused() -> None:
    with refused("points-and-columns", ConfigError):
        SMALL.build(OutputSpec(W + 1, 8, (H, W)))


def test_the_published_size_takes_the_papers_crop() -> None:
    with torch.device("meta"):
        net = BoundaryNet().build(OutputSpec(768, 8, (224, 768), scale=True))
    assert net.coord.linear.weight.shape == (8, 64 * 224)


@pytest.mark.parametrize("config", [SMALL, BoundaryNet(head="softargmax")])
def test_boundary_net_json_there_and_back(config: BoundaryNet) -> None:
    assert BoundaryNet.model_validate_json(config.model_dump_json()) == config
