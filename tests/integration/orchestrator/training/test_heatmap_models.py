"""Models with heatmaps through the whole loop: they fit, learn, resume, and keep fingerprints honest."""

from pathlib import Path

import pytest

from models.heatmap_nets import Integral, SimplePose, TwoBranch
from models.objectives import L1, RLE, HeatmapMSE, Objective, WeightedSum
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.runtime import SingleProcess
from orchestrator.training.trainer import fit
from tests.support.errors import invalid

HEATMAPS = HeatmapMSE(sigma=1)


def with_model(experiment: Experiment, kind: str) -> Experiment:
    """The same experiment on the same trunk with another model and its objective."""
    base, rle = experiment.model, experiment.objective
    model, objective = {
        "simplepose": (SimplePose(trunk=base.trunk, width=8), HEATMAPS),
        "integral": (Integral(trunk=base.trunk, width=8), L1()),
        "two_branch": (TwoBranch(regressor=base, width=8), WeightedSum(terms=((1, rle), (0.5, HEATMAPS)))),
    }[kind]
    return vary(experiment, model=model, objective=objective)


every_model = pytest.mark.parametrize("kind", ["simplepose", "integral", "two_branch"])


@every_model
def test_every_model_learns(experiment: Experiment, toy, tmp_path: Path, kind: str) -> None:
    runtime = SingleProcess()
    changed = with_model(experiment, kind)
    learned = vary(changed, schedule=vary(changed.schedule, epochs=8))
    outcome = fit(learned, toy, runtime, Checkpoints(str(tmp_path)))
    losses = [metrics["loss"] for _, metrics in runtime.reports]
    assert outcome.status == "finished"
    assert losses[-1] < losses[0]
    assert ("heatmap_peak" in outcome.metrics) == (kind != "integral")
    assert ("loss_heatmap_mse" in outcome.metrics) == (kind == "two_branch")
    assert ("grad_mu_q" in outcome.metrics) == (kind == "two_branch")


@every_model
def test_a_finished_run_is_restored(experiment: Experiment, toy, tmp_path: Path, kind: str) -> None:
    changed, checkpoints = with_model(experiment, kind), Checkpoints(str(tmp_path))
    short = vary(changed, schedule=vary(changed.schedule, epochs=1))
    assert fit(short, toy, SingleProcess(), checkpoints) == fit(short, toy, SingleProcess(), checkpoints)


@every_model
def test_json_both_ways_gives_the_same_experiment(experiment: Experiment, kind: str) -> None:
    changed = with_model(experiment, kind)
    again = Experiment.model_validate_json(changed.model_dump_json())
    assert again == changed
    assert again.fingerprint() == changed.fingerprint() != experiment.fingerprint()


def test_a_term_of_weight_0_leaves_the_experiment_what_it_was(experiment: Experiment) -> None:
    rle = experiment.objective
    weightless = vary(experiment, objective=WeightedSum(terms=((1, rle), (0, HEATMAPS))))
    assert weightless == experiment
    assert weightless.fingerprint() == experiment.fingerprint()
    prints = {
        with_weight.fingerprint()
        for weight in (1, 0.5, 0.25)
        for with_weight in [
            vary(
                experiment,
                model=TwoBranch(regressor=experiment.model),
                objective=WeightedSum(terms=((1, rle), (weight, HEATMAPS))),
            )
        ]
    }
    assert len(prints) == 3


@pytest.mark.parametrize(
    ("model", "objective", "code"),
    [
        (SimplePose(), RLE(), "simplepose-mismatch"),
        (Integral(), HEATMAPS, "integral-mismatch"),
        (TwoBranch(), L1(), "unused-heatmap"),
        (Regressor(), HEATMAPS, "no-heatmap"),
    ],
)
def test_a_model_that_does_not_fit_its_objective_is_no_experiment(
    experiment: Experiment, model: object, objective: Objective, code: str
) -> None:
    data = vary(experiment.data, size=(64, 64))
    with invalid(code):
        vary(experiment, data=data, model=model, objective=objective)


def test_names_say_what_is_not_the_regressor(experiment: Experiment) -> None:
    names = [with_model(experiment, kind).describe() for kind in ("simplepose", "integral", "two_branch")]
    assert names == [
        "SimplePose with half bodies on coco, seed 0",
        "Integral Pose, L1 with half bodies on coco, seed 0",
        "RLE 3x8 + 0.5 heatmap MSE with half bodies on coco, seed 0",
    ]
