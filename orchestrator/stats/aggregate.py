"""From records to a filled table: mean, standard deviation and count of every cell, with footnotes."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Literal

from orchestrator.schema.declaration import CellSource, Declaration, DeclaredRow
from orchestrator.schema.record import Record

CellStatus = Literal["measured", "computed", "running", "diverged", "failed", "not run", "blank"]
"""`measured`: at least one seed. `computed`: without a run. `blank`: the row does not fill this column."""

Outcome = Literal["measured", "running", "diverged", "failed", "not run", "rejected"]


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
        notes: footnotes of this cell alone.
    """

    paper: float | None = None
    mean: float | None = None
    std: float | None = None
    n: int = 0
    status: CellStatus = "blank"
    values: Mapping[int, float] = field(default_factory=dict)
    pending: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FilledTable:
    """A declared table with every cell that the records can fill."""

    declaration: Declaration
    cells: Mapping[tuple[str, str], Cell]  # (row key, column name), all combinations
    row_notes: Mapping[str, tuple[str, ...]]  # by row key: footnotes of all measured cells of the row
    notes: tuple[str, ...]  # footnotes of the table
    machines: tuple[str, ...]  # that the records come from

    def cell(self, row: str, column: str) -> Cell:
        """A cell by its keys.

        Raises:
            KeyError: the declaration has no such row or column.
        """
        return self.cells[row, column]

    def column(self, name: str) -> tuple[Cell, ...]:
        """The cells of a column, one per row."""
        return tuple(self.cell(row.key, name) for row in self.declaration.rows)


@dataclass(frozen=True)
class _SeedResult:
    """The outcome of one job behind a cell."""

    seed: int | None  # None where it is unknown
    outcome: Outcome
    value: float = math.nan
    reason: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether the next run may still give it a value."""
        return self.outcome in ("running", "failed") or (self.outcome == "not run" and not self.reason)


def fill(declaration: Declaration, records: Mapping[str, Record]) -> FilledTable:
    """Fill the declared cells from the records, by fingerprint.

    A record that was measured on other data than declared is rejected: its value is not used and a note names
    both. A record without data is a measurement that needs none, and is accepted.
    """
    paper = {(cell.row, cell.column): cell.value for cell in declaration.paper}
    cells: dict[tuple[str, str], Cell] = {}
    row_notes: dict[str, tuple[str, ...]] = {}
    used: dict[str, list[Record]] = {}
    for row in declaration.rows:
        line = {
            column.name: replace(
                _cell(row.cells.get(column.name), declaration, records),
                paper=paper.get((row.key, column.name)),
            )
            for column in declaration.columns
        }
        shared = _common_notes(row, line)
        for name, cell in line.items():
            cells[row.key, name] = replace(cell, notes=tuple(n for n in cell.notes if n not in shared))
        used[row.key] = _finished_records(row, declaration, records)
        row_notes[row.key] = (*shared, *_commit_note(used[row.key]))
    machines = dict.fromkeys(record.machine for rows in used.values() for record in rows if record.machine)
    return FilledTable(declaration, cells, row_notes, _commits_by_row(used), tuple(machines))


def _cell(source: CellSource | None, declaration: Declaration, records: Mapping[str, Record]) -> Cell:
    if source is None or (source.value is None and not source.fingerprints):
        return Cell()
    if source.value is not None:
        return Cell(mean=source.value, status="computed")
    seeds = _seed_results(source, declaration, records)
    values = {seed.seed: seed.value for seed in seeds if seed.outcome == "measured" and seed.seed is not None}
    numbers = list(values.values())
    return Cell(
        mean=fmean(numbers) if numbers else None,
        std=stdev(numbers) if len(numbers) > 1 else None,
        n=len(numbers),
        status=_status(seeds),
        values=values,
        pending=frozenset(s.seed for s in seeds if s.seed is not None and s.pending),
        notes=(*_seed_count(seeds, declaration), *_notes(seeds, _planned(seeds, declaration))),
    )


def _planned(seeds: Sequence[_SeedResult], declaration: Declaration) -> int:
    """How many seeds a cell is to have: with looks, a row whose claims were decided early has fewer."""
    return len(seeds) if declaration.looks else max(len(seeds), len(declaration.seeds))


def _seed_count(seeds: Sequence[_SeedResult], declaration: Declaration) -> tuple[str, ...]:
    few = declaration.looks and 1 < len(seeds) < len(declaration.seeds)
    return (f"mean over {len(seeds)} seeds",) if few else ()


def _seed_results(
    source: CellSource, declaration: Declaration, records: Mapping[str, Record]
) -> list[_SeedResult]:
    """The outcome of each of a cell's jobs, in the declared order."""
    count = len(source.fingerprints)
    # With looks, a row whose claims were decided early has the first seeds only.
    aligned = count == len(declaration.seeds) or (declaration.looks and 1 < count < len(declaration.seeds))
    planned: Sequence[int | None] = declaration.seeds[:count] if aligned else [None] * count
    return [
        _seed(records[fingerprint], source.key, declaration)
        if fingerprint in records
        else _SeedResult(seed, "not run", reason=_failed_prerequisite(fingerprint, declaration, records))
        for fingerprint, seed in zip(source.fingerprints, planned, strict=True)
    ]


def _failed_prerequisite(fingerprint: str, declaration: Declaration, records: Mapping[str, Record]) -> str:
    """Which training that a job needs diverged or failed; empty if none."""
    needed = [records[fp] for fp in declaration.needs.get(fingerprint, ()) if fp in records]
    return next((f"{r.name} {r.status}" for r in needed if r.status in ("diverged", "failed")), "")


def _seed(record: Record, key: str, declaration: Declaration) -> _SeedResult:
    if record.data and record.data not in declaration.data_fingerprints:
        declared = " or ".join(declaration.data_fingerprints) or "none"
        reason = f"rejected: {record.name} was measured on data {record.data}, declared is {declared}"
        return _SeedResult(record.seed, "rejected", reason=reason)
    if record.status != "finished":
        return _SeedResult(record.seed, record.status, reason=_reason(record.note))
    value = record.metrics.get(key, math.nan)
    if not math.isfinite(value):
        return _SeedResult(record.seed, "failed", reason=f"finished without a finite {key}")
    return _SeedResult(record.seed, "measured", value, warnings=record.warnings)


def _status(seeds: Sequence[_SeedResult]) -> CellStatus:
    outcomes = {seed.outcome for seed in seeds}
    order: tuple[CellStatus, ...] = ("measured", "running", "diverged", "failed")
    return next((status for status in order if status in outcomes), "not run")


def _notes(seeds: Sequence[_SeedResult], planned: int) -> tuple[str, ...]:
    """Footnotes of a cell: seeds that are missing and why, and warnings."""
    measured = sum(seed.outcome == "measured" for seed in seeds)
    notes = [seed.reason for seed in seeds if seed.outcome == "rejected"]
    for outcome, verb in (("diverged", "diverged"), ("failed", "failed"), ("running", "still running")):
        those = [seed for seed in seeds if seed.outcome == outcome]
        if those:
            notes.append(f"{len(those)} of {planned} {verb}: {_each(those)}")
    blocked = [seed for seed in seeds if seed.outcome == "not run" and seed.reason]
    if blocked:
        notes.append(
            f"{len(blocked)} of {planned} not run because a training they need did not finish: "
            f"{_each(blocked)}"
        )
    missing = [seed for seed in seeds if seed.outcome == "not run" and not seed.reason]
    if measured and missing:
        which = "" if None in (seed.seed for seed in missing) else f"; not run: {_each(missing)}"
        notes.append(f"{measured} of {planned} seeds{which}")
    elif 0 < len(seeds) < planned:
        notes.append(f"{len(seeds)} of {planned} seeds")
    return (*notes, *_warnings(seeds))


def _warnings(seeds: Sequence[_SeedResult]) -> tuple[str, ...]:
    """Each warning once, with all seeds that raised it."""
    seeds_by_warning: dict[str, list[str]] = {}
    for seed in seeds:
        if seed.warnings:
            seeds_by_warning.setdefault(_digest(seed.warnings), []).append(str(seed.seed))
    lines = [
        f"{'seed' if len(of) == 1 else 'seeds'} {', '.join(of)}: {what}"
        for what, of in seeds_by_warning.items()
    ]
    return (f"warnings, {'; '.join(lines)}",) if lines else ()


def _each(seeds: Iterable[_SeedResult]) -> str:
    return ", ".join(f"seed {seed.seed}" + (f" ({seed.reason})" if seed.reason else "") for seed in seeds)


def _digest(warnings: Sequence[str]) -> str:
    """The first warning about each quantity, and how many followed."""
    by_quantity: dict[str, list[str]] = {}
    for warning in warnings:
        by_quantity.setdefault(warning.split(" = ")[0], []).append(warning)
    return ", ".join(
        first + (f" (and {len(again)} more)" if again else "") for first, *again in by_quantity.values()
    )


def _reason(note: str) -> str:
    """A short form of a record's note, which is JSON where a training diverged."""
    try:
        fields = json.loads(note)
        quantities = {name: float(value) for name, value in fields["quantities"].items()}
        wrong = [f"{name} {value}" for name, value in quantities.items() if not math.isfinite(value)]
        return f"step {fields['step']}: {', '.join(wrong or quantities)}"
    except (ValueError, TypeError, KeyError, AttributeError):
        line = note.strip().splitlines()[0] if note.strip() else ""
        return line if len(line) <= 160 else line[:159] + "…"


def _common_notes(row: DeclaredRow, line: Mapping[str, Cell]) -> tuple[str, ...]:
    """The notes that all measured cells of a row have in common, to be printed once."""
    notes = [line[name].notes for name, source in row.cells.items() if source.fingerprints and name in line]
    if not notes:
        return ()
    return tuple(note for note in notes[0] if all(note in others for others in notes[1:]))


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


def _commit_note(records: Sequence[Record]) -> tuple[str, ...]:
    commits = dict.fromkeys(_abbreviate(record.commit) for record in records)
    return (f"measured at several commits: {', '.join(commits)}",) if len(commits) > 1 else ()


def _commits_by_row(used: Mapping[str, Sequence[Record]]) -> tuple[str, ...]:
    """Which rows come from which commit, where there are several."""
    rows: dict[str, dict[str, None]] = {}
    for key, records in used.items():
        for record in records:
            rows.setdefault(_abbreviate(record.commit), {})[key] = None
    if len(rows) < 2:
        return ()
    listed = "; ".join(f"{commit}: {', '.join(keys)}" for commit, keys in rows.items())
    return (f"The rows were measured at several commits. {listed}.",)


def _abbreviate(commit: str) -> str:
    """The first seven digits of a hash, with a suffix such as `-dirty` if it has one."""
    return re.sub(r"^([0-9a-f]{7})[0-9a-f]+", r"\1", commit) or "unknown"
