import dataclasses
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed
import torch.multiprocessing

from datasets.io.errors import DataError
from models import backbones
from models.errors import WeightsError
from models.heatmap_nets import SimplePose
from models.muon import Muon
from models.objectives import DLE, L1, RLE, HeatmapMSE, LearnedScale
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Adam, Schedule
from orchestrator.config.vary import vary
from orchestrator.training.checkpoint import CheckpointError, Checkpoints, read_checkpoint
from orchestrator.training.module import TrainingModule
from orchestrator.training.runtime import Distributed, SingleProcess
from orchestrator.training.trainer import fit
from tests.support.dying import DiesAfter, KilledError
from tests.support.errors import refused
from tests.support.experiments import Poisoned


def weights(checkpoints: Checkpoints, experiment: Experiment) -> Mapping[str, torch.Tensor]:
    return checkpoints.load_finished(experiment).weights


def assert_equal(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("matrices", "s"), [(None, {}), (Muon(), {}), (None, {"s": "grid", "nodes": 5, "shifted": True})]
)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    experiment, toy, tmp_path: Path, matrices, s
) -> None:
    schedule = vary(experiment.schedule, matrices=matrices)
    experiment = vary(experiment, objective=vary(experiment.objective, **s), schedule=schedule)
    whole, parts = Checkpoints(str(tmp_path / "whole")), Checkpoints(str(tmp_path / "parts"))
    expected = fit(experiment, toy, SingleProcess(), whole)
    for last in (1, 3):
        with pytest.raises(KilledError):
            fit(experiment, toy, DiesAfter(last=last), parts)
        torch.manual_seed(last)  # whatever else the process does must not matter
    found = fit(experiment, toy, SingleProcess(), parts)
    assert found.metrics == expected.metrics
    assert_equal(weights(whole, experiment), weights(parts, experiment))


def test_a_run_stopped_at_rungs_goes_on_to_the_uninterrupted_one_bit_for_bit(
    experiment, toy, tmp_path: Path
) -> None:
    experiment = vary(experiment, schedule=vary(experiment.schedule, evaluate_every=4))
    whole, parts = Checkpoints(str(tmp_path / "whole")), Checkpoints(str(tmp_path / "parts"))
    expected = fit(experiment, toy, SingleProcess(), whole)
    first = SingleProcess()
    stopped = fit(experiment, toy, first, parts, until=1)
    assert stopped.status == "stopped"
    assert [epoch for epoch, _ in first.reports] == [1]
    assert "AP" in first.reports[0][1]  # though every fourth epoch alone is evaluated
    with pytest.raises(CheckpointError):
        parts.load_finished(experiment)
    again = SingleProcess()
    assert fit(experiment, toy, again, parts, until=1) == stopped
    assert again.reports == []
    torch.manual_seed(7)  # whatever else the process does must not matter
    assert fit(experiment, toy, SingleProcess(), parts, until=3).status == "stopped"
    found = fit(experiment, toy, SingleProcess(), parts)
    assert (found.status, found.metrics) == ("finished", expected.metrics)
    assert_equal(weights(whole, experiment), weights(parts, experiment))


def test_a_run_that_passed_a_rung_without_an_evaluation_is_evaluated_at_once(
    experiment, toy, tmp_path: Path
) -> None:
    experiment = vary(experiment, schedule=vary(experiment.schedule, evaluate_every=4))
    checkpoints, runtime = Checkpoints(str(tmp_path)), SingleProcess()
    with pytest.raises(KilledError):
        fit(experiment, toy, DiesAfter(last=2), checkpoints)
    assert fit(experiment, toy, runtime, checkpoints, until=1).status == "stopped"
    assert [(epoch, "AP" in metrics) for epoch, metrics in runtime.reports] == [(3, True)]


def test_a_constant_s_trains_the_weights_that_no_s_trains(experiment, toy, tmp_path: Path) -> None:
    constant = vary(experiment, objective=vary(experiment.objective, s="grid", s_gradient=False))
    stores = Checkpoints(str(tmp_path / "without")), Checkpoints(str(tmp_path / "constant"))
    without, found = (
        fit(e, toy, SingleProcess(), store) for e, store in zip((experiment, constant), stores, strict=True)
    )
    a, b = weights(stores[0], experiment), weights(stores[1], constant)
    assert_equal(a, b)
    assert without.metrics["AP"] == found.metrics["AP"]
    assert without.metrics["loss"] != found.metrics["loss"]


def test_a_finished_run_trains_no_more_and_says_the_same(experiment, toy, tmp_path: Path) -> None:
    checkpoints, again = Checkpoints(str(tmp_path)), SingleProcess()
    first = fit(experiment, toy, SingleProcess(), checkpoints)
    second = fit(experiment, toy, again, checkpoints)
    assert second == first
    assert again.reports == []


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(
    experiment, toy, tmp_path: Path
) -> None:
    outcomes = [
        fit(e, toy, SingleProcess(), Checkpoints(str(tmp_path / str(i)))).metrics
        for i, e in enumerate([experiment, experiment, vary(experiment, seed=1)])
    ]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]["loss"] != outcomes[2]["loss"]


@pytest.mark.parametrize("objective", [L1(), LearnedScale(), DLE(), RLE(), RLE(s="grid"), RLE(s="samples")])
def test_every_objective_learns(experiment, toy, tmp_path: Path, objective) -> None:
    runtime = SingleProcess()
    learned = vary(experiment, objective=objective, schedule=vary(experiment.schedule, epochs=6))
    outcome = fit(learned, toy, runtime, Checkpoints(str(tmp_path)))
    losses = [metrics["loss"] for _, metrics in runtime.reports]
    assert outcome.status == "finished"
    assert losses[-1] < losses[0]
    assert ("grad_mu_q" in outcome.metrics) == (objective.kind in ("rle", "learned_scale"))


def test_a_nan_in_a_live_target_ends_as_diverged_with_step_samples_and_quantities(
    experiment, toy, tmp_path: Path
) -> None:
    broken = dataclasses.replace(toy, train=Poisoned(toy.train))
    outcome = fit(experiment, broken, SingleProcess(), Checkpoints(str(tmp_path)))
    assert outcome.status == "diverged"
    note = json.loads(outcome.note)
    assert note["step"] == 0
    assert len(note["samples"]) == 8
    assert note["quantities"]["loss"] == "nan"


def test_fewer_samples_than_a_batch_is_an_error_that_says_so(experiment, toy, tmp_path: Path) -> None:
    greedy = vary(experiment, schedule=vary(experiment.schedule, batch=32))
    with refused("few-samples", DataError):
        fit(greedy, toy, SingleProcess(), Checkpoints(str(tmp_path)))


def test_a_batch_that_workers_can_not_share_is_an_error(experiment, toy, tmp_path: Path) -> None:
    with refused("indivisible-batch"):
        fit(experiment, toy, SingleProcess(world_size=3), Checkpoints(str(tmp_path)))


def test_metrics_are_those_of_the_last_epoch_even_when_evaluation_is_rare(experiment, toy, tmp_path) -> None:
    often, rarely = SingleProcess(), SingleProcess()
    fit(experiment, toy, often, Checkpoints(str(tmp_path / "a")))
    rare = vary(experiment, schedule=vary(experiment.schedule, evaluate_every=3))
    fit(rare, toy, rarely, Checkpoints(str(tmp_path / "b")))
    assert ["AP" in metrics for _, metrics in rarely.reports] == [False, False, True, True]
    assert rarely.reports[-1] == often.reports[-1]


def without_base_rates(optimizers: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """As they were before learning rates were multiples of what they began with."""
    groups = [[{**g, "base_lr": None} for g in state["param_groups"]] for state in optimizers]
    for group in itertools.chain(*groups):
        del group["base_lr"]
    return tuple(state | {"param_groups": changed} for state, changed in zip(optimizers, groups, strict=True))


@pytest.mark.parametrize(
    "change", [without_base_rates, lambda optimizers: (), lambda optimizers: optimizers * 2]
)
def test_from_other_optimizers_training_does_not_go_on_and_the_remedy_is_named(
    experiment, toy, tmp_path: Path, change
) -> None:
    checkpoints = Checkpoints(str(tmp_path))
    with pytest.raises(KilledError):
        fit(experiment, toy, DiesAfter(last=1), checkpoints)
    saved = checkpoints.load(experiment)
    assert saved is not None
    checkpoints.save(dataclasses.replace(saved, optimizers=change(saved.optimizers)))
    with refused("other-optimizers", CheckpointError) as caught:
        fit(experiment, toy, SingleProcess(), checkpoints)
    assert "--fresh" in str(caught.value)


def gradients(experiment: Experiment, toy, runtime) -> dict[str, torch.Tensor]:
    """Gradients of one global batch, this worker's share of it computed here."""
    torch.manual_seed(0)
    trainee = TrainingModule(experiment, pretrained=False).train()
    wrapped = runtime.prepare(trainee)
    keys = [(0, index) for index in range(runtime.rank, 8, runtime.world_size)]
    batch = toy.train.__getitems__(keys)
    loss, _ = wrapped(batch.image, batch.target, batch.weight, 0)
    loss.backward()
    return {name: p.grad.clone() for name, p in trainee.named_parameters()}


def _one_of_two(rank: int, folder: str, experiment_json: str, toy) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    experiment = Experiment.model_validate_json(experiment_json)
    found = gradients(experiment, toy, Distributed(torch.device("cpu"), rank, 2))
    if rank == 0:
        torch.save(found, f"{folder}/gradients.pt")
    torch.distributed.destroy_process_group()


def test_two_workers_gradients_equal_one_workers_the_flows_included(experiment, toy, tmp_path: Path) -> None:
    frozen = vary(experiment, model=vary(experiment.model, frozen_batchnorm=True))
    alone = gradients(frozen, toy, SingleProcess())
    torch.multiprocessing.spawn(_one_of_two, (str(tmp_path), frozen.model_dump_json(), toy), nprocs=2)
    shared = torch.load(tmp_path / "gradients.pt", weights_only=True)
    assert any(name.startswith("objective.") for name in alone)
    assert alone.keys() == shared.keys()
    for name, gradient in alone.items():
        torch.testing.assert_close(shared[name], gradient, rtol=1e-5, atol=1e-6, msg=name)


def heatmaps(experiment: Experiment) -> Experiment:
    """SimplePose on the same trunk, from which a regressor can start."""
    model = SimplePose(trunk=experiment.model.trunk, width=4)
    return vary(experiment, model=model, objective=HeatmapMSE(sigma=1), schedule=short(experiment))


def short(experiment: Experiment) -> Schedule:
    return vary(experiment.schedule, epochs=1)


def test_a_start_gives_its_trained_trunk_and_nothing_else(experiment, toy, tmp_path: Path) -> None:
    checkpoints, before = Checkpoints(str(tmp_path)), heatmaps(experiment)
    started = vary(
        experiment, start=before, schedule=vary(short(experiment), optimiser=Adam(lr=1e-30), warmup_steps=0)
    )
    fit(before, toy, SingleProcess(), checkpoints)
    fit(started, toy, SingleProcess(), checkpoints)
    given, taken = weights(checkpoints, before), weights(checkpoints, started)
    convolutions = [name for name in given if name.startswith("model.trunk") and given[name].ndim == 4]
    assert convolutions
    assert all(torch.allclose(taken[name], given[name], atol=1e-20) for name in convolutions)
    scratch = vary(started, start=None)
    fit(scratch, toy, SingleProcess(), checkpoints)
    fresh = weights(checkpoints, scratch)
    assert not any(torch.allclose(fresh[name], given[name]) for name in convolutions)


def test_a_start_that_was_never_trained_is_an_error_with_a_remedy(experiment, toy, tmp_path: Path) -> None:
    started = vary(experiment, start=heatmaps(experiment))
    with refused("not-trained", CheckpointError):
        fit(started, toy, SingleProcess(), Checkpoints(str(tmp_path)))


def test_pretrained_weights_that_cannot_be_had_are_an_error_that_a_user_can_mend(
    experiment, toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(weights: object) -> None:
        raise WeightsError("no connection", "no-imagenet-weights")

    monkeypatch.setattr(backbones, "_state", offline)
    data = vary(experiment.data, size=(64, 64))
    pretrained = vary(experiment, data=data, model=Regressor(trunk=backbones.ResNet(depth=18)))
    with refused("no-imagenet-weights"):
        fit(pretrained, toy, SingleProcess(), Checkpoints(str(tmp_path)))


def test_a_checkpoint_alone_says_which_experiment_it_is_of(experiment, toy, tmp_path: Path) -> None:
    checkpoints = Checkpoints(str(tmp_path))
    fit(experiment, toy, SingleProcess(), checkpoints)
    assert read_checkpoint(checkpoints.path(experiment.fingerprint())).experiment == experiment


def test_an_epoch_without_an_evaluation_reports_no_old_one(experiment, toy, tmp_path: Path) -> None:
    runtime = SingleProcess()
    rarely = vary(experiment, schedule=vary(experiment.schedule, evaluate_every=2))
    fit(rarely, toy, runtime, Checkpoints(str(tmp_path)))
    assert ["AP" in metrics for _, metrics in runtime.reports] == [False, True, False, True]
