"""Truncation: where predictions land for every cut, what a cut box shows, whose error counts as what, who is
drawn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from datasets.coco.config import CocoKeypoints
from datasets.coco.dataset import CocoData
from datasets.contract import DataPaths
from datasets.crops import crop
from datasets.crops.pack import Pack
from datasets.io.errors import DataError
from datasets.synthetic.people.people import People as Generated
from models.interface import Output
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes import truncated_boxes
from orchestrator.probes.base import ProbeError, TrainedModel
from orchestrator.probes.truncated_boxes import (
    Edge,
    People,
    annotated_people,
    crop_maps,
    crops,
    is_cut_off,
    truncate,
)
from orchestrator.probes.truncation import Truncation, _means, predict_points, select_people
from orchestrator.training.evaluation import predictions
from orchestrator.training.module import TrainingModule
from orchestrator.training.runtime import CPU, SingleProcess
from tests.support.errors import invalid, refused

EDGES: tuple[Edge, ...] = ("left", "above", "right", "below")


@pytest.fixture(scope="module")
def config() -> CocoKeypoints:
    return CocoKeypoints(source=Generated(train=8, val=24, seed=5), size=(64, 48))


@pytest.fixture(scope="module")
def data(config: CocoKeypoints, tmp_path_factory: pytest.TempPathFactory) -> CocoData:
    place = DataPaths(tmp_path_factory.mktemp("cache"))
    config.prepare(place)
    return config.open(place, seed=0)


@pytest.fixture
def whole(data: CocoData) -> People:
    return annotated_people(data, padding=1.25)


@pytest.fixture
def truncation(experiment: Experiment, config: CocoKeypoints) -> Truncation:
    return Truncation(of=vary(experiment, data=config))


def subject(truncation: Truncation, data: CocoData, net: nn.Module) -> TrainedModel:
    return TrainedModel(truncation.of, net.eval(), nn.Identity(), data, CPU)


class Seer(nn.Module):
    """Finds the one bright spot of each crop, for all joints; the middle where it sees none."""

    def forward(self, image: Tensor) -> Output:
        light = image.double().mean(-1)
        total = light.sum((1, 2)).clamp(min=1e-9)
        _, height, width = light.shape
        x = (light.sum(1) * torch.arange(width)).sum(1) / total / width - 0.5
        y = (light.sum(2) * torch.arange(height)).sum(1) / total / height - 0.5
        x, y = (torch.where(light.sum((1, 2)) > 0, place, 0.0) for place in (x, y))
        return Output(torch.stack([x, y], -1)[:, None].repeat(1, 17, 1), None)


def beacon(at: tuple[int, int]) -> People:
    """One person in a black picture of 200 × 160 pixels with a bright spot of 5 × 5 around `at`."""
    pixels = np.zeros((160, 200, 3), np.uint8)
    x, y = at
    pixels[y - 2 : y + 3, x - 2 : x + 3] = 255
    corners = np.array([[60.0, 20.0, 120.0, 140.0]])
    options = crop.whole_bodies(corners, 48 / 64, 1.25)
    pack = Pack(pixels.reshape(-1), np.array([[0, 0, 0, 200, 160]]), {}, {})

    class Split:
        size = (64, 48)
        ids = np.array([7])

        def __len__(self) -> int:
            return 1

    split = Split()
    split.pack = pack  # type: ignore[attr-defined]
    points = np.tile(np.array(at, np.float64), (1, 17, 1))
    reach = np.array([[-1000.0, -1000.0, 1000.0, 1000.0]])
    return People(split, 1.25, options, corners, points, np.ones((1, 17), bool), reach)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.4])
@pytest.mark.parametrize("edge", EDGES)
def test_what_a_net_sees_at_a_place_is_predicted_at_that_place_of_the_picture(
    truncation: Truncation, data: CocoData, edge: Edge, share: float
) -> None:
    seen = beacon((88, 80))
    given = replace(subject(truncation, data, Seer()), data=replace(data, flip_pairs=None))
    found = predict_points(given, seen, truncate(seen, edge, share), np.array([0]))
    np.testing.assert_allclose(found, seen.points, atol=1.0)


@pytest.mark.parametrize(
    ("edge", "at"), [("left", (66, 80)), ("above", (88, 30)), ("right", (114, 80)), ("below", (88, 130))]
)
def test_what_lies_beyond_a_cut_cannot_be_seen(edge: Edge, at: tuple[int, int]) -> None:
    seen = beacon(at)
    rows = np.array([0])
    assert crops(seen, truncate(seen, edge, 0.0), rows, (64, 48)).any()
    assert not crops(seen, truncate(seen, edge, 0.3), rows, (64, 48)).any()
    assert is_cut_off(seen.points, truncate(seen, edge, 0.3)).all()


@given(share=st.floats(0, 0.9), edge=st.sampled_from(EDGES))
def test_no_pixel_of_a_crop_draws_on_pixels_beyond_the_cut(share: float, edge: Edge) -> None:
    white = beacon((88, 80))
    part = truncate(white, edge, share)
    index = truncated_boxes._EDGES.index(edge)
    pixels = np.zeros((160, 200, 3), np.uint8)
    line = part.corners[0, index]
    across = np.arange(200)[None, :] if index % 2 == 0 else np.arange(160)[:, None]
    pixels[np.broadcast_to(across > line if index >= 2 else across < line, (160, 200))] = 255
    white.split.pack.pixels[:] = pixels.reshape(-1)
    assert share == 0 or not crops(white, part, np.array([0]), (64, 48)).any()


@pytest.mark.parametrize("edge", EDGES)
def test_a_cut_of_nothing_gives_evaluations_own_crops_and_predictions(
    truncation: Truncation, data: CocoData, whole: People, edge: Edge
) -> None:
    torch.manual_seed(0)
    given = subject(truncation, data, TrainingModule(truncation.of, pretrained=False).model)
    rows = np.arange(len(data.val))
    part = truncate(whole, edge, 0.0)
    images = data.val.__getitems__([(0, row) for row in rows.tolist()]).image.numpy()
    np.testing.assert_array_equal(crops(whole, part, rows, data.val.size), images)
    evaluated = predictions(given.net, data, SingleProcess()).mu.astype(np.float64)
    np.testing.assert_array_equal(predict_points(given, whole, part, rows), data.val.to_picture(evaluated))


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_a_cut_box_shows_nothing_that_the_whole_box_would_not(whole: People, share: float) -> None:
    rows = np.arange(len(whole.split))
    pack = whole.split.pack
    assert (whole.reach[:, :2].clip(0) >= pack.tiles[:, 1:3]).all()
    part = truncate(whole, "below", share)
    image, to_picture = crops(whole, part, rows, (64, 48)), crop_maps(part, rows, (64, 48))
    down = to_picture[:, 1, 1, None] * np.arange(64) + to_picture[:, 1, 2, None]
    assert not image[(down < whole.reach[:, 1, None]) | (down > part.corners[:, 3, None])].any()
    assert image.any((1, 2, 3)).all()


def by_hand() -> People:
    """One person in a box of 30 × 40 pixels, whose diagonal is 50; the fourth joint is not labelled."""
    seen = beacon((88, 80))
    points = np.array([[[10.0, 10.0], [10.0, 30.0], [10.0, 39.0], [10.0, 39.0]]])
    corners = np.array([[0.0, 0.0, 30.0, 40.0]])
    labelled = np.array([[True, True, True, False]])
    return replace(
        seen,
        corners=corners,
        placements=crop.whole_bodies(corners, 0.75, 1.25),
        points=points,
        labelled=labelled,
    )


def test_errors_inside_and_outside_are_those_worked_out_by_hand() -> None:
    seen = by_hand()
    half = truncate(seen, "below", 0.5)  # at y = 20; its crop ends at y = 10 + 1.25 * 40 / 2 = 35
    found = seen.points + np.array([[[3.0, 4.0], [0.0, -15.0], [0.0, 10.0], [99.0, 99.0]]])
    uncut = seen.points + np.array([[[0.0, 0.0], [0.0, 1.0], [0.0, 2.0], [99.0, 99.0]]])
    means = _means(seen, half, found, uncut)
    assert means["inside"] == pytest.approx(100 * 5 / 50)
    assert means["outside"] == pytest.approx(100 * (15 + 10) / 2 / 50)
    assert means["outside, uncut"] == pytest.approx(100 * (1 + 2) / 2 / 50)
    assert means["past"] == pytest.approx(50)
    assert means["off crop"] == pytest.approx(100 * (0 + 4) / 2 / 50)


def test_without_a_cut_every_joint_is_inside() -> None:
    seen = by_hand()
    means = _means(seen, truncate(seen, "above", 0.0), seen.points, seen.points)
    assert means == {"inside": 0.0, "outside": None, "outside, uncut": None, "past": None, "off crop": None}


def test_who_is_drawn_depends_on_labels_alone(truncation: Truncation, data: CocoData, whole: People) -> None:
    part = truncate(whole, "below", 0.4)
    rows = select_people(whole, part, 4)
    assert len(rows) == len(set(rows.tolist())) == 4
    lost = (whole.labelled & is_cut_off(whole.points, part)).sum(1)
    assert (lost[rows] >= 2).all()
    assert (whole.labelled.mean(1)[rows] >= 0.75).all()
    details = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = TrainingModule(truncation.of, pretrained=False).model
        details.append(truncation.measure(subject(truncation, data, model)).detail["drawn"]["people"])
    first, second = ([(one["id"], one["picture"], one["box"]) for one in people] for people in details)
    assert first == second
    assert details[0] != details[1]


def test_everything_that_a_table_shows_is_measured(truncation: Truncation, data: CocoData) -> None:
    model = TrainingModule(truncation.of, pretrained=False).model
    found = truncation.measure(subject(truncation, data, model))
    wanted = {f"{name}/{share}" for name in ("inside", "outside", "past") for share in (20, 40, 60)}
    assert wanted | {"inside/0"} <= set(found.metrics)
    assert "outside/0" not in found.metrics
    assert np.isfinite(list(found.metrics.values())).all()


def test_predictions_that_are_not_finite_are_refused(truncation: Truncation, data: CocoData) -> None:
    class Broken(nn.Module):
        def forward(self, image: Tensor) -> Output:
            return Output(torch.full((len(image), 17, 2), torch.nan), None)

    with refused("not-finite", ProbeError):
        truncation.measure(subject(truncation, data, Broken()))


def test_detected_boxes_are_refused_by_a_sentence(
    data: CocoData, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pack = data.val.pack
    arrays = {**pack.arrays, "labelled": np.zeros_like(pack.arrays["labelled"])}
    monkeypatch.setattr("datasets.crops.pose_split.open_pack", lambda folder: replace(pack, arrays=arrays))
    with refused("unlabelled", DataError):
        annotated_people(data, padding=1.25)


@pytest.mark.parametrize("wrong", [(0.1, 0.2), (0.0, 0.4, 0.2), (0.0, 1.0), ()])
def test_cuts_begin_at_none_and_grow(truncation: Truncation, wrong: tuple[float, ...]) -> None:
    with invalid("cuts"):
        vary(truncation, cuts=wrong)
