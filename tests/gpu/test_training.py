"""Trainings on a GPU: beside the CPU, in bf16, again, and interrupted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor

from datasets.contract import Data, DataPaths
from models.backbones import ResNet
from models.muon import Muon
from models.objectives import RLE
from models.realnvp import RealNVP
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Adam
from orchestrator.config.vary import vary
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.dataloader import load
from orchestrator.training.runtime import CPU, SingleProcess
from orchestrator.training.trainer import Outcome, fit
from tests.support.closeness import apart, same_bits
from tests.support.dying import DiesAfter, KilledError

pytestmark = pytest.mark.gpu

TRAINED = 2e-2
"""How far metrics may be from the CPU's after 12 steps, relative, in float32: each step adds to rounding."""


@pytest.fixture(params=["Adam", "Muon", "s by samples", "ResNet-18 in bf16"])
def recipe(request: pytest.FixtureRequest, experiment: Experiment) -> Experiment:
    """What a resumed training must take up: states of optimisers, random draws, statistics of BatchNorm."""
    schedule = experiment.schedule
    match request.param:
        case "Muon":
            return vary(experiment, schedule=vary(schedule, matrices=Muon()))
        case "s by samples":
            return vary(experiment, objective=RLE(flow=RealNVP(layers=3, width=8), s="samples"))
        case "ResNet-18 in bf16":
            model = Regressor(trunk=ResNet(depth=18, weights=None))
            return vary(experiment, model=model, schedule=vary(schedule, precision="bf16", epochs=2))
    return experiment


def in_precision(experiment: Experiment, precision: Literal["float32", "bf16"]) -> Experiment:
    return vary(experiment, schedule=vary(experiment.schedule, precision=precision))


def trained(
    experiment: Experiment, data: Data, runtime: SingleProcess, folder: Path
) -> tuple[Outcome, Mapping[str, Tensor]]:
    checkpoints = Checkpoints(str(folder))
    outcome = fit(experiment, data, runtime, checkpoints)
    assert outcome.status == "finished"
    return outcome, checkpoints.load_finished(experiment).weights


def relative(found: dict[str, float], wanted: dict[str, float]) -> dict[str, float]:
    assert found.keys() == wanted.keys()
    return {name: abs(found[name] - value) / max(1.0, abs(value)) for name, value in wanted.items()}


def test_a_training_comes_to_the_numbers_of_the_cpu(
    experiment: Experiment, toy: Data, device: torch.device, tmp_path: Path
) -> None:
    here, weights = trained(experiment, toy, SingleProcess(CPU), tmp_path / "cpu")
    there, found = trained(experiment, toy, SingleProcess(device), tmp_path / "gpu")
    assert {name for name, d in relative(there.metrics, here.metrics).items() if not d < TRAINED} == set()
    assert apart(list(found.values()), list(weights.values())) < TRAINED


def test_a_training_in_bf16_stays_finite_and_close(
    experiment: Experiment, toy: Data, device: torch.device, tmp_path: Path
) -> None:
    exact, _ = trained(experiment, toy, SingleProcess(device), tmp_path)
    rounded, weights = trained(in_precision(experiment, "bf16"), toy, SingleProcess(device), tmp_path)
    assert all(bool(w.isfinite().all()) for w in weights.values())
    assert rounded.metrics["bf16"] == 1
    assert rounded.metrics["loss"] != exact.metrics["loss"]
    assert relative(rounded.metrics, exact.metrics)["loss"] < 0.1


def test_a_training_gives_the_same_bits_each_time(
    recipe: Experiment, toy: Data, device: torch.device, tmp_path: Path
) -> None:
    (first, weights), (second, again) = (
        trained(recipe, toy, SingleProcess(device), tmp_path / name) for name in ("first", "second")
    )
    assert second.metrics == first.metrics
    assert same_bits(list(again.values()), list(weights.values()))


def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(
    recipe: Experiment, toy: Data, device: torch.device, tmp_path: Path
) -> None:
    whole, weights = trained(recipe, toy, SingleProcess(device), tmp_path / "whole")
    with pytest.raises(KilledError):
        fit(recipe, toy, DiesAfter(device), Checkpoints(str(tmp_path / "parts")))
    rest, found = trained(recipe, toy, SingleProcess(device), tmp_path / "parts")
    assert rest.metrics == whole.metrics
    assert same_bits(list(found.values()), list(weights.values()))


def test_a_checkpoint_of_a_gpu_goes_on_on_the_cpu(
    experiment: Experiment, toy: Data, device: torch.device, tmp_path: Path
) -> None:
    muon = vary(experiment, schedule=vary(experiment.schedule, matrices=Muon()))
    whole, _ = trained(muon, toy, SingleProcess(device), tmp_path / "whole")
    with pytest.raises(KilledError):
        fit(muon, toy, DiesAfter(device), Checkpoints(str(tmp_path / "parts")))
    moved, _ = trained(muon, toy, SingleProcess(CPU), tmp_path / "parts")
    assert relative(moved.metrics, whole.metrics)["loss"] < TRAINED


def test_muon_learns_in_bf16(experiment: Experiment, toy: Data, device: torch.device, tmp_path: Path) -> None:
    schedule = vary(
        experiment.schedule, matrices=Muon(), precision="bf16", epochs=12, optimiser=Adam(lr=4e-3)
    )
    runtime = SingleProcess(device)
    trained(vary(experiment, schedule=schedule), toy, runtime, tmp_path)
    losses = [metrics["loss"] for _, metrics in runtime.reports]
    assert losses[-1] < losses[0]


def test_weights_of_convolutions_lie_in_channels_last_order_on_a_gpu(
    experiment: Experiment, device: torch.device, on_a_gpu: None
) -> None:
    trunk = ResNet(depth=18, weights=None).build()
    SingleProcess(device).prepare(trunk)
    layers = [m for m in trunk.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size != (1, 1)]
    assert all(layer.weight.is_contiguous(memory_format=torch.channels_last) for layer in layers)


@pytest.mark.parametrize("loader_workers", [0, 2])
def test_batches_of_a_pack_reach_the_device_bit_for_bit(
    experiment: Experiment, device: torch.device, tmp_path: Path, loader_workers: int
) -> None:
    place = DataPaths(tmp_path)
    experiment.data.prepare(place)
    split = experiment.data.open(place, seed=0).train
    keys = [[(epoch, index) for index in range(row, row + 6)] for epoch in (0, 1) for row in (0, 6)]
    runtime = SingleProcess(device, loader_workers)
    for one, batch in zip(keys, load(split, keys, runtime), strict=True):
        there = batch.to(device)
        assert there.image.device.type == device.type
        assert same_bits(there, split.__getitems__(one))


def test_processes_that_load_change_no_bit_of_a_training(
    experiment: Experiment, device: torch.device, tmp_path: Path
) -> None:
    place = DataPaths(tmp_path)
    experiment.data.prepare(place)
    data = experiment.data.open(place, seed=0)
    (alone, weights), (helped, found) = (
        trained(experiment, data, SingleProcess(device, n), tmp_path / str(n)) for n in (0, 2)
    )
    assert helped.metrics == alone.metrics
    assert same_bits(list(found.values()), list(weights.values()))
