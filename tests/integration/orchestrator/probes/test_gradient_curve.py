"""The parts of the gradient at mu by step: of the training itself, and by hand what they are said to be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.objectives import DLE, L1, RLE
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.base import ProbeError, ProbeResult, TrainedModel
from orchestrator.probes.gradient_curve import FIRST, GradientCurve
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.module import TrainingModule
from orchestrator.training.runtime import CPU, SingleProcess
from orchestrator.training.trainer import fit, train_again
from tests.support.errors import invalid, refused
from tests.support.experiments import Poisoned


def measured(experiment: Experiment, data, steps: int = 1000) -> ProbeResult:
    module = TrainingModule(experiment, pretrained=False)
    trained = TrainedModel(experiment, module.model, module.objective, data, CPU)
    return GradientCurve(of=experiment, steps=steps).measure(trained)


@pytest.mark.parametrize("s", [{}, {"s": "samples"}])
def test_a_training_taken_again_ends_with_the_same_weights_although_it_is_watched(
    experiment, toy, tmp_path: Path, s
) -> None:
    experiment = vary(experiment, objective=vary(experiment.objective, **s))
    fit(experiment, toy, SingleProcess(), checkpoints := Checkpoints(str(tmp_path)))
    expected = checkpoints.load_finished(experiment).weights
    again = train_again(
        experiment, toy, CPU, 1000, lambda loss, inputs: loss.gradient_shares(inputs) and None
    )
    found = again.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_the_first_norms_are_those_of_autograd_at_the_first_step(experiment, toy) -> None:
    """-log Q of a Laplace and -log G at the predictions of the untrained model, in training mode."""
    found = measured(experiment, toy)
    torch.manual_seed(experiment.seed)
    module = TrainingModule(experiment, pretrained=False).train()
    order = np.random.default_rng((experiment.seed, 0)).permutation(len(toy.train))
    batch = toy.train.__getitems__([(0, int(index)) for index in order[: experiment.schedule.batch]])
    with torch.no_grad():
        output = module.model(batch.image)
    mu = output.mu.requires_grad_()
    x = (batch.target - mu) / output.sigma
    nll_g = -module.objective.flow.log_prob(x.reshape(-1, 2)).sum()
    for name, nll in (("q", x.abs().sum()), ("g", nll_g)):
        (gradient,) = torch.autograd.grad(nll, mu, retain_graph=True)
        assert found.detail[name][0] == pytest.approx(float(gradient.norm(dim=-1).mean()), rel=1e-4)


def test_every_step_is_measured_and_shares_are_means_over_the_first_and_all(experiment, toy) -> None:
    long = vary(experiment, schedule=vary(experiment.schedule, epochs=FIRST // 3 + 3))
    found = measured(long, toy)
    q, g = (np.array(found.detail[part]) for part in "qg")
    assert len(q) == len(g) == found.detail["of"] == 3 * long.epochs > FIRST
    share = 100 * q / (q + g)
    assert found.metrics["early_share_q"] == pytest.approx(share[:FIRST].mean(), rel=1e-4)
    assert found.metrics["share_q"] == pytest.approx(share.mean(), rel=1e-4)


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_no_more_steps_than_asked_for_are_taken_and_these_are_the_same(experiment, toy, steps: int) -> None:
    whole, part = measured(experiment, toy).detail, measured(experiment, toy, steps).detail
    assert part["q"] == whole["q"][:steps]
    assert part["g"] == whole["g"][:steps]
    assert part["of"] == whole["of"] == 12


def test_it_leaves_the_generator_of_the_process_alone(experiment, toy) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    train_again(experiment, toy, CPU, 2, lambda loss, inputs: None)
    assert torch.equal(torch.rand(1), expected)


def test_a_training_that_diverges_here_is_an_error(experiment, toy) -> None:
    with refused("diverged", ProbeError):
        measured(experiment, replace(toy, train=Poisoned(toy.train)))


@pytest.mark.parametrize("objective", [L1(), DLE()])
def test_without_both_parts_there_is_no_share(experiment, objective) -> None:
    with invalid("not-rle"):
        GradientCurve(of=vary(experiment, objective=objective))


def test_a_training_that_starts_from_another_is_refused(experiment) -> None:
    with invalid("starts-from-another"):
        GradientCurve(of=vary(experiment, start=vary(experiment, objective=RLE(s="grid"))))


def test_steps_are_in_the_fingerprint_and_the_training_has_its_own(experiment) -> None:
    prints = {GradientCurve(of=experiment, steps=steps).fingerprint() for steps in (1000, 10)}
    assert len({*prints, experiment.fingerprint()}) == 3
