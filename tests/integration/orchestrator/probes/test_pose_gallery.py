"""Who is shown depends on annotations alone, and what is kept of them is what was measured."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from datasets.coco.config import CocoKeypoints
from datasets.coco.kinds import coco_kinds
from datasets.contract import DataPaths
from datasets.crops.pack import Pack
from datasets.human36m.cameras import JOINTS
from datasets.human36m.config import Human36MPose
from datasets.human36m.kinds import human36m_kinds
from datasets.mpii.config import MpiiPose
from datasets.synthetic.people.people import People
from datasets.synthetic.people.write_human36m import Human36MPeople
from datasets.synthetic.people.write_mpii import MpiiPeople
from datasets.union import DataConfig
from models.backbones import SmallTrunk
from models.objectives import L1, RLE
from models.realnvp import RealNVP
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.config.vary import vary
from orchestrator.probes import pose_selection, sigma_in_errors
from orchestrator.probes.base import ProbeError, TrainedModel
from orchestrator.probes.pose_gallery import Gallery
from orchestrator.probes.pose_samples import pose_samples
from orchestrator.training.evaluation import predictions
from orchestrator.training.module import TrainingModule
from orchestrator.training.runtime import SingleProcess
from orchestrator.util.jpeg_text import from_text, to_text
from tests.support.errors import refused

CPU = torch.device("cpu")
PEOPLE = People(train=12, val=24)
DATA: dict[str, DataConfig] = {
    "coco": CocoKeypoints(source=PEOPLE, size=(64, 48)),
    "mpii": MpiiPose(source=MpiiPeople(scenes=vary(MpiiPeople().scenes, train=12, val=24)), size=(64, 64)),
    "human36m": Human36MPose(source=Human36MPeople(train=2, val=4), size=(64, 64)),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> DataPaths:
    return DataPaths(tmp_path_factory.mktemp("gallery"))


def untrained(
    data: DataConfig, place: DataPaths, seed: int = 0, objective: L1 | RLE | None = None
) -> TrainedModel:
    """A net with random weights, so that predictions differ from person to person and by seed."""
    data.prepare(place)
    experiment = Experiment(
        data=data,
        model=Regressor(trunk=SmallTrunk(channels=(4, 8), strides=(4, 4)), pool="flatten"),
        objective=objective or RLE(flow=RealNVP(layers=3, width=8)),
        schedule=Schedule(epochs=1, batch=8),
        seed=seed,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trainee = TrainingModule(experiment, pretrained=False).eval()
        torch.nn.init.normal_(trainee.model.coord.weight)  # type: ignore[union-attr,arg-type]
    return TrainedModel(experiment, trainee.model, trainee.objective, data.open(place, seed), CPU)


@pytest.mark.parametrize("name", DATA)
def test_the_choice_does_not_depend_on_predictions(name: str, place: DataPaths) -> None:
    first, second = (untrained(DATA[name], place, seed) for seed in (0, 1))
    found = [Gallery(of=subject.experiment).measure(subject) for subject in (first, second)]
    who, what = zip(
        *(
            ([(person["id"], person["kind"], person["picture"]) for person in one.detail["people"]],
             [person["mu"] for person in one.detail["people"]])
            for one in found
        ),
        strict=True,
    )  # fmt: skip
    assert who[0] == who[1]
    assert what[0] != what[1]


@pytest.mark.parametrize("name", DATA)
def test_what_is_found_is_json_and_small(name: str, place: DataPaths) -> None:
    subject = untrained(DATA[name], place)
    found = Gallery(of=subject.experiment).measure(subject)
    text = json.dumps(found.detail, allow_nan=False)
    assert json.loads(text) == found.detail
    assert len(text) < 30_000 * len(found.detail["people"])
    assert found.metrics["people"] == len(found.detail["people"]) > 0


def test_the_error_of_all_is_the_benchmarks_own(place: DataPaths) -> None:
    subject = untrained(DATA["human36m"], place)
    said = predictions(subject.net, subject.data, SingleProcess())
    found = Gallery(of=subject.experiment).measure(subject)
    assert found.metrics["error"] == pytest.approx(subject.data.metrics(said)["MPJPE"])


def test_the_error_of_those_shown_is_over_their_joints(place: DataPaths) -> None:
    subject = untrained(DATA["coco"], place)
    found = Gallery(of=subject.experiment).measure(subject)
    people = found.detail["people"]
    counts = [sum(person["labelled"]) for person in people]
    errors = [person["error"] for person in people]
    assert found.metrics["error shown"] == pytest.approx(np.average(errors, weights=counts), abs=0.01)


@pytest.mark.parametrize("name", DATA)
def test_the_kept_truth_is_where_the_file_has_it(name: str, place: DataPaths) -> None:
    subject = untrained(DATA[name], place)
    found = pose_samples(subject, predictions(subject.net, subject.data, SingleProcess()))
    points = found.split.pack.arrays["points"]
    assert np.allclose(found.split.to_picture(found.truth), points, atol=1e-6)


def test_a_picture_is_the_crop_at_its_own_resolution(place: DataPaths) -> None:
    subject = untrained(DATA["coco"], place)
    found = pose_samples(subject, predictions(subject.net, subject.data, SingleProcess()))
    row = int(np.argmax(found.split.pack.arrays["options"][:, 0, 3]))
    kept = found.picture(row)
    assert kept.shape[0] > 64
    assert kept.shape[1] == round(kept.shape[0] * 48 / 64)
    seen = subject.data.val.__getitems__([(0, row)]).image[0].numpy()
    # The middles of both are one place; shrinking the larger to the net's size gives about what the net sees.
    step = [
        np.linspace(0, side - 1, small).round().astype(int)
        for side, small in zip(kept.shape, (64, 48), strict=False)
    ]
    assert np.abs(kept[np.ix_(*step)].astype(float) - seen).mean() < 12


def test_a_picture_survives_as_text(place: DataPaths) -> None:
    subject = untrained(DATA["coco"], place)
    found = pose_samples(subject, predictions(subject.net, subject.data, SingleProcess()))
    detail = Gallery(of=subject.experiment).measure(subject).detail
    person = detail["people"][0]
    kept = found.picture(found.split.ids.tolist().index(person["id"]))
    assert np.abs(from_text(person["picture"]).astype(float) - kept).mean() < 6


def test_text_and_picture_are_inverse_but_for_jpeg() -> None:
    ramp = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1))
    assert np.abs(from_text(to_text(ramp)).astype(int) - ramp).max() <= 6
    assert from_text(to_text(np.stack([ramp] * 3, axis=2))).shape == (30, 40, 3)


def test_without_a_scale_there_is_no_ellipse(place: DataPaths) -> None:
    subject = untrained(DATA["mpii"], place, objective=L1())
    found = Gallery(of=subject.experiment).measure(subject)
    assert "in ellipse" not in found.metrics
    assert all("ellipse" not in person for person in found.detail["people"])


def test_predictions_in_another_order_are_refused(place: DataPaths) -> None:
    subject = untrained(DATA["coco"], place)
    said = predictions(subject.net, subject.data, SingleProcess())
    with refused("other-order", ProbeError):
        pose_samples(subject, said.__class__(said.id[::-1], said.mu, said.sigma, said.score))


def pack(arrays: dict[str, np.ndarray], tiles: list[tuple[int, int, int, int, int]]) -> Pack:
    return Pack(np.zeros(0, np.uint8), np.array(tiles), arrays, {})


def test_cocos_kinds_are_what_they_say() -> None:
    """Five people of one size, each in the middle of a crop of 100 × 100 at (100, 100) of its picture."""
    body = np.stack([np.linspace(70, 130, 17), np.linspace(70, 130, 17)], 1)
    labelled = np.ones((5, 17), bool)
    labelled[2:4, :4] = False  # the third at the edge, the fourth hidden
    labelled[4, :] = np.arange(17) < 4  # too few to be shown
    points = np.where(labelled[..., None], body, 0)
    other = np.concatenate([body - 20, np.full((17, 1), 2.0)], 1)[None]  # in the second picture
    truth = np.concatenate([points, 2.0 * labelled[..., None]], 2)
    kinds = coco_kinds(
        pack(
            {
                "options": np.tile(np.array([100.0, 100, 100, 100]), (5, 3, 1)),
                "points": points,
                "labelled": labelled,
                "image_id": np.arange(5),
                "truth_image_id": np.array([0, 1, 2, 3, 4, 1]),
                "truth_keypoints": np.concatenate([truth, other]),
                "truth_box": np.tile(np.array([60.0, 60, 80, 80]), (6, 1)),
            },
            # The third picture begins at x = 59: the crop reaches beyond it, and the box up to it.
            [
                (0, 50, 50, 100, 100),
                (0, 50, 50, 100, 100),
                (0, 59, 50, 91, 100),
                (0, 50, 50, 100, 100),
                (0, 50, 50, 100, 100),
            ],
        )
    )
    who = {kind: np.flatnonzero(members).tolist() for kind, members in kinds.items()}
    assert who == {"whole": [0], "crowded": [1], "cut off": [2], "partly labelled": [3]}


def test_people_are_sorted_by_how_they_stand_to_the_camera() -> None:
    rng = np.random.default_rng(0)
    usual = rng.normal(size=(17, 3)) * 10
    joints = np.tile(usual, (20, 1, 1))
    left, right = JOINTS.index("left_shoulder"), JOINTS.index("right_shoulder")
    turns = np.arange(20) * 2 * np.pi / 20
    # Facing the camera, the left shoulder is at the right of the picture.
    joints[:, left] = np.stack([np.cos(turns), 0 * turns, np.sin(turns)], 1) * 180
    joints[:, right] = -joints[:, left]
    joints[19] += 500
    kinds = human36m_kinds(joints)
    assert kinds["from the front"][0]
    assert kinds["from the side"][5]
    assert kinds["from behind"][10]
    assert kinds["unusual pose"][19]
    assert not any(members[19] for kind, members in kinds.items() if kind != "unusual pose")


@given(st.integers(1, 5), st.lists(st.sampled_from("abc."), min_size=1, max_size=40))
def test_nobody_is_shown_twice_and_of_each_kind_at_most_so_many(each: int, letters: list[str]) -> None:
    marks = np.array(letters)
    kinds = {"a": marks == "a", "also a": marks == "a", "b": marks == "b", "c": marks == "c"}
    found = pose_selection.select_rows(kinds, each)
    rows = [row for some in found.values() for row in some]
    assert len(rows) == len(set(rows)) > 0
    assert all(0 < len(some) <= each and some == sorted(some) for some in found.values())
    assert "also a" not in found
    if set(letters) != {"."}:
        assert all(kinds[kind][some].all() for kind, some in found.items())
        assert all(len(found[name]) == min(each, letters.count(name)) for name in "abc" if name in letters)
    else:
        assert list(found) == [pose_selection.ANYBODY]


def test_rows_are_taken_from_the_middles_of_equal_parts() -> None:
    assert pose_selection.evenly(np.arange(12), 3) == [2, 6, 10]
    assert pose_selection.evenly(np.array([7, 8]), 3) == [7, 8]
    assert pose_selection.evenly(np.array([], np.int64), 3) == []


def test_half_of_the_errors_lie_within_the_factor() -> None:
    """Errors of 1, 2 and 3 scales along the axes, and one of 5 that a 3-4-5 triangle has."""
    error = np.array([[2.0, 0.0], [0.0, 2.0], [6.0, 0.0], [6.0, 4.0]])
    sigma = np.array([[2.0, 9.0], [9.0, 1.0], [2.0, 9.0], [2.0, 1.0]])
    assert sigma_in_errors.distances(error, sigma).tolist() == [1, 2, 3, 5]
    assert sigma_in_errors.half_of_errors(error, sigma) == 2.5


def test_the_factor_of_a_laplace_is_its_median() -> None:
    sigma = np.random.default_rng(1).uniform(0.1, 3, (40_000, 1))
    error = np.random.default_rng(2).laplace(scale=sigma)
    assert sigma_in_errors.half_of_errors(error, 7 * sigma) == pytest.approx(np.log(2) / 7, rel=0.02)


def test_the_factor_is_taken_from_training_samples(place: Path) -> None:
    subject = untrained(DATA["coco"], place)  # type: ignore[arg-type]
    training = sigma_in_errors.training_errors(subject)
    assert training is not None
    error, sigma, weight = training
    assert error.shape == sigma.shape == weight.shape == (len(subject.data.train), 17, 2)
