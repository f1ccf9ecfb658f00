"""Which optimiser moves which parameter, and how fast."""

from itertools import chain

import pytest
import torch

from models.heatmap_nets import SimplePose
from models.muon import Muon, OrthogonalMomentum
from models.objectives import HeatmapMSE
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Adam, Cosine, Linear, Schedule, Steps
from orchestrator.config.vary import vary
from orchestrator.training.module import TrainingModule
from orchestrator.training.optimizers import build_optimizers, rate, set_rate


def build(experiment: Experiment) -> tuple[TrainingModule, list[torch.optim.Optimizer]]:
    trainee = TrainingModule(experiment, pretrained=False)
    return trainee, build_optimizers(experiment.schedule, trainee.model, trainee.objective)


def names(trainee: TrainingModule, optimiser: torch.optim.Optimizer) -> set[str]:
    inside = {id(p) for group in optimiser.param_groups for p in group["params"]}
    return {name for name, p in trainee.named_parameters() if id(p) in inside}


def with_muon(experiment: Experiment) -> Experiment:
    return vary(experiment, schedule=vary(experiment.schedule, matrices=Muon()))


def test_adam_moves_everything_unless_asked(experiment: Experiment) -> None:
    trainee, optimisers = build(experiment)
    assert [type(optimiser) for optimiser in optimisers] == [torch.optim.Adam]
    assert names(trainee, optimisers[0]) == {name for name, _ in trainee.named_parameters()}


def test_muon_moves_the_matrices_of_trunk_and_coordinates_and_adam_the_rest(experiment: Experiment) -> None:
    trainee, (adam, muon) = build(with_muon(experiment))
    assert isinstance(muon, OrthogonalMomentum)
    ours = names(trainee, muon)
    assert "model.coord.weight" in ours
    assert all(name.startswith(("model.trunk.", "model.coord.")) for name in ours)
    assert all(trainee.get_parameter(name).ndim > 1 for name in ours)
    rest = names(trainee, adam)
    assert {"model.coord.bias", "model.sigma.weight", "objective.flow.weights.0"} <= rest
    assert ours | rest == {name for name, _ in trainee.named_parameters()}
    assert not ours & rest


def test_every_parameter_of_a_heatmap_model_is_moved_once(experiment: Experiment) -> None:
    model = SimplePose(trunk=experiment.model.trunk, width=4)
    trainee, optimisers = build(with_muon(vary(experiment, model=model, objective=HeatmapMSE())))
    moved = [name for optimiser in optimisers for name in sorted(names(trainee, optimiser))]
    assert sorted(moved) == sorted(name for name, _ in trainee.named_parameters())


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_weight_decay_makes_it_adamw(experiment: Experiment, decay: float) -> None:
    schedule = vary(experiment.schedule, optimiser=Adam(weight_decay=decay))
    _, (adam,) = build(vary(experiment, schedule=schedule))
    assert isinstance(adam, torch.optim.AdamW) == (decay > 0)
    assert {group["weight_decay"] for group in adam.param_groups} == {decay}


def test_rates_are_multiples_of_what_they_began_with(experiment: Experiment) -> None:
    adam = Adam(lr=1e-3, coord_rate=2, sigma_rate=0.5, flow_rate=3)
    schedule = vary(experiment.schedule, optimiser=adam, matrices=Muon(lr=0.02))
    _, optimisers = build(vary(experiment, schedule=schedule))
    for factor in (0.5, 0.25):
        set_rate(optimisers, factor)
        rates = [group["lr"] / factor for group in chain(*(o.param_groups for o in optimisers))]
        assert rates == pytest.approx([1e-3, 2e-3, 0.5e-3, 3e-3, 0.02])


def test_rates_warm_up_then_decay() -> None:
    cosine = Schedule(epochs=10, batch=1, decay=Cosine(), warmup_steps=4)
    assert rate(cosine, 0, 5) == pytest.approx(0.25)
    assert rate(cosine, 25, 5) == pytest.approx(0.5)
    assert rate(cosine, 50, 5) == pytest.approx(0)
    steps = Schedule(epochs=10, batch=1, decay=Steps(milestones=(4, 8)))
    assert [rate(steps, epoch * 5, 5) for epoch in (0, 3, 4, 7, 8)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_a_linear_decay_holds_and_then_goes_straight_to_zero() -> None:
    schedule = Schedule(epochs=10, batch=1, decay=Linear(hold=0.2))
    assert [rate(schedule, epoch * 5, 5) for epoch in (0, 2, 4, 6, 10)] == pytest.approx([1, 1, 0.75, 0.5, 0])
