"""What all trials of a search measured, and how much each field of its space explains of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.schema.declaration import Declaration, Searched, SearchedTrial
from orchestrator.schema.record import Record

FEWEST = 6
"""Trials from which anything is said about fields."""

SEED = 0
"""Of the forest of fANOVA, so that a report built again says the same."""


class TrialValue(NamedTuple):
    """A trial and what a metric was there."""

    trial: SearchedTrial
    value: float


def trial_values(
    declaration: Declaration, records: Mapping[str, Record], key: str, *, first: bool = False
) -> list[TrialValue]:
    """A metric of each trial that has it, by number.

    Args:
        key: the metric, of whose history the records have the values by epoch.
        first: at the first rung, which all trials have; otherwise at the last that each has.
    """
    found = []
    for trial in () if declaration.searched is None else declaration.searched.trials:
        record = records.get(trial.fingerprint)
        if record is None or (record.data and record.data not in declaration.data_fingerprints):
            continue
        epochs = trial.epochs[0 if first else -1]
        value = record.value_at(key, epochs)
        if value is not None:
            found.append(TrialValue(trial, value))
    return found


def importances(searched: Searched, found: Sequence[TrialValue]) -> dict[str, float]:
    """For each field the share of the variance over the space that it explains, the highest first; empty for
    few trials, or where all have one value.

    By fANOVA (Hutter et al., An efficient approach for assessing hyperparameter importance, ICML 2014), as
    Optuna has it, on a random forest fitted to the trials.
    """
    if len(found) < FEWEST or len({one.value for one in found}) < 2:
        return {}
    from optuna import create_study, logging
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import create_trial

    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)  # a line for each study otherwise
    try:
        study = create_study(direction="maximize")
    finally:
        logging.set_verbosity(verbosity)
    kinds = _distributions(searched, found)
    for trial, value in found:
        params = dict(zip(searched.fields, trial.values, strict=True))
        study.add_trial(
            create_trial(
                params={name: params[name] for name in kinds},
                distributions=kinds,
                value=value,
            )
        )
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=SEED))
    return dict(sorted(shares.items(), key=lambda share: -share[1]))


def _distributions(searched: Searched, found: Sequence[TrialValue]) -> dict[str, Any]:
    """Of the fields that vary: numbers between the least and the greatest, words as they are."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    kinds: dict[str, Any] = {}
    for place, name in enumerate(searched.fields):
        values = list(dict.fromkeys(one.trial.values[place] for one in found))
        if len(values) < 2:
            continue
        if all(isinstance(value, int | float) for value in values):
            kinds[name] = FloatDistribution(min(values), max(values), log=name in searched.log)
        else:
            kinds[name] = CategoricalDistribution(values)
    return kinds
