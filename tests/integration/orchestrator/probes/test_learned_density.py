"""The probe of the learned density: one convention for all, likelihoods as the losses have them."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datasets.coco.config import CocoKeypoints
from datasets.coco.dataset import CocoData
from datasets.contract import DataPaths
from datasets.crops.pack import Pack
from datasets.io.errors import DataError
from datasets.synthetic.people.people import People
from models.density import laplace
from models.interface import Output
from models.objectives import DLE, L1, RLE, Objective
from orchestrator.config.experiment import Experiment
from orchestrator.config.precision import settled
from orchestrator.config.vary import vary
from orchestrator.probes.base import ProbeResult, TrainedModel
from orchestrator.probes.learned_density import Density
from orchestrator.probes.residuals import residuals_of
from orchestrator.probes.sigma_in_errors import log_densities
from orchestrator.tracking.run_record import metric_name
from orchestrator.training.runtime import CPU
from orchestrator.util.mathematics import Precision
from sweeps.learned_density import rows
from tests.support.errors import invalid, refused


class Centre(nn.Module):
    """Says that every keypoint lies in the middle of the crop, give or take sigma."""

    def forward(self, image: Tensor) -> Output:
        mu = torch.zeros(len(image), 17, 2)
        return Output(mu, torch.full_like(mu, 0.25))


@pytest.fixture(scope="module")
def config() -> CocoKeypoints:
    return CocoKeypoints(source=People(train=8, val=12, seed=5), size=(64, 48))


@pytest.fixture(scope="module")
def data(config: CocoKeypoints, tmp_path_factory: pytest.TempPathFactory) -> CocoData:
    place = DataPaths(tmp_path_factory.mktemp("cache"))
    config.prepare(place)
    return config.open(place, seed=0)


def subject(experiment: Experiment, data: CocoData, objective: Objective) -> TrainedModel:
    torch.manual_seed(0)
    of = vary(experiment, data=CocoKeypoints(source=People(train=8, val=12, seed=5)), objective=objective)
    return TrainedModel(of, Centre().eval(), objective.build(2), data, CPU)


def native() -> Precision:
    raise AssertionError


def measured(subject: TrainedModel) -> ProbeResult:
    return Density(of=subject.experiment).measure(subject)


@pytest.fixture(scope="module")
def found(data: CocoData) -> dict[str, ProbeResult]:
    """Of every method in the table, untrained."""
    experiments = {row.key: settled(row.experiment, "float32", native) for row in rows("smoke")}
    keys = ("RLE G", "RLE Gauss G", "DLE G")
    return {key: measured(subject(experiments[key], data, experiments[key].objective)) for key in keys}


def test_every_row_of_the_table_is_measured_under_its_name(found: dict[str, ProbeResult]) -> None:
    quantities = {name.split("/")[1] for name in found["DLE G"].metrics}
    behind = {row.key: found[f"{row.key.rsplit(' ', 1)[0]} G"] for row in rows("smoke") if " " in row.key}
    behind |= {"Laplace": found["RLE G"], "Gaussian": found["RLE G"]}
    assert behind.keys() == {row.key for row in rows("smoke")}
    for key, probe in behind.items():
        assert {f"{key}/{quantity}" for quantity in quantities} <= probe.metrics.keys()
        assert key in probe.detail["densities"]


def test_numbers_are_finite_and_have_names_that_mlflow_takes(found: dict[str, ProbeResult]) -> None:
    for probe in found.values():
        assert all(math.isfinite(value) for value in probe.metrics.values())
        assert all(metric_name(name) for name in probe.metrics)


def test_details_are_json_of_less_than_a_megabyte_whose_maps_are_densities(
    found: dict[str, ProbeResult],
) -> None:
    for probe in found.values():
        assert len(json.dumps(probe.detail)) < 1_000_000
        for drawn in probe.detail["densities"].values():
            assert 0.5 < sum(drawn["map"]) * 0.1**2 < 1.01
            assert sum(drawn["cut"]) * 0.05 == pytest.approx(1, abs=0.1)
            for errors in [drawn["errors"]] if "errors" in drawn else []:
                assert sum(errors["map"]) * 0.2**2 <= 1.001


def test_the_likelihood_is_that_of_the_loss_in_units_of_the_crop(
    experiment: Experiment, data: CocoData
) -> None:
    looked_at = subject(experiment, data, DLE())
    seen = residuals_of(looked_at, data, flip=False)
    target, mu = torch.from_numpy(seen.target).float(), torch.from_numpy(seen.mu).float()
    weight = torch.from_numpy(seen.labelled).float()[:, :, None].expand(-1, -1, 2)
    loss = looked_at.objective(mu, torch.full_like(mu, 0.25), target, weight, step=0, seed=0).loss
    nll = measured(looked_at).metrics["DLE G/nll"]
    assert nll == pytest.approx(loss.item() * len(mu) / seen.labelled.sum(), abs=1e-2)


def test_no_laplace_density_suits_the_errors_better_than_the_one_compared_with(
    experiment: Experiment, data: CocoData
) -> None:
    looked_at = subject(experiment, data, RLE())
    metrics = measured(looked_at).metrics
    errors = residuals_of(looked_at, data, flip=False).errors
    place, scale = np.median(errors, axis=0), np.abs(errors - np.median(errors, axis=0)).mean(0)
    for shift, factor in [(0.0, 1.0), (0.02, 1.0), (0.0, 1.2), (0.0, 0.8)]:
        b = factor * scale
        nll = (np.log(2 * b) + np.abs(errors - place - shift) / b).sum(-1).mean()
        assert nll == pytest.approx(metrics["Laplace/nll"], abs=1e-6) or nll > metrics["Laplace/nll"]
        assert (nll == pytest.approx(metrics["Laplace/nll"], abs=1e-6)) == ((shift, factor) == (0, 1))


@pytest.mark.parametrize("convention", ["official", "mmpose"])
def test_what_other_conventions_learned_is_mirrored(convention: str) -> None:
    paper, other = DLE().build(2), DLE(convention=convention).build(2)  # type: ignore[arg-type]
    other.load_state_dict(paper.state_dict())
    x = torch.randn(64, 2)
    ours, theirs = log_densities(paper)["G"], log_densities(other)["G"]
    assert not torch.allclose(ours(x), theirs(x))
    torch.testing.assert_close(ours(x), theirs(-x))


def test_the_product_has_the_convention_s_own_q() -> None:
    x = torch.randn(64, 2)
    for convention, q in (
        ("paper", laplace.log_prob(x)),
        ("official", laplace.log_prob(x / 2**0.5) - math.log(2)),
    ):
        densities = log_densities(RLE(convention=convention).build(2))  # type: ignore[arg-type]
        assert list(densities) == ["QG", "G"]
        torch.testing.assert_close(densities["QG"](x) - densities["G"](x), q)


def test_a_method_without_a_flow_is_refused(experiment: Experiment) -> None:
    with invalid("no-flow"):
        Density(of=vary(experiment, objective=L1()))


def test_detected_boxes_are_refused_with_a_remedy(
    experiment: Experiment, data: CocoData, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = data.val.pack
    blind = replace(pack, arrays={**pack.arrays, "labelled": np.zeros_like(pack.arrays["labelled"])})
    monkeypatch.setattr(type(data.val), "pack", property(lambda self: blind))
    assert isinstance(blind, Pack)
    with refused("unlabelled", DataError):
        measured(subject(experiment, data, RLE()))
