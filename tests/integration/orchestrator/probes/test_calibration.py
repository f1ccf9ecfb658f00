"""A right scale comes out as right, a wrong one as wrong; the correlation is Pearson's with OKS."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from datasets.coco.config import CocoKeypoints
from datasets.coco.dataset import CocoData
from datasets.contract import DataPaths
from datasets.metrics.oks import oks
from datasets.synthetic.people.people import People
from models.objectives import DLE, L1, RLE, LearnedScale, Objective
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.base import ProbeResult, TrainedModel
from orchestrator.probes.calibration import (
    LEVELS,
    Calibration,
    binned,
    calibration_error,
    coverage,
    pearson,
)
from orchestrator.training.runtime import CPU
from sweeps.baselines import mpii, simplepose
from tests.support.errors import invalid
from tests.support.honest import Honest


@pytest.fixture(scope="module")
def config() -> CocoKeypoints:
    return CocoKeypoints(source=People(train=8, val=24, seed=5), size=(64, 48))


@pytest.fixture(scope="module")
def data(config: CocoKeypoints, tmp_path_factory: pytest.TempPathFactory) -> CocoData:
    place = DataPaths(tmp_path_factory.mktemp("cache"))
    config.prepare(place)
    return replace(config.open(place, seed=0), flip_pairs=None)


def measured(experiment: Experiment, data: CocoData, net: nn.Module, objective: Objective) -> ProbeResult:
    torch.manual_seed(0)
    of = vary(experiment, objective=objective)
    return Calibration(of=of).measure(TrainedModel(of, net.eval(), objective.build(2), data, CPU))


def test_a_right_scale_covers_as_it_says(experiment: Experiment, data: CocoData) -> None:
    found = measured(experiment, data, Honest(data), LearnedScale())
    assert found.metrics["ece"] < 2
    assert found.metrics["cover50"] == pytest.approx(50, abs=4)
    assert found.metrics["cover95"] == pytest.approx(95, abs=2)
    assert found.metrics["error_ratio"] == pytest.approx(1, abs=0.08)
    curve = found.detail["curves"]["Q"]
    np.testing.assert_allclose(curve["measured"], curve["predicted"], rtol=0.35)


def test_half_the_scale_covers_too_little(experiment: Experiment, data: CocoData) -> None:
    found = measured(experiment, data, Honest(data, factor=0.5), LearnedScale())
    # |x| < q half as often far out: 1 - sqrt(1 - level) under a Laplace density of twice the scale.
    assert found.metrics["cover50"] == pytest.approx(100 * (1 - 0.5**0.5), abs=4)
    assert found.metrics["cover90"] == pytest.approx(100 * (1 - 0.1**0.5), abs=4)
    assert found.metrics["error_ratio"] == pytest.approx(2, abs=0.16)
    assert found.metrics["ece"] > 10


def test_a_flow_is_measured_alone_and_with_q(experiment: Experiment, data: CocoData) -> None:
    with_q = measured(experiment, data, Honest(data), RLE())
    alone = measured(experiment, data, Honest(data), DLE())
    assert list(with_q.detail["curves"]) == ["QG", "G"]
    assert alone.metrics["ece"] == alone.metrics["flow_ece"] == pytest.approx(with_q.metrics["flow_ece"])
    assert with_q.metrics["ece"] != pytest.approx(with_q.metrics["flow_ece"])


def test_confidence_correlates_with_oks_as_computed_by_hand(experiment: Experiment, data: CocoData) -> None:
    net = Honest(data)
    found = measured(experiment, data, net, LearnedScale())
    arrays = data.val.pack.arrays
    batch = data.val.__getitems__([(0, index) for index in range(len(data.val))])
    output = net(batch.image)
    points = data.val.to_picture(output.mu.double().numpy())
    similar = oks(points, arrays["points"], arrays["labelled"], arrays["area"], np.array(data.sigmas))
    confidence = 1 - output.sigma.double().numpy().mean((1, 2))
    expected = np.corrcoef(confidence, similar)[0, 1]
    assert found.metrics["correlation"] == pytest.approx(expected, abs=1e-5)
    assert 0.2 < found.metrics["point_correlation"] < 1  # it knows where it errs much


def test_a_model_without_a_scale_has_a_correlation_alone(experiment: Experiment, data: CocoData) -> None:
    of = simplepose(experiment)
    untrained = of.model.build(of.output_spec)
    found = Calibration(of=of).measure(TrainedModel(of, untrained.eval(), nn.Identity(), data, CPU))
    assert found.metrics.keys() == {"correlation", "point_correlation"}
    assert found.detail == {}


def test_a_confidence_that_never_varies_has_no_correlation(experiment: Experiment, data: CocoData) -> None:
    assert measured(experiment, data, Honest(data, score=1.0), L1()).metrics == {}


def test_pearson_is_that_of_a_case_worked_by_hand() -> None:
    # Deviations (-1, 0, 1) and (-1, 1, 0): 1 / sqrt(2 · 2).
    assert pearson(np.array([1.0, 2, 3]), np.array([0.0, 2, 1])) == pytest.approx(0.5)
    assert pearson(np.array([1.0, 2, math.nan, 3]), np.array([0.0, 2, 9, 1])) == pytest.approx(0.5)
    assert math.isnan(pearson(np.ones(3), np.arange(3.0)))


def test_coverage_of_uniform_probabilities_is_the_level() -> None:
    below = (np.arange(10_000) + 0.5) / 10_000
    np.testing.assert_allclose(coverage(below), LEVELS, atol=1e-4)
    assert calibration_error(coverage(below)) < 1e-4
    assert calibration_error(coverage(np.zeros(10))) == pytest.approx(LEVELS.mean())


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_wider_intervals_never_hold_less(below: list[float]) -> None:
    covered = coverage(np.array(below))
    assert (np.diff(covered) >= 0).all()
    assert 0 <= calibration_error(covered) <= 0.95


def test_bins_are_of_equal_counts_in_the_order_of_what_is_predicted() -> None:
    predicted, measured_ = binned(np.array([[4.0, 1], [3, 2]]), np.array([[40.0, 10], [30, 20]]), bins=2)
    assert predicted.tolist() == [1.5, 3.5]
    assert measured_.tolist() == [15, 35]


def test_other_data_than_coco_are_refused() -> None:
    with invalid("not-coco"):
        Calibration(of=mpii("smoke"))
