"""How often verdicts are wrong, right and open, and what they cost, in simulated tables.

A table has a base row and a row for each claim, which says that its row is better than the base, so that
claims are correlated by one half. Values are normal; an effect is the mean difference in standard deviations
of the difference of one seed. The other parts of the benchmark time the project, this one counts its errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from orchestrator.bench.result import Finding, Grid, Tell
from orchestrator.report.figures.style import BLUE, ORANGE
from orchestrator.run.looks import LOOKS
from orchestrator.schema.limits import MAX_SEEDS
from orchestrator.stats.multiplicity import holm
from orchestrator.stats.sequential import p_values

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LEVEL = 0.05
TABLES = 4000

PUBLISHED: Mapping[str, tuple[float, ...]] = {
    "Table 1": (0.8, 2.8),
    "Table 2": (6.6, -2.7, -3.8, 18.7, 11.4, -0.25),
    "Table 3": (0.93, 1.46, 0.69, 3.3, 4.6, 95.0),
    "Table 4": (2.2, 5.8, 1.8, 3.0),
    "Tables 5 and 6": (-1.3, -11.0, -2.9, -3.1, -2.8, -5.4, 0.95, -3.3, -4.9, 11.1),
    "Table 7": (1.5, -1.4, -102.0, 184.0, 1.3),
    "Table 8": (-2.1, -11.1, 1.3),
    "Calibration": (7.3, 3.9),
    "Figure 1": (7.6, 2310.0, -2.6),
    "Figure 2": (4.1, 11.6, 24.2, 9.6, 13.1),
}
"""The effects that three seeds of a demo run estimated, by table: of `a - b`, or of the distance from a
margin, in standard deviations over seeds."""


@dataclass(frozen=True)
class Case:
    """Claims of a table: the effect of each, of which 0 makes every decision wrong, and a sign the other."""

    name: str
    effects: tuple[float, ...]


@dataclass(frozen=True)
class Outcome:
    """Shares over simulated tables.

    Args:
        wrong: tables with at least one wrong verdict.
        power: claims with an effect that are decided, and rightly.
        trainings: in parts of what `MAX_SEEDS` seeds for every row take.
        seeds: the mean over rows.
    """

    wrong: float
    power: float
    trainings: float
    seeds: float


CASES = (
    Case("1 claim, false", (0.0,)),
    Case("6 claims, all false", (0.0,) * 6),
    Case("10 claims, all false", (0.0,) * 10),
    Case("6 claims, 3 false", (0.0, 0.0, 0.0, 1.0, 2.0, 4.0)),
    Case("6 claims, effects of 1", (1.0,) * 6),
    Case("10 claims, effects of 0 to 2", tuple(np.linspace(0, 2, 10).tolist())),
)


def measure(tell: Tell, tables: int = TABLES) -> Finding:
    """Simulate every case under the looks of `--until-decided` and under 20 seeds for every row."""
    made_up = [(case, *_both(case, tables, seed, tell)) for seed, case in enumerate(CASES)]
    published = [
        (case, *_both(case, tables, seed, tell))
        for seed, case in enumerate(Case(name, effects) for name, effects in PUBLISHED.items())
    ]
    every = Case("all published tables", sum(PUBLISHED.values(), ()))
    rows = [_row(*found) for found in (*made_up, *published)]
    means = _mean(published, 1), _mean(published, 2)
    rows.append(_row(every, *means))
    titles = ("", "wrong %", "of 20 %", "power %", "of 20 %", "trainings %", "seeds")
    text = (
        f"{tables:,} simulated tables a case: looks after {', '.join(map(str, LOOKS))} seeds beside "
        f"{MAX_SEEDS} seeds for every row. Wrong: tables with at least one wrong verdict, of which "
        f"{LEVEL:.0%} are allowed. Power: decisions among the claims that have an effect."
    )
    return Finding(
        "verdicts",
        text,
        (Grid("Verdicts", titles, tuple(rows)),),
        {"verdicts": _plot([*published, (every, *means)])},
    )


def simulate(case: Case, looks: Sequence[int], tables: int, seed: int = 0) -> Outcome:
    """Run `tables` tables of a case through the looks."""
    effects = np.array(case.effects)
    t = statistics(effects, looks, tables, seed)
    decided = decisions(t, looks)
    sign = np.sign(np.take_along_axis(t, np.minimum(decided, len(looks) - 1)[..., None], -1)[..., 0])
    made = decided < len(looks)
    right = made & (effects != 0) & (sign == np.sign(effects))
    seeds = _seeds(decided, looks)
    return Outcome(
        wrong=float((made & ~right).any(1).mean()),
        power=float(right[:, effects != 0].mean()) if effects.any() else float("nan"),
        trainings=float(seeds.mean() / MAX_SEEDS),
        seeds=float(seeds.mean()),
    )


def statistics(effects: Floats, looks: Sequence[int], tables: int, seed: int) -> Floats:
    """t of every claim at every look: (tables, claims, looks)."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(tables, 1 + len(effects), looks[-1])) / np.sqrt(2)
    differences = values[:, 1:] - values[:, :1] + effects[:, None]
    return np.stack(
        [differences[..., :n].mean(-1) / (differences[..., :n].std(-1, ddof=1) / np.sqrt(n)) for n in looks],
        axis=-1,
    )


def decisions(t: Floats, looks: Sequence[int], level: float = LEVEL) -> Counts:
    """The look at which each claim is decided, (tables, claims); the number of looks where none does it."""
    decided = np.full(t.shape[:-1], len(looks))
    p = np.ones(t.shape[:-1])
    for look in range(len(looks)):
        # A decided claim gets no further seeds, and keeps the p-value that decided it.
        now = p_values(t[..., : look + 1], looks[: look + 1])
        p = np.where(decided < look, p, now)
        decided = np.where((decided == len(looks)) & (holm(p) <= level), look, decided)
    return decided


def _seeds(decided: Counts, looks: Sequence[int]) -> Counts:
    """How many seeds each row gets, (tables, 1 + claims): the base row as many as any claim wants."""
    wanted = np.array([*looks, looks[-1]])[decided]
    return np.concatenate([wanted.max(1, keepdims=True), wanted], axis=1)


def _both(case: Case, tables: int, seed: int, tell: Tell) -> tuple[Outcome, Outcome]:
    tell(case.name)
    return simulate(case, LOOKS, tables, seed), simulate(case, (MAX_SEEDS,), tables, seed)


def _row(case: Case, found: Outcome, fixed: Outcome) -> tuple[str, ...]:
    shares = (found.wrong, fixed.wrong, found.power, fixed.power, found.trainings)
    return (case.name, *map(_percent, shares), f"{found.seeds:.1f}")


def _mean(outcomes: Sequence[tuple[Case, Outcome, Outcome]], which: Literal[1, 2]) -> Outcome:
    """Of all claims and rows of several tables, whichever table they stand in."""
    claims = np.array([len(case.effects) for case, *_ in outcomes])
    found = [outcome[which] for outcome in outcomes]
    return Outcome(
        wrong=float(np.mean([one.wrong for one in found])),
        power=float(np.average([one.power for one in found], weights=claims)),
        trainings=float(np.average([one.trainings for one in found], weights=claims + 1)),
        seeds=float(np.average([one.seeds for one in found], weights=claims + 1)),
    )


def _plot(outcomes: Sequence[tuple[Case, Outcome, Outcome]]) -> Figure:
    """Trainings and power of each table, in percent of 20 seeds for every row."""
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    ax = figure.add_subplot()
    names = [case.name for case, *_ in outcomes]
    places = np.arange(len(names))[::-1]
    ax.barh(places, [100 * found.trainings for _, found, _ in outcomes], color=BLUE, label="trainings")
    power = [100 * found.power / fixed.power for _, found, fixed in outcomes]
    ax.plot(power, places, "o", color=ORANGE, label="power")
    ax.set_yticks(places, names)
    ax.set_xlim(0, 105)
    ax.set_xlabel(f"% of what {MAX_SEEDS} seeds for every row take and decide")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return figure


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f}"
