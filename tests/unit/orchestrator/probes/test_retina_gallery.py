"""Which scans are shown depends on labels alone, and rows are those of the scan before it was flattened."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.contract import DataPaths
from datasets.retina.config import RetinaBoundaries, RetinaData
from datasets.retina.flatten import clean
from datasets.retina.samples import Scans as Prepared
from datasets.retina.scan_files import BOUNDARIES, read_subject
from datasets.synthetic.retinas.retinas import Retinas
from models.boundary_unet import BoundaryNet
from models.objectives import L1, RLE
from models.realnvp import RealNVP
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.probes.base import ProbeResult, TrainedModel
from orchestrator.probes.retina_gallery import Boundaries, Scans, band, factors, select_scans
from orchestrator.training.evaluation import predictions
from orchestrator.training.module import TrainingModule
from orchestrator.training.runtime import SingleProcess
from orchestrator.util.jpeg_text import from_text

RETINAS = Retinas(subjects=4, scans=6, labelled=4, height=128, width=64, row_um=15.5)
DATA = RetinaBoundaries(source=RETINAS, size=(64, 64), train_subjects=(3, 4), test_subjects=(1, 2))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> DataPaths:
    made = DataPaths(tmp_path_factory.mktemp("scans"))
    DATA.prepare(made)
    return made


def untrained(place: DataPaths, seed: int = 0, objective: L1 | RLE | None = None) -> TrainedModel:
    experiment = Experiment(
        data=DATA,
        model=BoundaryNet(channels=2, depth=1),
        objective=objective or RLE(flow=RealNVP(layers=3, width=8)),
        schedule=Schedule(epochs=1, batch=2),
        seed=seed,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trainee = TrainingModule(experiment, pretrained=False).eval()
    return TrainedModel(
        experiment, trainee.model, trainee.objective, DATA.open(place, seed), torch.device("cpu")
    )


@pytest.fixture(scope="module")
def subject(place: DataPaths) -> TrainedModel:
    return untrained(place)


@pytest.fixture(scope="module")
def found(subject: TrainedModel) -> ProbeResult:
    return Scans(of=subject.experiment).measure(subject)


def test_the_choice_does_not_depend_on_predictions(found: ProbeResult, place: DataPaths) -> None:
    other = untrained(place, seed=1)
    second = Scans(of=other.experiment).measure(other).detail["scans"]
    assert [(s["id"], s["where"]) for s in second] == [(s["id"], s["where"]) for s in found.detail["scans"]]
    assert [s["mu"] for s in second] != [s["mu"] for s in found.detail["scans"]]


def test_four_scans_are_shown_and_all_of_it_is_json(found: ProbeResult) -> None:
    assert found.metrics["scans"] == len(found.detail["scans"]) == 4
    assert json.loads(json.dumps(found.detail, allow_nan=False)) == found.detail


def test_the_error_of_all_is_the_benchmarks_own(subject: TrainedModel, found: ProbeResult) -> None:
    said = predictions(subject.net, subject.data, SingleProcess())
    assert found.metrics["error"] == pytest.approx(subject.data.metrics(said)["MAE um"])


def test_labels_are_drawn_where_the_file_has_them(found: ProbeResult, place: DataPaths) -> None:
    """Flattened, cropped and brought back: the rows of the subject's file, from where the picture begins."""
    (folder,) = place.cache.glob("retinas-*")
    for scan in found.detail["scans"]:
        number, index = divmod(scan["id"], 1000)
        read = read_subject(folder, number, 1)
        at = read.index.tolist().index(index)
        known = np.array(scan["truth"], float)
        assert np.array_equal(np.isnan(known), np.isnan(read.rows[at]))
        top = read.rows[at] - known
        assert np.ptp(top[np.isfinite(top)]) < 0.02
        picture = from_text(scan["picture"]).astype(float)
        window = clean(read.image[at])[round(float(np.nanmean(top))) :][: len(picture)]
        assert np.abs(window - picture).mean() < 6


def test_predictions_and_labels_are_brought_back_alike(subject: TrainedModel, found: ProbeResult) -> None:
    assert isinstance(subject.data, RetinaData)
    said = predictions(subject.net, subject.data, SingleProcess())
    rows = subject.data.rows(said)
    for scan in found.detail["scans"]:
        row = said.id.tolist().index(scan["id"])
        truth = subject.data.val.scans.rows[subject.data.val.places[row]]
        apart = np.array(scan["mu"], float) - np.array(scan["truth"], float)
        assert np.allclose(apart, rows[row] - truth, atol=0.02, equal_nan=True)


def test_the_first_subject_shown_has_the_thickest_retina() -> None:
    """Three subjects of three scans whose retinas are 40, 60 and 50 rows thick, in the order of 3, 1, 2."""
    thick = {3: 40.0, 1: 60.0, 2: 50.0}
    ids = np.array([1000 * one + scan for one in thick for scan in (20, 10, 30)])
    rows = np.full((9, 8, 4), np.nan, np.float32)
    rows[:, 0], rows[:, -1] = 10, 10 + np.repeat(list(thick.values()), 3)[:, None]
    rows[0, :, 1:] = np.nan
    scans = prepared(ids, rows)
    assert select_scans(scans, np.arange(9)) == {
        3: "subject 1 (thickest retina), middle scan",
        4: "subject 1 (thickest retina), edge scan",
        0: "subject 3 (median thickness), middle scan",
        1: "subject 3 (median thickness), edge scan",
    }
    assert select_scans(scans, np.array([6, 7, 8])) == {
        0: "subject 2 (thickest retina), middle scan",
        1: "subject 2 (thickest retina), edge scan",
    }
    assert list(select_scans(scans, np.array([2]))) == [0]


def prepared(ids: np.ndarray, rows: np.ndarray) -> Prepared:
    """Scans of which only the labels matter."""
    nothing = np.zeros((len(ids), 4))
    pixels = np.zeros((len(ids), 8, 4), np.uint8)
    return Prepared(ids, pixels, nothing, pixels, rows, rows, rows, np.array(0))


def test_each_boundary_has_its_own_factor() -> None:
    """Boundary k errs by k + 1 scales in the middle of three columns; masked ones don't count."""
    K = len(BOUNDARIES)
    sigma = np.full((1, 5, K), 0.1)
    error = np.array([0.5, -1.0, 4.0, 99.0, 99.0])[None, :, None] * np.arange(1, K + 1) * 0.1
    weight = np.ones((1, 5, K)) * np.array([1, 1, 1, 0, 0])[None, :, None]
    assert factors(error, sigma, weight) == pytest.approx(np.arange(1, K + 1))
    pairs = [values.reshape(1, 20, 2) for values in (error, sigma, weight)]
    assert factors(*pairs) == pytest.approx(np.arange(1, K + 1))


def test_the_band_is_the_factor_times_the_scale_in_rows() -> None:
    """Sigma 0.01 and 0.02 of a crop of 200 rows, factors of 0.1 to 0.8: 0.2 and 0.4 rows for the first."""
    K = len(BOUNDARIES)
    sigma = np.array([0.01, 0.02, 0.02])[None, :, None] * np.ones((1, 3, K))
    half = band(sigma, np.arange(1, K + 1) / 10, 200, 3)
    assert half.shape == (1, K, 3)
    assert half[0, 0].tolist() == pytest.approx([0.2, 0.4, 0.4])
    assert half[0, 7].tolist() == pytest.approx([1.6, 3.2, 3.2])


def test_the_share_within_counts_labels_alone() -> None:
    mu = np.zeros((1, 1, 4))
    found = Boundaries(mu, np.array([[[0.5, -1.5, 1.0, np.nan]]]), np.ones_like(mu), row_um=4.0)
    assert found.within() == pytest.approx(200 / 3)
    assert found.um[0, 0, :3].tolist() == [2, 6, 4]
    assert np.isnan(replace(found, breadth=None).within())


def test_without_a_scale_there_is_no_band(place: DataPaths) -> None:
    plain = untrained(place, objective=L1())
    found = Scans(of=plain.experiment).measure(plain)
    assert "in band" not in found.metrics
    assert all("breadth" not in scan for scan in found.detail["scans"])
