"""Epochs and batches that the command line chooses in place of a recipe's."""

from collections.abc import Sequence
from typing import Any

from orchestrator.config.experiment import Experiment
from orchestrator.config.field_path import with_value
from orchestrator.config.schedule import Schedule, Steps
from orchestrator.config.vary import vary
from orchestrator.util.errors import SweepError

EPOCHS = "schedule.epochs"


def lengthened(experiment: Experiment, epochs: int | None, batch: int | None) -> Experiment:
    """The experiment, and what it starts from, with so many epochs and samples a batch.

    Milestones of the learning rate move with the epochs, so that it falls in the same parts of the training.
    The learning rate itself stays.

    Args:
        epochs, batch: None leaves the recipe's.

    Raises:
        SweepError: the training set has fewer samples than the batch.
    """
    if epochs is None and batch is None:
        return experiment
    start = None if experiment.start is None else lengthened(experiment.start, epochs, batch)
    _check(experiment, batch)
    schedule = _of_batch(_of_epochs(experiment.schedule, epochs), batch)
    return vary(experiment, schedule=schedule, start=start)


def with_field(experiment: Experiment, field: str, value: Any, asked: str) -> Experiment:
    """`with_value`; with epochs, milestones of the learning rate move, as in `lengthened`. They count as the
    recipe's own.

    Raises:
        SweepError: there is no such field, or the value does not fit it.
    """
    changed = with_value(experiment, field, value, asked)
    if field != EPOCHS:
        return changed
    longer = lengthened(experiment, changed.schedule.epochs, None)
    return vary(longer, schedule=vary(longer.schedule, recipe_epochs=experiment.schedule.recipe_epochs))


def _check(experiment: Experiment, batch: int | None) -> None:
    samples = experiment.data.train_samples
    if batch is not None and samples is not None and batch > samples:
        raise SweepError(
            f"--batch {batch}: {experiment.data.name} has {samples} samples to train on; name no more",
            code="batch-too-large",
        )


def _of_epochs(schedule: Schedule, epochs: int | None) -> Schedule:
    if epochs is None or epochs == schedule.epochs:
        return schedule
    share = epochs / schedule.epochs
    decay = schedule.decay
    if isinstance(decay, Steps):
        moved = (max(1, round(share * milestone)) for milestone in decay.milestones)
        decay = vary(decay, milestones=tuple(dict.fromkeys(moved)))
    return vary(
        schedule,
        epochs=epochs,
        recipe_epochs=schedule.recipe_epochs or schedule.epochs,
        decay=decay,
        evaluate_every=min(schedule.evaluate_every, epochs),
    )


def _of_batch(schedule: Schedule, batch: int | None) -> Schedule:
    recipe = schedule.recipe_batch or schedule.batch
    if batch is None or batch == schedule.batch:
        return schedule
    return vary(schedule, batch=batch, recipe_batch=None if batch == recipe else recipe)


def check_chosen_once(varied: Sequence[str], epochs: int | None, batch: int | None) -> None:
    """Refuse two options that choose the same.

    Args:
        varied: the texts of `--vary`, such as `schedule.epochs=10,20`.

    Raises:
        SweepError: rows vary by what `--epochs` or `--batch` makes equal in all.
    """
    for option, value in (("epochs", epochs), ("batch", batch)):
        if value is not None and any(f"schedule.{option}=" in text for text in varied):
            raise SweepError(
                f"--{option} {value} and --vary schedule.{option}: name one, both choose the same",
                code="chosen-twice",
            )
