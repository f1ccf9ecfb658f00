"""A search against a simulated objective: it is decided by its results alone, whatever ended it before."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.coco.config import CocoKeypoints
from datasets.synthetic.people.people import People
from models.backbones import SmallTrunk
from models.objectives import RLE
from models.realnvp import RealNVP
from models.regressor import Regressor
from orchestrator.config.experiment import Experiment, seeded
from orchestrator.config.schedule import Schedule
from orchestrator.search.halving import Budget, Decider, Decisions, Measured, SearchPlan
from orchestrator.search.proposals import Told, proposals
from orchestrator.search.ranking import Values
from orchestrator.search.space import Choice, Point, Range, Space
from tests.support.errors import refused

BASE = Experiment(
    data=CocoKeypoints(source=People(train=24, val=10), size=(32, 32)),
    model=Regressor(trunk=SmallTrunk(channels=(4, 8), strides=(4, 4)), pool="flatten"),
    objective=RLE(flow=RealNVP(layers=3, width=8)),
    schedule=Schedule(epochs=9, batch=8),
)
SPACE = Space(
    {
        "objective.flow.width": Choice((4, 8, 16, 32)),
        "objective.density": Choice(("laplace", "gaussian")),
        "schedule.epochs": Choice((4, 9)),
        "schedule.optimiser.lr": Range(1e-4, 1e-1, log=True),
    }
)
PLAN = SearchPlan(BASE, SPACE, Budget(epochs=60), generation=6, rungs=3, eta=2)


def objective(experiment: Experiment, epochs: int, aims: int) -> Measured:
    """Better near a learning rate of 0.004, with width and with epochs; a tenth of all diverge."""
    rate = experiment.schedule.optimiser.lr
    width = experiment.objective.flow.width
    if rate > 0.05:
        return Measured(None, 1.0 * epochs)
    value = -abs(math.log10(rate / 0.004)) + math.log2(width) / 10 - 1.0 / epochs
    return Measured((value, -float(width))[:aims], core_seconds=0.5 * width * epochs)


@dataclass
class Store:
    """What simulated sweeps have trained, and what each asked for."""

    aims: int = 1
    done: dict[str, int] = field(default_factory=dict)  # epochs, by fingerprint
    asked: int = 0

    def results(self, experiment: Experiment, epochs: int) -> Measured | None:
        known = self.done.get(experiment.fingerprint(), 0) >= epochs
        return objective(experiment, epochs, self.aims) if known else None

    def run(self, plan: SearchPlan, kill_after: int | None = None, shuffle: int = 0) -> Decisions | None:
        """One call of a search; None where it was killed after so many trainings."""
        decider, order = Decider(plan, lambda e: seeded(e, 0), self.aims), random.Random(shuffle)
        while (decisions := decider.decide(self.results)).wanted is not None:
            steps = list(zip(decisions.wanted.trials, decisions.wanted.epochs, strict=True))
            missing = [(t, e) for t, e in steps if self.results(t.experiment, e) is None]
            assert missing
            for trial, epochs in order.sample(missing, len(missing)):
                if kill_after is not None and self.asked >= kill_after:
                    return None
                self.asked += 1
                fingerprint = trial.experiment.fingerprint()
                self.done[fingerprint] = max(epochs, self.done.get(fingerprint, 0))
        return decisions


def undisturbed(plan: SearchPlan, aims: int = 1) -> Decisions:
    found = Store(aims).run(plan)
    assert found is not None
    return found


@settings(max_examples=15, deadline=None)
@given(
    kills=st.lists(st.integers(0, 40), max_size=6),
    shuffle=st.integers(0, 1000),
    sampler=st.sampled_from(["tpe", "random"]),
    aims=st.sampled_from([1, 2]),
    hours=st.booleans(),
)
def test_kills_at_any_moment_change_no_decision(
    kills: list[int], shuffle: int, sampler: str, aims: int, hours: bool
) -> None:
    budget = Budget(core_hours=0.2) if hours else PLAN.budget
    plan = SearchPlan(BASE, SPACE, budget, generation=6, rungs=3, eta=2, sampler=sampler, seed=shuffle)
    whole, store = undisturbed(plan, aims), Store(aims)
    for place, kill in enumerate(sorted(kills)):
        store.run(plan, kill_after=kill, shuffle=shuffle + place)
    found = store.run(plan, shuffle=shuffle)
    assert found == whole
    assert store.asked == sum(map(len, whole.steps))  # nothing is trained twice


def test_what_the_store_has_already_is_not_trained_again_and_counts_as_trained() -> None:
    whole, store = undisturbed(PLAN), Store()
    finished = whole.steps[-1][0].trial.experiment
    store.done[BASE.fingerprint()] = 9
    store.done[finished.fingerprint()] = finished.schedule.epochs
    assert store.run(PLAN) == whole
    assert store.asked < sum(map(len, whole.steps))


def test_the_base_is_the_first_trial_and_no_trial_is_another_once_more() -> None:
    whole = undisturbed(PLAN)
    assert whole.trials[0].experiment == BASE
    assert [trial.number for trial in whole.trials] == list(range(len(whole.trials)))
    assert len({trial.experiment.fingerprint() for trial in whole.trials}) == len(whole.trials)


def test_the_best_of_each_rung_go_on_from_where_they_were() -> None:
    whole = undisturbed(PLAN)
    first, second, last = whole.steps[:3]
    assert [len(step) for step in (first, second, last)] == [6, 3, 1]
    for rung, step in enumerate((first, second, last)):
        for taken in step:
            epochs = PLAN.epochs(taken.trial.experiment, rung)
            assert taken.trial.epochs == epochs
            assert taken.trial.values == objective(taken.trial.experiment, epochs, 1).values
    values = {taken.trial.number: taken.trial.values for taken in first if taken.trial.values is not None}
    assert {taken.trial.number for taken in second} == set(sorted(values, key=lambda n: values[n])[-3:])
    assert (PLAN.epochs(BASE, 0), PLAN.epochs(BASE, 1), PLAN.epochs(BASE, 2)) == (3, 5, 9)


@pytest.mark.parametrize("epochs", [9, 30, 61])
def test_a_budget_of_epochs_is_not_exceeded_and_is_used(epochs: int) -> None:
    plan = SearchPlan(BASE, SPACE, Budget(epochs=epochs), generation=6, rungs=3, eta=2)
    whole = undisturbed(plan)
    assert whole.epochs <= epochs
    assert whole.epochs >= epochs - 2 * 9
    assert whole.epochs == sum(trial.epochs for trial in whole.trials)


def test_a_budget_of_hours_ends_the_search_where_it_is_used_up() -> None:
    plan = SearchPlan(BASE, SPACE, Budget(core_hours=0.2), generation=6, rungs=3, eta=2)
    whole = undisturbed(plan)
    assert 0.1 < whole.core_seconds / 3600 < 0.4
    spent = [objective(trial.experiment, trial.epochs, 1).core_seconds for trial in whole.trials]
    assert whole.core_seconds == pytest.approx(sum(spent))


def test_a_space_without_further_points_ends_the_search() -> None:
    space = Space({"objective.flow.width": Choice((4, 8, 16))})
    whole = undisturbed(SearchPlan(BASE, space, Budget(epochs=10**6), generation=2, rungs=1))
    assert sorted(trial.point for trial in whole.trials) == [(4,), (8,), (16,)]


def test_values_that_do_not_fit_together_are_proposed_to_nobody() -> None:
    space = Space(
        {
            "objective.convention": Choice(("paper", "official")),
            "objective.density": SPACE.fields["objective.density"],
        }
    )
    whole = undisturbed(SearchPlan(BASE, space, Budget(epochs=10**6), generation=4, rungs=1))
    assert {trial.point for trial in whole.trials} == {
        ("paper", "laplace"),
        ("paper", "gaussian"),
        ("official", "laplace"),
    }


def test_diverged_trials_never_go_on() -> None:
    for seed in range(3):
        plan = SearchPlan(BASE, SPACE, Budget(epochs=90), generation=8, rungs=3, eta=2, seed=seed)
        lost: set[int] = set()
        for step in undisturbed(plan).steps:
            assert not lost & {taken.trial.number for taken in step}
            lost |= {taken.trial.number for taken in step if taken.trial.values is None}


def first(sampler: str, told: Sequence[tuple[Point, Values | None]], aims: int, seed: int = 0) -> list[Point]:
    drawn = proposals(SPACE, aims, sampler, [Told(*one) for one in told], (seed,))
    return [next(drawn) for _ in range(8)]


@pytest.mark.parametrize("aims", [1, 2])
def test_tpe_learns_where_it_is_better_and_random_search_does_not(aims: int) -> None:
    points = [point for seed in range(4) for point in first("random", [], aims, seed)]
    told = [(p, objective(SPACE.applied(BASE, p), 9, aims).values) for p in points]
    off = {
        name: sum(
            abs(math.log10(p[-1] / 0.004)) for seed in range(4) for p in first(name, told, aims, 9 + seed)
        )
        for name in ("random", "tpe")
    }
    assert off["tpe"] < 0.8 * off["random"]
    assert first("random", told, aims) == first("random", [], aims)


def test_a_budget_of_less_than_one_training_is_refused() -> None:
    with refused("budget"):
        SearchPlan(BASE, SPACE, Budget(epochs=8))


@pytest.mark.parametrize("wrong", [{}, {"epochs": 1, "core_hours": 1}, {"epochs": 0}])
def test_a_budget_is_one_positive_number(wrong: dict[str, float]) -> None:
    with refused("budget"):
        Budget(**wrong)
