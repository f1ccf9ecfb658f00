"""Points that a sampler of Optuna proposes: each a function of its seed and of what it was told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from orchestrator.search.ranking import Values
from orchestrator.search.space import Choice, Point, Range, Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

SamplerName = Literal["tpe", "random"]

STARTUP = 10
"""Points that are drawn at random before TPE has something to learn from (Optuna's own number)."""


@dataclass(frozen=True)
class Told:
    """A point and what came of it: a value for each aim, the highest the best; None for no result."""

    point: Point
    values: Values | None


def proposals(
    space: Space, aims: int, sampler: SamplerName, told: Sequence[Told], seed: Sequence[int]
) -> Iterator[Point]:
    """One point after another, without end, for trials that start together.

    Each is drawn by a sampler with a seed of its own, of `seed` and its place, so that it does not depend on
    how often anything was drawn before. TPE takes those that it proposed before, of which nothing is known
    yet, for bad ones, and so spreads them (Optuna's `constant_liar`).

    Args:
        aims: how many there are.
    """
    distributions = {field: _distribution(domain) for field, domain in space.fields.items()}
    study = _study(aims)
    study.add_trials(_told(space, told, distributions, aims))
    place = 0
    while True:
        study.sampler = _sampler(sampler, int(np.random.SeedSequence((*seed, place)).generate_state(1)[0]))
        params = study.ask(distributions).params
        yield tuple(_value(domain, params[field]) for field, domain in space.fields.items())
        place += 1


def _study(aims: int) -> "Study":
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a line for each study otherwise
    try:
        return optuna.create_study(directions=["maximize"] * aims)
    finally:
        optuna.logging.set_verbosity(verbosity)


def _sampler(name: SamplerName, seed: int) -> "BaseSampler":
    from optuna.samplers import RandomSampler, TPESampler

    if name == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True)


def _told(
    space: Space, told: Sequence[Told], distributions: "dict[str, BaseDistribution]", aims: int
) -> "list[FrozenTrial]":
    """As finished trials; one without a result is as bad as the worst that has one."""
    from optuna.trial import create_trial

    known = [one.values for one in told if one.values is not None]
    worst = [min((values[aim] for values in known), default=0.0) for aim in range(aims)]
    return [
        create_trial(
            params={
                field: _inner(domain, value)
                for (field, domain), value in zip(space.fields.items(), one.point, strict=True)
            },
            distributions=distributions,
            values=worst if one.values is None else list(one.values),
        )
        for one in told
    ]


def _distribution(domain: Choice | Range) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match domain:
        case Range(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Choice(values) if domain.ordered:
            return IntDistribution(0, len(values) - 1)
        case Choice(values):
            return CategoricalDistribution(tuple(range(len(values))))


def _inner(domain: Choice | Range, value: Any) -> Any:
    """A value as Optuna has it: choices by their place, as they may be anything."""
    return domain.values.index(value) if isinstance(domain, Choice) else value


def _value(domain: Choice | Range, inner: Any) -> Any:
    return domain.values[inner] if isinstance(domain, Choice) else domain.rounded(inner)
