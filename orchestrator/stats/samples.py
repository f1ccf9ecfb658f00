"""From a claim and its cells to numbers that can be tested: values by seed, and looks at them."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from orchestrator.schema.claims import Below, CellRef, Claim, Equivalent, Greater
from orchestrator.schema.declaration import Declaration
from orchestrator.stats.aggregate import FilledTable

SMALLEST = 1e-150
"""Standard deviation below which squares underflow."""


@dataclass(frozen=True)
class Sample:
    """The data of a claim: values by seed, one exact value, or the cell that has none.

    Args:
        values: of `a - b`, or of `a`, for each seed that all cells have.
        pending: seeds that a cell lacks and may still get.
        exact: between computed cells, which have no seeds.
        identical: the cells of a claim of equivalence have one value with each seed, and others with others:
            what stands behind them computes the same.
        missing: the cell that has no value at all.
        lost: the cells with runs that diverged or collapsed; what the others measured is no fair sample.
        scale: magnitude of the cells' values, to tell variation from rounding.
    """

    values: Mapping[int, float] = field(default_factory=dict)
    pending: frozenset[int] = frozenset()
    exact: float | None = None
    identical: bool = False
    missing: CellRef | None = None
    lost: tuple[CellRef, ...] = ()
    scale: float = 1.0


@dataclass(frozen=True)
class Look:
    """The values of the first seeds, as a test at that time sees them."""

    n: int
    mean: float
    std: float  # sample standard deviation, positive

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.std / float(np.sqrt(self.n))


def sample(claim: Claim, filled: FilledTable) -> Sample:
    """What the table's cells say about a claim."""
    lost = tuple(ref for ref, _ in terms(claim) if _runs_lost(ref, filled))
    if lost:
        return Sample(lost=lost)
    cells: list[tuple[Mapping[int, float], float]] = []
    pending: set[int] = set()
    for ref, times in terms(claim):
        cell = filled.cells.get((ref.row, ref.column))
        if cell is None or cell.mean is None:
            return Sample(missing=ref)
        cells.append(({seed: times * value for seed, value in cell.values.items()}, times * cell.mean))
        pending |= cell.pending
    scale = max(abs(mean) for _, mean in cells)
    seeds = [set(values) for values, _ in cells if values]
    if not seeds:
        return Sample(exact=_combine([mean for _, mean in cells]), scale=scale)
    # A computed cell has no seeds: its value is the same for all of the other's.
    values = {
        seed: _combine([values.get(seed, mean) for values, mean in cells])
        for seed in sorted(set.intersection(*seeds))
    }
    same = isinstance(claim, Equivalent) and len(values) > 1 and not pending and not any(values.values())
    return Sample(
        values,
        frozenset(pending),
        identical=same and not constant([cells[0][0].get(seed, 0.0) for seed in values], scale),
        scale=scale,
    )


def looks(found: Sample, declaration: Declaration) -> tuple[Look, ...]:
    """The looks so far that can be tested: with two values or more that vary, and more than before.

    A look counts once all of its seeds have ended, so that numbers which happen to be there first are not
    tested. A declaration without looks is judged once, on what there is.
    """
    if not declaration.looks:
        return _looks([list(found.values.values())], found.scale)
    seeds = [declaration.seeds[:count] for count in declaration.looks]
    complete = itertools.takewhile(lambda some: not found.pending.intersection(some), seeds)
    return _looks([[found.values[s] for s in some if s in found.values] for some in complete], found.scale)


def _looks(values: Iterable[Sequence[float]], scale: float) -> tuple[Look, ...]:
    made: list[Look] = []
    for some in values:
        if len(some) > 1 and not constant(some, scale) and (not made or len(some) > made[-1].n):
            made.append(Look(len(some), float(np.mean(some)), float(np.std(some, ddof=1))))
    return tuple(made)


def constant(values: Iterable[float], scale: float) -> bool:
    """No variation beyond rounding, so nothing follows for other seeds."""
    numbers = list(values)
    return float(np.ptp(numbers)) <= 1e-9 * scale or float(np.std(numbers)) < SMALLEST


def terms(claim: Claim) -> list[tuple[CellRef, float]]:
    """The cells that a claim is about, each with its factor."""
    if isinstance(claim, Below):
        return [(claim.a, 1.0)]
    return [(claim.a, 1.0), (claim.b, claim.times if isinstance(claim, Greater) else 1.0)]


def _runs_lost(ref: CellRef, filled: FilledTable) -> bool:
    cell = filled.cells.get((ref.row, ref.column))
    return cell is not None and bool(cell.lost)


def _combine(values: Sequence[float]) -> float:
    """`a - b`, or `a` where that is all."""
    return values[0] - values[1] if len(values) > 1 else values[0]
