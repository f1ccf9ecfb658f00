"""Occlusion: the square hides what it says, and errors are averaged as the tables say."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from datasets.contract import DataPaths
from datasets.human36m.cameras import JOINTS
from datasets.human36m.config import POINTS, Human36MPose
from datasets.human36m.dataset import Human36MData
from datasets.synthetic.people.write_human36m import Human36MPeople
from models.interface import Output
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.base import ProbeError, ProbeResult, TrainedModel
from orchestrator.probes.occlusion import GROUPS, HIDDEN, Occlusion, by_group, cells, hide, matrix
from orchestrator.tracking.run_record import metric_name
from orchestrator.training import evaluation
from orchestrator.training.module import TrainingModule
from orchestrator.training.runtime import CPU, SingleProcess
from tests.support.errors import invalid, refused

GREY = (124, 116, 104)
G, J, K = len(GROUPS), len(HIDDEN), len(JOINTS)
unit = st.floats(-0.75, 0.75)


def pictures(*centres: tuple[float, float], square: float, height: int = 64, width: int = 48) -> torch.Tensor:
    """(B, H, W): which pixels of a white picture are hidden around each of the centres."""
    image = torch.full((len(centres), height, width, 3), 255, dtype=torch.uint8)
    hidden = hide(image, torch.tensor(centres), square, GREY)
    changed = hidden != image
    assert torch.equal(changed.any(-1), changed.all(-1))
    assert (hidden[changed.all(-1)] == torch.tensor(GREY, dtype=torch.uint8)).all()
    return changed.all(-1)


# --- the square ---


def test_a_square_of_46_pixels_on_256_lies_around_its_point() -> None:
    (inside,) = pictures((0.1, -0.2), square=46 / 256, height=256, width=256)
    rows, columns = inside.any(1).nonzero().flatten(), inside.any(0).nonzero().flatten()
    assert inside.sum() == 46 * 46 == len(rows) * len(columns)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(0.6 * 256, abs=0.5)
    assert (rows[0] + rows[-1]) / 2 == pytest.approx(0.3 * 256, abs=0.5)


@given(unit, unit, st.floats(0, 1))
def test_it_hides_the_pixels_within_half_a_side_and_no_others(u: float, v: float, square: float) -> None:
    (inside,) = pictures((u, v), square=square)
    x, y = (u + 0.5) * 48, (v + 0.5) * 64
    far = np.maximum(np.abs(np.arange(48) - x)[None], np.abs(np.arange(64) - y)[:, None])
    half = square * 48 / 2
    assert inside.numpy()[far < half - 1e-3].all()
    assert not inside.numpy()[far > half + 1e-3].any()


def test_every_picture_of_a_batch_has_its_own_square() -> None:
    centres = [(-0.3, -0.3), (0.2, 0.4), (2.0, 0.0)]
    together = pictures(*centres, square=0.2)
    for one, at in zip(together, centres, strict=True):
        assert torch.equal(one, pictures(at, square=0.2)[0])
    assert not together[2].any()  # far outside the crop


# --- averages ---


def test_left_and_right_are_hidden_apart_and_averaged_by_hand() -> None:
    errors = np.zeros((J, K))
    joint, hidden = JOINTS.index, HIDDEN.index
    errors[hidden("left_knee"), joint("left_knee")] = 80  # the hidden knee
    errors[hidden("left_knee"), joint("right_knee")] = 20  # the one in view
    errors[hidden("right_knee"), joint("left_knee")] = 30
    errors[hidden("right_knee"), joint("right_knee")] = 110
    errors[hidden("right_knee"), joint("head")] = 6
    errors[hidden("head"), joint("left_hip")] = 10
    table, place = matrix(errors), list(GROUPS).index
    assert table[place("Knee"), place("Knee")] == ((80 + 20) / 2 + (30 + 110) / 2) / 2
    assert table[place("Knee"), place("Head")] == (0 + 6) / 2
    assert table[place("Head"), place("Hip")] == (10 + 0) / 2
    assert np.count_nonzero(table) == 3


def test_pelvis_torso_neck_and_nose_are_in_no_group() -> None:
    errors = np.zeros(K)
    errors[[JOINTS.index(joint) for joint in ("pelvis", "torso", "neck", "nose")]] = 100
    assert not by_group(errors).any()
    assert set(HIDDEN) == set(JOINTS) - {"pelvis", "torso", "neck", "nose"}


def test_means_the_diagonal_and_rises_by_hand() -> None:
    table = np.arange(G * G, dtype=float).reshape(G, G)
    found = cells(np.full(G, 2.0), table)
    assert found["Knee/Hip"] == table[1, 2]
    assert found["Knee/Mean"] == 10
    assert (found["All/Hip"], found["All/Mean"]) == (23, 24)
    assert (found["Knee/Own"], found["Knee/Rise"]) == (8, 6)
    assert (found["All/Own"], found["All/Rise"]) == (24, 22)
    assert (found["Unoccluded/Hip"], found["Unoccluded/Mean"]) == (2, 2)
    assert all(metric_name(key) == key for key in found)


# --- of a model ---


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> DataPaths:
    return DataPaths(tmp_path_factory.mktemp("cache"))


PEOPLE = Human36MPose(source=Human36MPeople(train=2, val=3, side=64), size=(32, 32))


@pytest.fixture
def in_3d(experiment: Experiment) -> Experiment:
    return vary(experiment, data=PEOPLE)


@pytest.fixture
def subject(in_3d: Experiment, place: DataPaths) -> TrainedModel:
    """An untrained net whose heads are sharp enough to see a square."""
    in_3d.data.prepare(place)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        trainee = TrainingModule(in_3d, pretrained=False).eval()
        torch.nn.init.normal_(trainee.model.coord.weight, std=0.2)
    return TrainedModel(in_3d, trainee.model, trainee.objective, in_3d.data.open(place, 0), CPU)


def measured(subject: TrainedModel, **fields: object) -> ProbeResult:
    return Occlusion(of=subject.experiment, **fields).measure(subject)


def test_a_square_of_no_size_gives_the_unoccluded_errors_exactly(subject: TrainedModel) -> None:
    found = measured(subject, square=0).detail
    assert (np.array(found["errors"]) == found["unoccluded"]).all()


def test_unoccluded_errors_are_those_of_the_evaluation(subject: TrainedModel) -> None:
    data = subject.data
    assert isinstance(data, Human36MData)
    mu = evaluation.predictions(subject.net, data, SingleProcess()).mu.astype(float)
    errors = np.linalg.norm(data.skeletons(mu) - data.truth, axis=2).mean(0)
    np.testing.assert_allclose(measured(subject).detail["unoccluded"], by_group(errors), rtol=1e-6)


class Watcher(torch.nn.Module):
    """Keeps the pictures that it is shown, and says nothing of them."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[torch.Tensor] = []

    def forward(self, image: torch.Tensor) -> Output:
        self.shown.append(image)
        return Output(torch.zeros(len(image), len(POINTS), 3), None)


def test_a_square_covers_the_joint_that_it_is_named_for(subject: TrainedModel) -> None:
    """The first two pictures are as they are and in the mirror, then two for each hidden joint."""
    watcher, val = Watcher(), subject.data.val
    measured(replace(subject, net=watcher), fill=(1, 254, 3))
    whole = val.__getitems__([(0, row) for row in range(len(val))])
    assert torch.equal(watcher.shown[0], whole.image)
    assert len(watcher.shown) == 2 * (1 + J)
    for place, joint in enumerate(HIDDEN, 1):
        image, mirrored = watcher.shown[2 * place : 2 * place + 2]
        x, y = ((whole.target[:, JOINTS.index(joint), :2] + 0.5) * 32).long().clamp(0, 31).unbind(1)
        assert (image[torch.arange(len(val)), y, x] == torch.tensor([1, 254, 3])).all(), joint
        assert torch.equal(mirrored.flip(2), image)


def test_batches_do_not_matter(subject: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured(subject).metrics
    monkeypatch.setattr(evaluation, "BATCH", 5)
    assert measured(subject).metrics == pytest.approx(whole, rel=1e-5)
    assert len(set(whole.values())) > G * G  # the squares are seen


def test_a_stride_looks_at_every_nth_picture(subject: TrainedModel) -> None:
    data = subject.data
    assert isinstance(data, Human36MData)
    mu = evaluation.predictions(subject.net, data, SingleProcess()).mu.astype(float)
    errors = np.linalg.norm(data.skeletons(mu) - data.truth, axis=2)[::5].mean(0)
    found = measured(subject, stride=5)
    np.testing.assert_allclose(found.detail["unoccluded"], by_group(errors), rtol=1e-5)
    assert found.detail["pictures"] == len(range(0, len(data.val), 5))


def test_numbers_that_are_not_finite_are_an_error_with_a_reason(subject: TrainedModel) -> None:
    assert subject.net.coord.bias is not None
    torch.nn.init.constant_(subject.net.coord.bias, torch.inf)
    with refused("not-finite", ProbeError):
        measured(subject)


# --- the config ---


def test_only_data_in_mm_can_be_asked_for(experiment: Experiment) -> None:
    with invalid("not-human36m"):
        Occlusion(of=experiment)


def test_model_and_square_are_in_the_fingerprint(in_3d: Experiment) -> None:
    probes = [Occlusion(of=in_3d), Occlusion(of=in_3d, square=0.1), Occlusion(of=vary(in_3d, seed=1))]
    assert len({probe.fingerprint() for probe in probes}) == 3
    assert Occlusion.model_validate_json(probes[1].model_dump_json()) == probes[1]
