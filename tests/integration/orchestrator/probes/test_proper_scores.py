"""Objectives are scored as densities of one truth in one unit, each by the density that it predicts."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from datasets.coco.config import CocoKeypoints
from datasets.coco.dataset import CocoData
from datasets.contract import DataPaths
from datasets.synthetic.people.people import People
from models.objectives import DLE, L1, RLE, CorrelatedGaussian, LearnedScale, Objective
from models.realnvp import RealNVP
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.base import TrainedModel
from orchestrator.probes.proper_scores import ProperScores
from orchestrator.training.runtime import CPU
from sweeps.baselines import mpii
from sweeps.likelihood import FLOWS, OBJECTIVES
from tests.support.errors import invalid
from tests.support.honest import Honest

FLOW = RealNVP(couplings=2, width=8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> CocoData:
    config = CocoKeypoints(source=People(train=8, val=24, seed=5), size=(64, 48))
    place = DataPaths(tmp_path_factory.mktemp("cache"))
    config.prepare(place)
    opened = config.open(place, seed=0)
    # The model that errs honestly knows the validation set alone.
    return replace(opened, train=opened.val, flip_pairs=None)


def measured(
    experiment: Experiment, data: CocoData, net: nn.Module, objective: Objective
) -> dict[str, float]:
    torch.manual_seed(0)
    of = vary(experiment, objective=objective)
    return ProperScores(of=of).measure(TrainedModel(of, net.eval(), objective.build(2), data, CPU)).metrics


def test_an_honest_laplace_has_the_scores_that_are_known_of_it(
    experiment: Experiment, data: CocoData
) -> None:
    net = Honest(data)
    found = measured(experiment, data, net, LearnedScale())
    batch = data.val.__getitems__([(0, index) for index in range(len(data.val))])
    sigma = net(batch.image).sigma.numpy()[batch.weight.numpy().all(-1)] * (48, 64)
    assert found["nll"] == pytest.approx((1 + np.log(2 * sigma)).sum(-1).mean(), abs=0.1)
    assert found["crps"] == pytest.approx(0.75 * sigma.mean(), rel=0.1)
    assert [found["cover50"], found["cover90"]] == pytest.approx([50, 90], abs=5)
    assert [found["worst50"], found["worst90"]] == pytest.approx([50, 90], abs=10)
    assert 0.3 < found["rank_correlation"] < 1
    assert 0 < found["oks"] <= 100


def test_a_wrong_scale_has_a_worse_likelihood_and_half_of_it_holds_too_little(
    experiment: Experiment, data: CocoData
) -> None:
    right, half = (measured(experiment, data, Honest(data, factor=f), LearnedScale()) for f in (1.0, 0.5))
    assert half["nll"] > right["nll"] + 0.3
    assert half["crps"] > right["crps"]
    assert half["cover90"] < right["cover90"] - 10
    assert half["rank_correlation"] == pytest.approx(right["rank_correlation"])


def test_a_correlation_of_0_scores_as_the_gaussian(experiment: Experiment, data: CocoData) -> None:
    alone = measured(experiment, data, Honest(data), LearnedScale(density="gaussian"))
    correlated = measured(experiment, data, Honest(data, context=1), CorrelatedGaussian())
    assert correlated == pytest.approx(alone)


@pytest.mark.parametrize("objective", [RLE, DLE])
def test_a_flow_without_the_weights_of_its_context_scores_as_the_flow(
    experiment: Experiment, data: CocoData, objective: type[RLE] | type[DLE]
) -> None:
    given = vary(FLOW, context=3)
    of = vary(experiment, objective=objective(flow=given))
    torch.manual_seed(0)
    conditioned, plain = of.objective.build(2), objective(flow=FLOW).build(2)
    with torch.no_grad():
        conditioned.flow.context.zero_()
    state = {name: value for name, value in conditioned.state_dict().items() if not name.endswith(".context")}
    plain.load_state_dict(state)
    by_samples = ProperScores(of=of).measure(
        TrainedModel(of, Honest(data, context=3), conditioned, data, CPU)
    )
    exactly = ProperScores(of=of).measure(TrainedModel(of, Honest(data), plain, data, CPU))
    assert by_samples.metrics.keys() == exactly.metrics.keys()
    for key, value in exactly.metrics.items():
        assert by_samples.metrics[key] == pytest.approx(value, rel=0.03, abs=2.5 if "0" in key else 0.05), key


@pytest.mark.parametrize("key", OBJECTIVES)
def test_every_row_of_the_sweep_has_the_scores_that_its_columns_show(
    experiment: Experiment, data: CocoData, key: str
) -> None:
    objective = OBJECTIVES[key][0]
    if "spline" in key:
        pytest.importorskip("zuko")
    found = measured(experiment, data, Honest(data, context=objective.context), objective)
    expected = {"oks", "nll", "crps", "cover50", "cover90"}
    scale = {"worst50", "worst90", "rank_correlation"}
    if key != "L1":
        expected |= scale
    if key in FLOWS:
        expected |= {f"flow_{name}" for name in expected - {"oks"}}
    assert found.keys() - scale == expected - scale
    assert all(math.isfinite(value) for value in found.values())


def test_l1_is_scored_by_the_mean_error_of_training_samples(experiment: Experiment, data: CocoData) -> None:
    found = measured(experiment, data, Honest(data), L1())
    batch = data.val.__getitems__([(0, index) for index in range(len(data.val))])
    live = batch.weight.numpy().all(-1)
    error = np.abs(Honest(data)(batch.image).mu.numpy() - batch.target.numpy())[live]
    scale = error.mean()
    expected = (np.log(2 * scale * np.array([48, 64])) + error / scale).sum(-1).mean()
    assert found["nll"] == pytest.approx(expected, abs=0.02)


def test_it_is_of_coco_keypoints() -> None:
    with invalid("not-coco"):
        ProperScores(of=mpii("smoke"))
