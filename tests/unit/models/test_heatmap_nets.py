"""SimplePose, Integral Pose and the two branches: shapes, sizes, gradients, what they refuse."""

import pytest
import torch
from torch import Tensor, nn

from models.backbones import ResNet, SmallTrunk
from models.errors import ConfigError
from models.flops import human, module_parameters
from models.heatmap_nets import WEIGHT_STD, Integral, SimplePose, TwoBranch, heatmap_head
from models.interface import Output, OutputSpec
from models.objectives import L1, RLE, HeatmapMSE, Objective, WeightedSum
from models.realnvp import RealNVP
from models.regressor import Regressor, parameter_groups
from tests.support.errors import refused

SMALL = SmallTrunk(channels=(4, 4, 8, 8), strides=(2, 2, 2, 2))
SIZE = (64, 96)
RLE_SMALL = RLE(flow=RealNVP(couplings=2, width=4))
BRANCHES = TwoBranch(regressor=Regressor(trunk=SMALL, pool="flatten"), width=8)
Model = SimplePose | Integral | TwoBranch

LEARNERS: list[tuple[Model, Objective, int]] = [
    (SimplePose(trunk=SMALL, width=8), HeatmapMSE(sigma=1), 2),
    (SimplePose(trunk=ResNet(depth=18, weights=None), width=8), HeatmapMSE(sigma=1), 2),
    (Integral(trunk=SMALL, width=8), L1(), 2),
    (Integral(trunk=SMALL, width=8, bins=6), L1(), 3),
    (BRANCHES, WeightedSum(terms=((1, L1()), (1, HeatmapMSE()))), 2),
    (BRANCHES, WeightedSum(terms=((1, RLE_SMALL), (0.5, HeatmapMSE()))), 3),
]


def pictures() -> Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 256, (2, *SIZE, 3), dtype=torch.uint8)


def spec(objective: Objective, dim: int, size: tuple[int, int] = SIZE) -> OutputSpec:
    return OutputSpec(5, dim, size, objective.needs_scale, objective.needs_heatmap)


def build(model: Model, objective: Objective, dim: int, size: tuple[int, int] = SIZE) -> nn.Module:
    torch.manual_seed(1)
    return model.build(spec(objective, dim, size))


@pytest.mark.parametrize(("trunk", "stride"), [(SMALL, 2), (ResNet(depth=18, weights=None), 4)])
def test_a_map_is_eight_times_as_fine_as_the_trunks(trunk: SmallTrunk | ResNet, stride: int) -> None:
    output = build(SimplePose(trunk=trunk, width=8), HeatmapMSE(), 2)(pictures())
    assert output.heatmap.shape == (2, 5, 64 // stride, 96 // stride)
    assert output.mu.shape == (2, 5, 2)
    assert output.sigma is None


def test_simplepose_scores_a_point_by_the_maximum_of_its_map() -> None:
    output = build(SimplePose(trunk=SMALL, width=8), HeatmapMSE(), 2)(pictures())
    assert torch.equal(output.score, output.heatmap.amax((2, 3)))
    assert not output.score.requires_grad


@pytest.mark.parametrize(("model", "objective", "dim"), LEARNERS)
def test_every_parameter_gets_a_gradient(model: Model, objective: Objective, dim: int) -> None:
    net, module = build(model, objective, dim).train(), objective.build(dim)
    mu, sigma, heatmap, *_ = net(pictures())
    target = torch.rand(2, 5, dim) - 0.5
    module(mu, sigma, target, torch.ones_like(target), step=0, seed=0, heatmap=heatmap).loss.backward()
    parameters = [*net.parameters(), *(module.parameters() if dim == 2 else [])]
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in parameters)


@pytest.mark.parametrize(("model", "objective", "dim"), LEARNERS)
def test_parameter_groups_hold_every_parameter_once(model: Model, objective: Objective, dim: int) -> None:
    net = build(model, objective, dim)
    groups = parameter_groups(net)
    grouped = [id(p) for group in groups.values() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())
    assert len(groups["heatmap"]) == 3 * 3 + 2


@pytest.mark.parametrize(
    ("model", "points", "dim", "heatmap", "size"),
    [
        (SimplePose(), 17, 2, True, "34.0M"),
        (Integral(), 17, 2, False, "34.0M"),
        (Integral(), 18, 3, False, "34.3M"),
    ],
)
def test_parameters_are_those_that_the_paper_prints(
    model: Model, points: int, dim: int, heatmap: bool, size: str
) -> None:
    with torch.device("meta"):
        net = model.build(OutputSpec(points, dim, (256, 192), heatmap=heatmap), pretrained=False)
    assert human(module_parameters(net)) == size


def test_layers_after_the_trunk_start_small_and_without_bias() -> None:
    torch.manual_seed(0)
    head = heatmap_head(16, 32, 5)
    kernels = torch.cat([m.weight.flatten() for m in head if isinstance(m, nn.ConvTranspose2d | nn.Conv2d)])
    assert kernels.std().item() == pytest.approx(WEIGHT_STD, rel=0.05)
    assert [name for name, p in head.named_parameters() if "bias" in name and p.any()] == []
    assert all(m.bias is None for m in head if isinstance(m, nn.ConvTranspose2d))


@pytest.mark.parametrize("dim", [2, 3])
def test_integral_pose_reads_a_flat_map_as_its_middle_with_the_spread_of_a_uniform(dim: int) -> None:
    net = build(Integral(trunk=SMALL, width=8, bins=16), L1(), dim)
    nn.init.zeros_(net.heatmap[-1].weight)
    output = net(pictures())
    lengths = torch.tensor([48.0, 32.0, 16.0])[:dim]
    torch.testing.assert_close(output.mu, (-0.5 / lengths).expand(2, 5, dim))
    spread = ((lengths**2 - 1) / 12).sqrt() / lengths
    torch.testing.assert_close(output.score, (1 - spread.mean()).expand(2, 5))
    assert output.heatmap is None


def test_integral_pose_puts_depth_into_bins_of_each_point() -> None:
    net = build(Integral(trunk=SMALL, width=8, bins=8), L1(), 3)
    last = net.heatmap[-1]
    nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.view(5, 8)[:, :] = -100
        last.bias.view(5, 8)[torch.arange(5), torch.arange(5)] = 100  # point p lies in bin p
    torch.testing.assert_close(net(pictures()).mu[0, :, 2], torch.arange(5) / 8 - 0.5)


def test_two_branches_evaluate_as_the_regressor_alone() -> None:
    objective = WeightedSum(terms=((1, RLE_SMALL), (1, HeatmapMSE())))
    net = build(BRANCHES, objective, 2).eval()
    alone, both = net.regressor(pictures()), net(pictures())
    assert both.heatmap is None
    assert torch.equal(both.mu, alone.mu)
    assert torch.equal(both.sigma, alone.sigma)
    assert net.train()(pictures()).heatmap.shape == (2, 5, 32, 48)


def test_two_branches_share_one_trunk() -> None:
    net = build(BRANCHES, WeightedSum(terms=((1, L1()), (1, HeatmapMSE()))), 2)
    runs: list[int] = []
    net.trunk.register_forward_hook(lambda *_: runs.append(1))
    net.train()(pictures())
    assert len(runs) == 1


@pytest.mark.parametrize(("model", "objective", "dim"), LEARNERS)
def test_outputs_stay_in_float32_under_bf16_autocast(model: Model, objective: Objective, dim: int) -> None:
    net = build(model, objective, dim).train()
    with torch.autocast("cpu", torch.bfloat16):
        output: Output = net(pictures())
    assert {value.dtype for value in output if value is not None} == {torch.float32}


@pytest.mark.parametrize(
    ("model", "objective", "dim", "code"),
    [
        (SimplePose(trunk=SMALL), L1(), 2, "simplepose-mismatch"),
        (SimplePose(trunk=SMALL), HeatmapMSE(), 3, "simplepose-mismatch"),
        (
            SimplePose(trunk=SMALL),
            WeightedSum(terms=((1, RLE()), (1, HeatmapMSE()))),
            2,
            "simplepose-mismatch",
        ),
        (Integral(trunk=SMALL), RLE(), 2, "integral-mismatch"),
        (Integral(trunk=SMALL), HeatmapMSE(), 2, "integral-mismatch"),
        (Integral(trunk=SMALL), L1(), 8, "integral-mismatch"),
        (BRANCHES, RLE(), 2, "unused-heatmap"),
        (Regressor(trunk=SMALL), HeatmapMSE(), 2, "no-heatmap"),
    ],
)
def test_an_objective_that_does_not_fit_is_refused(
    model: Model | Regressor, objective: Objective, dim: int, code: str
) -> None:
    with refused(code, ConfigError):
        model.check(spec(objective, dim))
    with refused(code, ConfigError):
        model.build(spec(objective, dim))


@pytest.mark.parametrize(("model", "objective", "dim"), LEARNERS)
def test_a_crop_that_the_stride_does_not_divide_is_refused(
    model: Model, objective: Objective, dim: int
) -> None:
    with refused("crop-stride", ConfigError):
        build(model, objective, dim, (64, 40))
