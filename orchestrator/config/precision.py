"""The precision that an experiment is trained in, settled before its fingerprint is taken."""

from collections.abc import Callable

from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.util.mathematics import Precision


def settled(experiment: Experiment, chosen: Precision | None, native: Callable[[], Precision]) -> Experiment:
    """The experiment, and what it starts from, in a precision that means the same everywhere.

    Args:
        chosen: by the user, for every recipe that allows bf16; a recipe in float32 stays so. None leaves it
            to the recipe.
        native: what the machines multiply; asked only where the recipe leaves it to them.
    """
    start = None if experiment.start is None else settled(experiment.start, chosen, native)
    asked = experiment.schedule.precision
    precision = asked if asked == "float32" else chosen or (native() if asked == "auto" else asked)
    return vary(experiment, schedule=vary(experiment.schedule, precision=precision), start=start)
