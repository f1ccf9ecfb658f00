"""A search beside random search at equal core-seconds: how good the best is, by what it took."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console

from orchestrator.bench.result import Finding, Grid, Tell
from orchestrator.report.figures.style import BLUE, ORANGE
from orchestrator.run.runner import decisions, run_sweeps
from orchestrator.run.settings import RunSettings, home
from orchestrator.search.halving import Budget, Decisions, SearchPlan
from orchestrator.search.ranking import Values, hypervolume
from orchestrator.sweep.sweep import Search, Sweep
from orchestrator.tracking.uri import sqlite_uri
from orchestrator.util.errors import SweepError

SHARE = 1 / 3
"""Of the core-seconds, after which the search is compared with all of random search."""

KINDS = ("search", "random")


@dataclass(frozen=True)
class Course:
    """Trials that were trained to their end, in the order of decisions.

    Args:
        seconds: (T,) core-seconds of all trainings until then.
        values: (T,) of the aims, the highest the best.
        total: core-seconds in sum.
    """

    seconds: tuple[float, ...]
    values: tuple[Values, ...]
    total: float

    def until(self, seconds: float) -> tuple[Values, ...]:
        """Those that had ended after so many core-seconds."""
        return tuple(v for at, v in zip(self.seconds, self.values, strict=True) if at <= seconds)


@dataclass(frozen=True)
class Score:
    """Of a course after some core-seconds: its best first aim, and the hypervolume of all aims."""

    best: float
    volume: float


def measure(
    tell: Tell, sweeps: Sequence[Sweep], scale: str, repeats: int, epochs: int | None, console: Console
) -> Finding:
    """Run both kinds of search `repeats` times, or go on where an earlier call was stopped.

    Args:
        sweeps: of which the first with a search is compared.
        epochs: the budget of each; the search's own if None.

    Raises:
        SweepError, DataError, TrackingError, ClusterError: it can't be run.
    """
    search = next(search for sweep in sweeps for search in sweep.searches)
    settings = _settings(scale, home() / "search-comparison" / scale)
    contestants = [_contestant(search, kind, seed, epochs) for seed in range(repeats) for kind in KINDS]
    tell(f"{repeats} searches and as many at random")
    run_sweeps([Sweep("comparison", "Comparison", searches=tuple(contestants))], settings, "", console)
    found = decisions(contestants, settings, console)
    pairs = [(course(a), course(b)) for a, b in zip(found[::2], found[1::2], strict=True)]
    return finding(search, pairs)


def course(found: Decisions) -> Course:
    """The course of a search that has ended."""
    spent, ended = 0.0, []
    for step in found.steps:
        for taken in step:
            spent += taken.core_seconds
            if taken.trial.epochs == taken.trial.experiment.schedule.epochs and taken.trial.values:
                ended.append((spent, taken.trial.values))
    return Course(tuple(at for at, _ in ended), tuple(v for _, v in ended), found.core_seconds)


def finding(search: Search, pairs: Sequence[tuple[Course, Course]]) -> Finding:
    """Of courses of a search and of random search with the same seeds."""
    reference = worst(pairs)
    rows, wins = [], {"best": 0, "volume": 0}
    scores = []
    for seed, (ours, theirs) in enumerate(pairs):
        equal = min(ours.total, theirs.total)
        four = [score(ours, SHARE * equal, reference), score(ours, equal, reference),
                score(theirs, SHARE * equal, reference), score(theirs, equal, reference)]  # fmt: skip
        scores.append(four)
        wins["best"] += four[0].best >= four[3].best
        wins["volume"] += four[0].volume >= four[3].volume
        rows.append(_row(f"seed {seed}", equal, four))
    means = [Score(*np.mean([(s[k].best, s[k].volume) for s in scores], axis=0)) for k in range(4)]
    rows.append(_row("mean", float(np.mean([min(a.total, b.total) for a, b in pairs])), means))
    aim = search.aims[0]
    columns = ("", "core-seconds", *(f"{what} {when}" for what in (aim, "volume") for when in WHEN))
    text = (
        f"{search.title}: {aim} of the best trial that was trained to its end, and the hypervolume of "
        f"{' and '.join(search.aims)} in percent of random search's, after a third of the core-seconds and "
        f"after all, the same for both. At a third the search has at least random search's {aim} in "
        f"{wins['best']} of {len(pairs)} repeats, and at least its hypervolume in {wins['volume']}."
    )
    grid = Grid("Search beside random search", columns, tuple(rows))
    return Finding("search", text, (grid,), {"search": _plot(search, pairs)})


WHEN = ("search ⅓", "search", "random ⅓", "random")


def worst(pairs: Sequence[tuple[Course, Course]]) -> Values:
    """The worst that any trial has in each aim: the corner from which hypervolumes are measured.

    Raises:
        SweepError: there is none.
    """
    every = [values for pair in pairs for one in pair for values in one.values]
    if not every:
        raise SweepError("no trial was trained to its end: choose more --epochs", code="no-trials")
    return tuple(min(values[aim] for values in every) for aim in range(len(every[0])))


def score(one: Course, seconds: float, reference: Values) -> Score:
    """After so many core-seconds; the reference's where nothing had ended."""
    ended = one.until(seconds)
    return Score(max((v[0] for v in ended), default=reference[0]), hypervolume(ended, reference))


def _row(name: str, seconds: float, scores: Sequence[Score]) -> tuple[str, ...]:
    whole = scores[-1].volume or 1.0
    volumes = (f"{100 * one.volume / whole:.1f}" for one in scores)
    return (name, f"{seconds:.0f}", *(f"{one.best:.2f}" for one in scores), *volumes)


def _contestant(search: Search, kind: str, seed: int, epochs: int | None) -> Search:
    def plan(scale: str) -> SearchPlan:
        found = replace(search.plan(scale), seed=seed)
        if epochs is not None:
            found = replace(found, budget=Budget(epochs=epochs))
        return found if kind == "search" else replace(found, sampler="random", rungs=1)

    return replace(search, id=f"{search.id} {kind} {seed}", plan=plan, grid=lambda scale: ())


def _settings(scale: str, folder: Path) -> RunSettings:
    return RunSettings(
        scale=scale,
        seeds=(0,),
        results=folder,
        tracking_uri=sqlite_uri(folder / "store" / "mlflow.db"),
        storage=str(folder / "store"),
    )


def _plot(search: Search, pairs: Sequence[tuple[Course, Course]]) -> Figure:
    """The best first aim by core-seconds, a line per search."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    ax = figure.add_subplot()
    for seed, (ours, theirs) in enumerate(pairs):
        _line(ax, theirs, ORANGE, "random search" if seed == 0 else "")
        _line(ax, ours, BLUE, "search" if seed == 0 else "")
    ax.set_xlabel("core-seconds")
    ax.set_ylabel(f"best {search.aims[0]}")
    ax.legend(frameon=False)
    return figure


def _line(ax: Axes, one: Course, colour: str, label: str) -> None:
    best = np.maximum.accumulate([values[0] for values in one.values]) if one.values else np.empty(0)
    ax.step(
        [*one.seconds, one.total],
        [*best, *best[-1:]],
        where="post",
        color=colour,
        label=label or "_",
    )
