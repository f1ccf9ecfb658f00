"""Regions of a wrong scale do not hold, and hold when they were fitted on other people."""

from dataclasses import replace

import pytest
import torch

from datasets.coco.config import CocoKeypoints
from datasets.coco.dataset import CocoData
from datasets.contract import DataPaths
from datasets.synthetic.people.people import People
from models.objectives import L1, RLE, LearnedScale
from models.realnvp import RealNVP
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.base import ProbeError, TrainedModel
from orchestrator.probes.region_coverage import RegionCoverage
from orchestrator.training.runtime import CPU
from tests.support.errors import refused
from tests.support.honest import Honest


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> CocoData:
    config = CocoKeypoints(source=People(train=8, val=60, seed=5), size=(64, 48))
    place = DataPaths(tmp_path_factory.mktemp("cache"))
    config.prepare(place)
    return replace(config.open(place, seed=0), flip_pairs=None)


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_fitted_regions_hold_whatever_the_scale_that_is_said(
    experiment: Experiment, data: CocoData, factor: float
) -> None:
    of = vary(experiment, objective=LearnedScale())
    model = TrainedModel(of, Honest(data, factor).eval(), of.objective.build(2), data, CPU)
    found = RegionCoverage(of=of).measure(model).metrics
    assert found["after"] == pytest.approx(90, abs=3)
    assert found["after_worst"] > 82
    if factor == 1:
        assert found["before"] == pytest.approx(90, abs=4)
    else:
        assert (found["before"] < 75) == (factor < 1)
        assert abs(found["before"] - 90) > 5


@pytest.mark.parametrize("objective", [L1(), RLE(flow=RealNVP(context=2))], ids=["L1", "conditioned"])
def test_without_one_density_there_is_nothing_to_compare_with(
    experiment: Experiment, data: CocoData, objective: L1 | RLE
) -> None:
    of = vary(experiment, objective=objective)
    torch.manual_seed(0)
    model = TrainedModel(of, Honest(data, context=2).eval(), objective.build(2), data, CPU)
    with refused("no-density", ProbeError):
        RegionCoverage(of=of).measure(model)
