"""Sets of fewer samples than a recipe's batch: they are trained on in smaller batches, and it is said so."""

from orchestrator.config.schedule import Schedule
from orchestrator.config.vary import vary

LARGEST_BATCH = 256
"""Of all recipes."""


def fitting_batch(batch: int, samples: int) -> int:
    """The batch, or the largest power of two that the samples fill, which most numbers of workers divide."""
    return batch if batch <= samples else 2 ** max(samples.bit_length() - 1, 0)


def fitted(schedule: Schedule, samples: int | None) -> Schedule:
    """The schedule with a batch that the training set fills; the same where its size is not known."""
    if samples is None or schedule.batch <= samples:
        return schedule
    return vary(schedule, batch=fitting_batch(schedule.batch, samples), recipe_batch=schedule.batch)


def smaller_batch(schedule: Schedule, samples: int | None) -> tuple[str, ...]:
    """That batches are smaller than in the recipe, since the samples do not fill these, if they are."""
    if schedule.recipe_batch is None or chosen_batch(schedule, samples):
        return ()
    few = "" if samples is None else f", as there are {samples} samples to train on"
    return (f"batches of {schedule.batch} instead of {schedule.recipe_batch}{few}",)


def chosen_batch(schedule: Schedule, samples: int | None) -> bool:
    """Whether the batch is not the recipe's, and not the one that takes its place in a small set."""
    if schedule.recipe_batch is None:
        return False
    return samples is None or fitting_batch(schedule.recipe_batch, samples) != schedule.batch


def chosen_length(schedule: Schedule, samples: int | None) -> tuple[str, ...]:
    """What the user chose in place of the recipe's, a sentence each."""
    epochs, batch = schedule.recipe_epochs, schedule.recipe_batch
    longer = () if epochs is None else (f"{schedule.epochs} epochs, as chosen, instead of {epochs}",)
    if not chosen_batch(schedule, samples):
        return longer
    return (
        *longer,
        f"batches of {schedule.batch}, as chosen, instead of {batch}; learning rates stay",
    )


def batches_to_come(samples: int | None) -> tuple[str, ...]:
    """What is to be expected of recipes whose batch the samples don't fill."""
    if samples is None or samples >= LARGEST_BATCH:
        return ()
    most = fitting_batch(LARGEST_BATCH, samples)
    return (f"with {samples} samples to train on, batches are {most} where a recipe has more than {samples}",)
