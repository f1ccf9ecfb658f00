"""Epochs and batches that the command line chooses."""

import pytest

from datasets.coco.config import CocoFolder, CocoKeypoints
from orchestrator.config.experiment import Experiment
from orchestrator.config.length import check_chosen_once, lengthened
from orchestrator.config.schedule import Schedule, Steps
from orchestrator.config.vary import vary
from tests.support.errors import refused


@pytest.fixture
def recipe(experiment: Experiment) -> Experiment:
    schedule = Schedule(epochs=270, batch=64, decay=Steps(milestones=(170, 200)), evaluate_every=10)
    return vary(experiment, schedule=schedule)


def on_files(experiment: Experiment, samples: int) -> Experiment:
    source = CocoFolder(digest="0" * 16, train_samples=samples)
    return vary(experiment, data=CocoKeypoints(source=source, size=experiment.data.size))


def test_without_a_choice_the_experiment_is_the_same(recipe: Experiment) -> None:
    assert lengthened(recipe, None, None) is recipe
    same = lengthened(recipe, 270, 64)
    assert same == recipe
    assert same.by_recipe


def test_chosen_epochs_and_batch_are_in_fingerprint_name_and_what_is_said(recipe: Experiment) -> None:
    chosen = lengthened(recipe, 27, 32)
    assert (chosen.schedule.epochs, chosen.schedule.batch) == (27, 32)
    assert chosen.fingerprint() != recipe.fingerprint()
    assert chosen.describe() == "RLE 3x8 with half bodies on coco, 27 epochs, batches of 32, seed 0"
    assert [sentence.partition(",")[0] for sentence in chosen.assumed] == [
        "coco: 27 epochs",
        "coco: batches of 32",
    ]
    assert not chosen.by_recipe


def test_the_learning_rate_falls_in_the_same_parts_of_the_training(recipe: Experiment) -> None:
    assert lengthened(recipe, 27, None).schedule.decay == Steps(milestones=(17, 20))
    assert lengthened(recipe, 1, None).schedule.decay == Steps(milestones=(1,))
    assert lengthened(recipe, 1, None).schedule.evaluate_every == 1


def test_what_was_chosen_decides_the_fingerprint_and_not_what_it_replaced(recipe: Experiment) -> None:
    shorter = vary(recipe, schedule=Schedule(epochs=27, batch=64, decay=Steps(milestones=(17, 20))))
    assert lengthened(recipe, 27, None).fingerprint() == shorter.fingerprint()


def test_what_an_experiment_starts_from_is_changed_too(recipe: Experiment) -> None:
    start = lengthened(vary(recipe, start=recipe), 5, None).start
    assert start is not None
    assert start.schedule.epochs == 5


def test_a_batch_that_the_samples_do_not_fill_is_refused(recipe: Experiment) -> None:
    assert lengthened(on_files(recipe, 40), None, 40).schedule.batch == 40
    with refused("batch-too-large"):
        lengthened(on_files(recipe, 40), None, 41)


def test_a_batch_made_to_fit_may_be_chosen_smaller(recipe: Experiment) -> None:
    fitted = vary(on_files(recipe, 40), schedule=vary(recipe.schedule, batch=32, recipe_batch=64))
    assert fitted.by_recipe
    chosen = lengthened(fitted, None, 8)
    assert (chosen.schedule.batch, chosen.schedule.recipe_batch) == (8, 64)
    assert "batches of 8, as chosen, instead of 64" in chosen.assumed[-1]


def test_a_larger_batch_may_be_chosen_too(recipe: Experiment) -> None:
    chosen = lengthened(recipe, None, 2 * recipe.schedule.batch)
    assert chosen.schedule.recipe_batch == recipe.schedule.batch
    assert not chosen.by_recipe
    assert "batches of 128, as chosen, instead of 64" in chosen.assumed[-1]


def test_what_rows_vary_by_is_not_chosen_for_all_of_them() -> None:
    check_chosen_once(["schedule.epochs=10,20"], None, 8)
    with refused("chosen-twice"):
        check_chosen_once(["schedule.epochs=10,20"], 30, None)
