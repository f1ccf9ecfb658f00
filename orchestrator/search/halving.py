"""Successive halving (Jamieson and Talwalkar, 2016), decided anew from measured values at every call.

Trials start in generations. Of those of a generation that were trained to a rung, the best go on to the next
one; the generation after it is proposed when all of them have ended. This waits where ASHA (Li et al., 2020)
goes on with what it has, so that no decision depends on which trial was the quicker one: after any
interruption the same values give the same decisions.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count, islice

from orchestrator.config.experiment import Experiment
from orchestrator.search.proposals import SamplerName, Told, proposals
from orchestrator.search.ranking import Values, ranked
from orchestrator.search.space import Point, Space
from orchestrator.util.errors import SweepError

ATTEMPTS = 20
"""Proposals for a place in a generation, of which each was tried before or can't be, before it stays free."""


@dataclass(frozen=True)
class Budget:
    """What a search may take: epochs in sum, or core-hours, of which the other is None.

    Trials that the store has already count as if they had been trained for this search; otherwise another
    call of the same search would have another budget.
    """

    epochs: float | None = None
    core_hours: float | None = None

    def __post_init__(self) -> None:
        given = [limit for limit in (self.epochs, self.core_hours) if limit is not None]
        if len(given) != 1 or not given[0] > 0:
            raise SweepError("a budget is of epochs or of core_hours, above 0", code="budget")


@dataclass(frozen=True)
class SearchPlan:
    """How a space is searched at a scale.

    Args:
        base: the experiment whose fields are changed. It is the first trial, if it lies in the space.
        space: these fields.
        budget: which no promotion and no new trial may exceed, by what is expected of it.
        generation: how many trials start together.
        rungs: how often a trial is compared with others, its end included; 1 trains all to the end.
        eta: of how many trials at a rung one goes on. A trial's rungs are at 1 / eta^k of its epochs.
        sampler: "tpe" (Optuna's multivariate TPE) or "random".
        seed: of proposals.
    """

    base: Experiment
    space: Space
    budget: Budget
    generation: int = 12
    rungs: int = 3
    eta: int = 3
    sampler: SamplerName = "tpe"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.generation < 1 or self.rungs < 1 or self.eta < 2:
            raise SweepError("a search has generation >= 1, rungs >= 1 and eta >= 2", code="search")
        longest = self.base.schedule.epochs
        if self.budget.epochs is not None and self.budget.epochs < longest:
            raise SweepError(
                f"a budget of {self.budget.epochs:g} epochs is less than one training of {longest}",
                code="budget",
            )
        self.space.check(self.base)

    def epochs(self, experiment: Experiment, rung: int) -> int:
        """Which a trial has done at a rung, counted from 0."""
        parts = int(self.eta ** (self.rungs - 1 - rung))
        return math.ceil(experiment.schedule.epochs / parts)


@dataclass(frozen=True)
class Trial:
    """A point of the space and how far it was taken."""

    number: int
    point: Point
    experiment: Experiment
    rung: int = -1  # the highest at which it was measured
    values: Values | None = None  # there; None where it diverged or failed
    epochs: int = 0  # there


@dataclass(frozen=True)
class Measured:
    """What is known of a trial at a rung.

    Args:
        values: of the aims, the highest the best; None where it diverged or failed on the way there.
        core_seconds: that training it so far takes.
    """

    values: Values | None
    core_seconds: float = 0.0


Results = Callable[[Experiment, int], Measured | None]
"""Of an experiment after so many epochs; None where it has not been trained so far."""


@dataclass(frozen=True)
class Wanted:
    """Trials that are to be trained to a rung."""

    trials: tuple[Trial, ...]
    epochs: tuple[int, ...]  # of each, from its start


@dataclass(frozen=True)
class Taken:
    """A trial that was trained to a rung, and what that took after the rung before."""

    trial: Trial
    core_seconds: float


@dataclass(frozen=True)
class Decisions:
    """What follows from the results that there are.

    Args:
        trials: all that were proposed, by number.
        wanted: what has to be trained before anything else can be decided; None at the end of the search.
        steps: trainings that were asked for together and are done, the first first.
        epochs, core_seconds: that `steps` took, in sum.
    """

    trials: tuple[Trial, ...] = ()
    wanted: Wanted | None = None
    steps: tuple[tuple["Taken", ...], ...] = ()
    epochs: int = 0
    core_seconds: float = 0.0

    def cost(self, budget: Budget, epochs: float) -> float:
        """What so many further epochs are expected to take, in the budget's unit."""
        if budget.epochs is not None:
            return epochs
        return epochs * self.core_seconds / 3600 / max(self.epochs, 1)

    def left(self, budget: Budget) -> float:
        """Of the budget, in its unit."""
        if budget.epochs is not None:
            return budget.epochs - self.epochs
        assert budget.core_hours is not None
        return budget.core_hours - self.core_seconds / 3600


@dataclass(frozen=True)
class Decider:
    """The decisions of a search.

    Args:
        plan: of it.
        bind: makes an experiment of the space the one that is trained: on the user's data, of a seed.
        aims: how many there are.
    """

    plan: SearchPlan
    bind: Callable[[Experiment], Experiment]
    aims: int
    # Of a generation, which the same results give again and again.
    _proposed: Callable[..., tuple[Trial, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_proposed", cache(self._generation))

    def decide(self, results: Results) -> Decisions:
        """Everything that these results decide. The same results give the same decisions."""
        found = Decisions()
        for generation in count():
            told = tuple((t.point, t.values, t.experiment.fingerprint()) for t in found.trials)
            new = self._affordable_start(self._proposed(generation, len(found.trials), told), found)
            if not new:
                return found
            found = replace(found, trials=(*found.trials, *new))
            alive: Sequence[Trial] = new
            for rung in range(self.plan.rungs):
                step = self._affordable(alive, rung, found)
                if not step.trials:
                    break
                found = self._after(found, step, rung, results)
                if found.wanted is not None:
                    return found
                numbers = {trial.number for trial in step.trials}
                alive = self._promoted([trial for trial in found.trials if trial.number in numbers])
        raise AssertionError("a generation is never the last but by its budget")

    def _generation(
        self, generation: int, first: int, told: Sequence[tuple[Point, Values | None, str]]
    ) -> tuple[Trial, ...]:
        """New trials, fewer than a generation has where the space has no more of them."""
        plan, known = self.plan, {fingerprint for _, _, fingerprint in told}
        points = proposals(
            plan.space, self.aims, plan.sampler, [Told(p, v) for p, v, _ in told], (plan.seed, generation)
        )
        base = plan.space.point_of(plan.base) if generation == 0 else None
        found: list[Trial] = []
        for place in range(plan.generation):
            drawn: Iterator[Point] = islice(points, ATTEMPTS)
            if place == 0 and base is not None:
                drawn = iter([base])
            for point in drawn:
                experiment = self._experiment(point)
                if experiment is not None and experiment.fingerprint() not in known:
                    known.add(experiment.fingerprint())
                    found.append(Trial(first + len(found), point, experiment))
                    break
        return tuple(found)

    def _experiment(self, point: Point) -> Experiment | None:
        """None where the values do not fit together."""
        try:
            return self.bind(self.plan.space.applied(self.plan.base, point))
        except SweepError as error:
            if error.code != "invalid-value":
                raise
            return None

    def _affordable_start(self, new: Sequence[Trial], found: Decisions) -> tuple[Trial, ...]:
        """As many of the new trials as the budget has room for, with the promotions that follow from them."""
        budget = self.plan.budget
        for many in range(len(new), 0, -1):
            if found.cost(budget, self._expected(new[:many])) <= found.left(budget):
                return tuple(new[:many]) if found.left(budget) > 0 else ()
        return ()

    def _expected(self, new: Sequence[Trial]) -> float:
        """Epochs that trials take in sum if those that go on are as long as the others."""
        each = [[self.plan.epochs(t.experiment, rung) for rung in range(self.plan.rungs)] for t in new]
        alive, total = float(len(new)), 0.0
        for rung in range(self.plan.rungs):
            steps = [epochs[rung] - (epochs[rung - 1] if rung else 0) for epochs in each]
            total += alive * sum(steps) / len(steps)
            alive = max(1, alive // self.plan.eta)
        return total

    def _affordable(self, alive: Sequence[Trial], rung: int, found: Decisions) -> Wanted:
        """Those that may go on to a rung, the best first, as far as the budget goes."""
        budget, spent = self.plan.budget, 0.0
        chosen: list[tuple[Trial, int]] = []
        for trial in alive:
            until = self.plan.epochs(trial.experiment, rung)
            spent += found.cost(budget, until - trial.epochs)
            if spent > found.left(budget):
                break
            chosen.append((trial, until))
        return Wanted(tuple(trial for trial, _ in chosen), tuple(until for _, until in chosen))

    def _after(self, found: Decisions, step: Wanted, rung: int, results: Results) -> Decisions:
        """With a step's results, or with the step as what is wanted where one of them is not known."""
        measured = [results(t.experiment, until) for t, until in zip(step.trials, step.epochs, strict=True)]
        known = [one for one in measured if one is not None]
        if len(known) < len(measured):
            return replace(found, wanted=step)
        trials, taken = list(found.trials), []
        for trial, until, one in zip(step.trials, step.epochs, known, strict=True):
            before = results(trial.experiment, trial.epochs) if trial.epochs else None
            there = replace(trial, rung=rung, values=one.values, epochs=until)
            trials[trial.number] = there
            taken.append(Taken(there, one.core_seconds - (before.core_seconds if before else 0.0)))
        return replace(
            found,
            trials=tuple(trials),
            steps=(*found.steps, tuple(taken)),
            epochs=sum(trial.epochs for trial in trials),
            core_seconds=found.core_seconds + sum(one.core_seconds for one in taken),
        )

    def _promoted(self, trials: Sequence[Trial]) -> tuple[Trial, ...]:
        """The best of those that were measured at a rung, the best first."""
        order = ranked([trial.values for trial in trials])
        best = [trials[place] for place in order[: max(1, len(trials) // self.plan.eta)]]
        return tuple(trial for trial in best if trial.values is not None)
