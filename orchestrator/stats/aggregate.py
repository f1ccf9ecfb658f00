"""From records to a filled table: mean, standard deviation and count of every cell, with footnotes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Literal

from orchestrator.schema.declaration import CellSource, Declaration, DeclaredRow
from orchestrator.schema.record import Record
from orchestrator.stats import origins, training_warnings
from orchestrator.stats.collapse import collapsed
from orchestrator.stats.footnotes import notes
from orchestrator.stats.seed_results import Lost, SeedResult, seed_results

CellStatus = Lost | Literal["measured", "computed", "running", "stopped", "failed", "not run", "blank"]
"""`measured`: at least one seed. `computed`: without a run. `blank`: the row does not fill this column."""


@dataclass(frozen=True)
class Cell:
    """One cell: the paper's number and ours.

    Args:
        paper: what the paper prints, or None.
        mean: over the measured seeds, or the computed value.
        std: the sample standard deviation (n - 1); None for fewer than two seeds.
        n: the number of measured seeds.
        status: where `mean` comes from, or why it is None.
        values: the value of each seed.
        pending: seeds without a value that may still get one.
        runs: the number of jobs behind it.
        lost: a word for each of them whose training diverged or collapsed.
        notes: footnotes of this cell alone.
    """

    paper: float | None = None
    mean: float | None = None
    std: float | None = None
    n: int = 0
    status: CellStatus = "blank"
    values: Mapping[int, float] = field(default_factory=dict)
    pending: frozenset[int] = frozenset()
    runs: int = 0
    lost: tuple[Lost, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def trained(self) -> str:
        """` (1 of 3)` where other runs behind the number diverged or collapsed, else nothing."""
        return f" ({self.n} of {self.runs})" if self.lost and self.mean is not None else ""


@dataclass(frozen=True)
class FilledTable:
    """A declared table with every cell that the records can fill."""

    declaration: Declaration
    cells: Mapping[tuple[str, str], Cell]  # (row key, column name), all combinations
    row_notes: Mapping[str, tuple[str, ...]]  # by row key: footnotes of all measured cells of the row
    notes: tuple[str, ...]  # footnotes of the table
    machines: tuple[str, ...]  # that the records come from
    arithmetic: tuple[str, ...] = ()  # precision, processor and version of torch, each combination once
    with_sigma: tuple[str, ...] = ()  # row keys: trained with a learned scale
    at_ceiling: tuple[str, ...] = ()  # of these, rows in which sigma reached its ceiling

    def cell(self, row: str, column: str) -> Cell:
        """A cell by its keys.

        Raises:
            KeyError: the declaration has no such row or column.
        """
        return self.cells[row, column]

    def column(self, name: str) -> tuple[Cell, ...]:
        """The cells of a column, one per row."""
        return tuple(self.cell(row.key, name) for row in self.declaration.rows)


def fill(declaration: Declaration, records: Mapping[str, Record]) -> FilledTable:
    """Fill the declared cells from the records, by fingerprint.

    A record that was measured on other data than declared is rejected: its value is not used and a note names
    both. A record without data is a measurement that needs none, and is accepted.
    """
    paper = {(cell.row, cell.column): cell.value for cell in declaration.paper}
    collapses = collapsed(declaration, records)
    cells: dict[tuple[str, str], Cell] = {}
    row_notes: dict[str, tuple[str, ...]] = {}
    used: dict[str, list[Record]] = {}
    for row in declaration.rows:
        line = {
            column.name: replace(
                _cell(row.cells.get(column.name), declaration, records, collapses),
                paper=paper.get((row.key, column.name)),
            )
            for column in declaration.columns
        }
        shared = _common_notes(row, line)
        for name, cell in line.items():
            cells[row.key, name] = replace(cell, notes=tuple(n for n in cell.notes if n not in shared))
        used[row.key] = _finished_records(row, declaration, records)
        row_notes[row.key] = (*shared, *origins.of_row(used[row.key]))
    machines = dict.fromkeys(record.machine for rows in used.values() for record in rows if record.machine)
    ways = dict.fromkeys(record.arithmetic for rows in used.values() for record in rows)
    return FilledTable(
        declaration,
        cells,
        row_notes,
        origins.of_table(used),
        tuple(machines),
        arithmetic=tuple(filter(None, ways)),
        with_sigma=tuple(key for key, found in used.items() if training_warnings.has_sigma(found)),
        at_ceiling=tuple(key for key, found in used.items() if training_warnings.at_ceiling(found)),
    )


def _cell(
    source: CellSource | None,
    declaration: Declaration,
    records: Mapping[str, Record],
    collapses: Mapping[str, str],
) -> Cell:
    if source is None or (source.value is None and not source.fingerprints):
        return Cell()
    if source.value is not None:
        return Cell(mean=source.value, status="computed")
    seeds = seed_results(source, declaration, records, collapses)
    values = {seed.seed: seed.value for seed in seeds if seed.outcome == "measured" and seed.seed is not None}
    numbers = list(values.values())
    return Cell(
        mean=fmean(numbers) if numbers else None,
        std=stdev(numbers) if len(numbers) > 1 else None,
        n=len(numbers),
        status=_status(seeds),
        values=values,
        pending=frozenset(s.seed for s in seeds if s.seed is not None and s.pending),
        runs=len(seeds),
        lost=tuple(seed.lost for seed in seeds if seed.lost),
        notes=(*_seed_count(seeds, declaration), *notes(seeds, _planned(seeds, declaration))),
    )


def _planned(seeds: Sequence[SeedResult], declaration: Declaration) -> int:
    """How many seeds a cell is to have: with looks, a row whose claims were decided early has fewer."""
    return len(seeds) if declaration.looks else max(len(seeds), len(declaration.seeds))


def _seed_count(seeds: Sequence[SeedResult], declaration: Declaration) -> tuple[str, ...]:
    few = declaration.looks and 1 < len(seeds) < len(declaration.seeds)
    return (f"mean over {len(seeds)} seeds",) if few else ()


def _status(seeds: Sequence[SeedResult]) -> CellStatus:
    outcomes = {seed.outcome for seed in seeds}
    order: tuple[CellStatus, ...] = ("measured", "running", "diverged", "collapsed", "stopped", "failed")
    return next((status for status in order if status in outcomes), "not run")


def _common_notes(row: DeclaredRow, line: Mapping[str, Cell]) -> tuple[str, ...]:
    """The notes that all measured cells of a row have in common, to be printed once."""
    found = [line[name].notes for name, source in row.cells.items() if source.fingerprints and name in line]
    if not found:
        return ()
    return tuple(note for note in found[0] if all(note in others for others in found[1:]))


def _finished_records(
    row: DeclaredRow, declaration: Declaration, records: Mapping[str, Record]
) -> list[Record]:
    """The finished records whose values are in a row."""
    fingerprints = dict.fromkeys(fp for source in row.cells.values() for fp in source.fingerprints)
    found = [records[fingerprint] for fingerprint in fingerprints if fingerprint in records]
    return [
        record
        for record in found
        if record.status == "finished" and (not record.data or record.data in declaration.data_fingerprints)
    ]
