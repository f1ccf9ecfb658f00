"""What `rle-lab bench` compares does the same work."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.crops.crop import STILL
from datasets.synthetic.people.people import People, write
from models.objectives import RLE
from models.realnvp import RealNVP
from orchestrator.bench import data, flow, growth_flow, step
from orchestrator.bench.plain_data import PlainDataset
from orchestrator.config.experiment import Experiment
from orchestrator.training.module import TrainingModule

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> data.Source:
    folder = tmp_path_factory.mktemp("bench")
    write(People(train=6, val=1), folder / "people", workers=1)
    return data.prepare(folder / "people", folder, lambda what: None)


@pytest.mark.parametrize("dim", [2, 3, 8])
@pytest.mark.parametrize(
    "config", [RealNVP(width=8), RealNVP(layers=4, width=8), RealNVP(couplings=3, width=8)]
)
def test_the_plain_flow_is_ours_in_value_and_gradient(config: RealNVP, dim: int) -> None:
    plain, ours = flow.pair(config, dim)
    of_value, of_gradient = flow.errors(plain, ours.double(), torch.randn(50, dim))
    assert of_value < 1e-12
    assert of_gradient < 1e-12


def test_the_error_is_that_of_a_wrong_flow() -> None:
    plain, ours = flow.pair(RealNVP(width=8), 2)
    with torch.no_grad():
        ours.biases[0].add_(0.5)
    assert min(flow.errors(plain, ours, torch.randn(50, 2))) > 1e-3


def test_every_case_of_the_flow_is_a_row() -> None:
    cases = [flow.Case(RealNVP(width=4), 2, 60, nodes=10, goal=3), flow.Case(RealNVP(width=4), 3, 60)]
    speed, exactness = flow.measure(lambda what: None, cases, rounds=1).grids
    assert [row[:2] for row in speed.rows] == [("3×4 in 2-D", "60 + 10"), ("3×4 in 3-D", "60")]
    assert [row[-1] for row in speed.rows] == ["≥ 3", ""]
    assert len(exactness.rows) == 2


def test_crops_from_files_are_those_of_the_pack(source: data.Source) -> None:
    rows = list(range(len(source.split)))
    packed, unpacked = (
        split.__getitems__([(0, row) for row in rows]) for split in (source.split, source.unpacked)
    )
    assert all(torch.equal(a, b) for a, b in zip(packed, unpacked, strict=True))


def test_both_orders_hold_the_same_samples(source: data.Source) -> None:
    orders = source.random_order(), source.by_picture()
    pictures = source.half.samples.picture
    assert all(len(set(pictures[rows].tolist())) == len(rows) for rows in orders[0])
    random, grouped = ([row for rows in order for row in rows] for order in orders)
    assert sorted(random) == sorted(grouped) == list(range(len(source.split)))
    assert np.all(np.diff(pictures[grouped]) >= 0)


def test_the_plain_data_set_makes_the_same_samples_where_nothing_is_random(source: data.Source) -> None:
    split, config = source.split, source.config
    plain = PlainDataset(source.half, split.size, STILL, config.padding, split.pairs)
    still = type(split)(split.folder, split.size, STILL, (), seed=0)
    for row in range(len(split)):
        picture, target, weight, heatmaps = plain[row]
        wanted = still.__getitems__([(0, row)])
        seen = wanted.weight[0] > 0
        torch.testing.assert_close(target[seen], wanted.target[0][seen], atol=5e-3, rtol=0)
        assert torch.equal(weight, wanted.weight[0])
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        pixels = (picture * std + mean) * 255
        difference = (pixels - wanted.image[0].permute(2, 0, 1)).abs().mean()
        assert difference < 3  # OpenCV decodes and rounds a little differently
        assert heatmaps.amax((1, 2))[~seen[:, 0]].sum() == 0


def test_every_way_to_make_samples_runs_and_is_a_row(source: data.Source) -> None:
    (grid,) = data.timed(source, rounds=1).grids
    assert [row[0] for row in grid.rows] == list(data.contestants(source))
    assert all(float(speed.replace(",", "")) > 0 for _, speed, *_ in grid.rows)
    assert grid.rows[0][2] == "1.00"


def test_the_plain_step_has_the_same_loss(experiment: Experiment) -> None:
    assert isinstance(experiment.objective, RLE)
    trainee, plain = TrainingModule(experiment, pretrained=False).eval(), step.PlainModel(experiment).eval()
    plain.net.load_state_dict(trainee.model.state_dict())
    flow.copy_weights(plain.flow, trainee.objective.flow)
    image = torch.randint(0, 256, (4, *experiment.data.size, 3), dtype=torch.uint8)
    target = torch.rand(4, 17, 2) - 0.5
    ours, _ = trainee(image, target, torch.ones_like(target), 0)
    torch.testing.assert_close(plain(plain.net.pixels(image), target), ours)


def test_every_kind_of_step_learns(experiment: Experiment) -> None:
    for name, go in step.contestants(experiment, CPU).items():
        losses = [float(go()) for _ in range(15)]
        assert losses[-1] < losses[0], name


def test_every_kind_of_step_is_timed_at_every_depth_of_the_flow(experiment: Experiment) -> None:
    panel = growth_flow.steps(experiment, rounds=1, tell=lambda what: None)
    assert list(panel.costs) == [3, 4, 5, 6]
    for costs in panel.costs.values():
        assert list(costs) == list(step.contestants(experiment, CPU))
        assert all(ms > 0 for ms in costs.values())


def test_pictures_without_a_root_are_not_packed_in_masses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(People(train=3, val=1), tmp_path / "people", workers=1)
    monkeypatch.setattr(data, "LARGEST", 1)
    with pytest.raises(data.DataError, match="Name a smaller set"):
        data.prepare(tmp_path / "people", tmp_path, lambda what: None)
