"""A search from its first trial to the table of the best: what its results decide is trained."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rich.console import Console

from orchestrator.config.experiment import Experiment, seeded
from orchestrator.config.length import EPOCHS
from orchestrator.run.settings import RunSettings
from orchestrator.schema.record import Record
from orchestrator.search.halving import Decider, Decisions, Measured, SearchPlan, Trial
from orchestrator.sweep.plan import Planned, PlanSettings, plan_table
from orchestrator.sweep.search_table import aim_keys, best_table, measured, trials_table
from orchestrator.sweep.sweep import Row, Search, Table
from orchestrator.util.errors import SweepError

Train = Callable[[Planned, Mapping[str, int]], None]
"""Runs what is planned, each training until the epoch that stands beside its fingerprint, and waits until the
store has it."""

Ask = Callable[[Iterable[str], Collection[str]], Mapping[str, Record]]
"""Gives what the store knows of fingerprints, with the values of some metrics by epoch: `Tracker.records`."""

CHOSEN = ((EPOCHS, "epochs"), ("schedule.batch", "batch"))


def check_options(searches: Sequence[Search], settings: RunSettings) -> None:
    """Refuse options that a search has no use for.

    Raises:
        SweepError: one was given; the message says what to do instead.
    """
    if not searches:
        return
    names = ", ".join(search.id for search in searches)
    for given, option, instead in (
        (settings.only, "--only", "its rows are found by it"),
        (settings.vary, "--vary", "widen its space, in its file"),
        (settings.until_decided, "--until-decided", "it has no claims: name --seeds N, of the rows it finds"),
        (settings.fresh, "--fresh", "what has been trained decides it: name another --results DIR"),
    ):
        if given:
            raise SweepError(f"{option} is not for a search ({names}): {instead}", code="not-for-search")
    for search in searches:
        for path, option in CHOSEN:
            chosen = getattr(settings, option)
            if chosen is not None and path in search.plan(settings.scale).space.fields:
                raise SweepError(
                    f"--{option} {chosen}: {search.id} searches over {path}: leave the option out",
                    code="chosen-twice",
                )


@dataclass
class Course:
    """A search and what is known of its trials in this process.

    Args:
        search: it.
        settings: of the run; the first seed is that of its trials.
        ask: the store that decides it.
    """

    search: Search
    settings: PlanSettings
    ask: Ask
    known: dict[str, Record] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)  # for in the store
    failed: set[str] = field(default_factory=set)  # here; the next command runs them again

    def __post_init__(self) -> None:
        self.plan: SearchPlan = self.search.plan(self.settings.scale)
        self._decider = Decider(self.plan, self._bound, len(self.search.aims))

    def decided(self) -> Decisions:
        """All that the store's results decide.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        while (found := self._decider.decide(self._result)).wanted is not None:
            new = {trial.experiment.fingerprint() for trial in found.wanted.trials} - self.asked
            if not new:
                break
            self.asked |= new
            self.known |= self.ask(new, aim_keys(self.search))
        return found

    def missing(self, found: Decisions) -> dict[str, tuple[Trial, int]]:
        """The trials that have to be trained next, and until which epoch, by fingerprint."""
        assert found.wanted is not None
        steps = zip(found.wanted.trials, found.wanted.epochs, strict=True)
        return {
            trial.experiment.fingerprint(): (trial, until)
            for trial, until in steps
            if self._result(trial.experiment, until) is None
        }

    def train(self, found: Decisions, train: Train) -> None:
        """Train what is wanted next. What has no result then has failed.

        Raises:
            TrackingError: the store did not take what decides the search, or is away for too long.
        """
        steps = self.missing(found)
        table = trials_table(self.search, self.plan, [trial for trial, _ in steps.values()])
        planned = plan_table(table, replace(self.settings, seeds=self.settings.seeds[:1]))
        train(planned, {fingerprint: until for fingerprint, (_, until) in steps.items()})
        self.known |= self.ask(steps, aim_keys(self.search))
        self.failed |= self.missing(found).keys()

    def _bound(self, experiment: Experiment) -> Experiment:
        return seeded(self.settings.bind(experiment), self.settings.seeds[0])

    def _result(self, experiment: Experiment, epochs: int) -> Measured | None:
        fingerprint = experiment.fingerprint()
        if fingerprint in self.failed:
            return Measured(None)
        return measured(self.search, self.known.get(fingerprint), experiment, epochs)


def run_search(
    search: Search, settings: PlanSettings, ask: Ask, train: Train, console: Console
) -> tuple[Table, dict[tuple[str, str], int]]:
    """Search until the budget is used up.

    Returns:
        the table of the best, and how many seeds rows have that are shown but not to be trained.

    Raises:
        TrackingError: the store is away for longer than the patience.
    """
    course = Course(search, settings, ask)
    while (found := course.decided()).wanted is not None:
        console.print(Outlook.of(course, found).sentence, soft_wrap=True)
        course.train(found, train)
    console.print(Outlook.of(course, found).sentence, soft_wrap=True)
    grid, counts = _grid(search, settings, ask)
    return best_table(search, course.plan, found, grid), counts


@dataclass(frozen=True)
class Outlook:
    """How far a search is."""

    search: str
    aims: tuple[str, ...]
    fields: tuple[str, ...]
    unit: str  # of the budget
    budget: float
    spent: float  # by what is decided so far
    trials: int
    trainings: int  # that come next
    until: int  # the epoch that they are trained to, at most

    @staticmethod
    def of(course: Course, found: Decisions) -> "Outlook":
        """By what is decided."""
        budget = course.plan.budget
        in_epochs = budget.epochs is not None
        following = course.missing(found) if found.wanted is not None else {}
        return Outlook(
            search=course.search.id,
            aims=course.search.aims,
            fields=tuple(course.plan.space.fields),
            unit="epochs" if in_epochs else "core-hours",
            budget=budget.epochs or budget.core_hours or 0.0,
            spent=found.epochs if in_epochs else round(found.core_seconds / 3600, 3),
            trials=len(found.trials),
            trainings=len(following),
            until=max((until for _, until in following.values()), default=0),
        )

    @property
    def sentence(self) -> str:
        """To be read."""
        coming = f"next {self.trainings} trainings until epoch {self.until}" if self.trainings else "done"
        return (
            f"{self.search}: {self.trials} trials, {self.spent:g} of {self.budget:g} {self.unit} decided; "
            f"{coming}"
        )

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def outlooks(searches: Sequence[Search], settings: PlanSettings, ask: Ask) -> list[Outlook]:
    """How far each search is, by what the store has."""
    courses = [Course(search, settings, ask) for search in searches]
    return [Outlook.of(course, course.decided()) for course in courses]


def _grid(search: Search, settings: PlanSettings, ask: Ask) -> tuple[list[Row], dict[tuple[str, str], int]]:
    """The rows to compare with that the store has, and the number of seeds of each."""
    rows = list(search.grid(settings.scale))
    prints = {
        row.key: [seeded(settings.bind(row.experiment), seed).fingerprint() for seed in settings.seeds]
        for row in rows
    }
    known = ask([fp for some in prints.values() for fp in some], ())
    counts = {
        key: next((n for n, fp in enumerate(some) if fp not in known or not known[fp].done), len(some))
        for key, some in prints.items()
    }
    there = [row for row in rows if counts[row.key]]
    return there, {(search.id, row.key): counts[row.key] for row in there}
