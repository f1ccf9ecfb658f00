"""From records to a filled table: every cell's mean, spread and count, and what has to be said about it."""

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

Outcome = Literal["measured", "running", "diverged", "failed", "not run", "refused"]


@dataclass(frozen=True)
class Cell:
    """One cell: the paper's number and ours.

    Args:
        paper: what the paper prints, or None.
        mean: over the seeds that were measured, or the computed value.
        std: the sample standard deviation (n - 1); None for fewer than two seeds.
        n: how many seeds were measured.
        status: what stands behind `mean`, or why it is None.
        values: the value of each seed.
        notes: what a reader must know of this cell and not of its whole row.
    """

    paper: float | None = None
    mean: float | None = None
    std: float | None = None
    n: int = 0
    status: CellStatus = "blank"
    values: Mapping[int, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FilledTable:
    """A declared table with every cell that the records can fill."""

    declaration: Declaration
    cells: Mapping[tuple[str, str], Cell]  # (row key, column name), all combinations
    row_notes: Mapping[str, tuple[str, ...]]  # by row key: what holds for all measured cells of the row
    notes: tuple[str, ...]  # what holds for the table
    machines: tuple[str, ...]  # on which the records behind it were measured

    def cell(self, row: str, column: str) -> Cell:
        """A cell by its keys.

        Raises:
            KeyError: the declaration has no such row or column.
        """
        return self.cells[row, column]


@dataclass(frozen=True)
class _Seed:
    """What became of one job behind a cell."""

    seed: int | None  # None where there is no record to tell
    outcome: Outcome
    value: float = math.nan
    reason: str = ""
    warnings: tuple[str, ...] = ()


def fill(declaration: Declaration, records: Mapping[str, Record]) -> FilledTable:
    """Put the records, by fingerprint, into the declared cells.

    A record that was measured on data other than declared is refused: its value is not used and a note
    names both. A record without data is a measurement that needs none, and is taken.
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
        shared = _shared(row, line)
        for name, cell in line.items():
            cells[row.key, name] = replace(cell, notes=tuple(n for n in cell.notes if n not in shared))
        used[row.key] = _used(row, declaration, records)
        row_notes[row.key] = (*shared, *_mixed(used[row.key]))
    machines = dict.fromkeys(record.machine for rows in used.values() for record in rows if record.machine)
    return FilledTable(declaration, cells, row_notes, _commits(used), tuple(machines))


def _cell(source: CellSource | None, declaration: Declaration, records: Mapping[str, Record]) -> Cell:
    if source is None or (source.value is None and not source.fingerprints):
        return Cell()
    if source.value is not None:
        return Cell(mean=source.value, status="computed")
    seeds = _seeds(source, declaration, records)
    values = {seed.seed: seed.value for seed in seeds if seed.outcome == "measured" and seed.seed is not None}
    numbers = list(values.values())
    return Cell(
        mean=fmean(numbers) if numbers else None,
        std=stdev(numbers) if len(numbers) > 1 else None,
        n=len(numbers),
        status=_status(seeds),
        values=values,
        notes=_notes(seeds, max(len(seeds), len(declaration.seeds))),
    )


def _seeds(source: CellSource, declaration: Declaration, records: Mapping[str, Record]) -> list[_Seed]:
    """What became of each of a cell's jobs, in the declared order."""
    aligned = len(source.fingerprints) == len(declaration.seeds)
    planned: Sequence[int | None] = declaration.seeds if aligned else [None] * len(source.fingerprints)
    return [
        _seed(records[fingerprint], source.key, declaration)
        if fingerprint in records
        else _Seed(seed, "not run", reason=_lost(fingerprint, declaration, records))
        for fingerprint, seed in zip(source.fingerprints, planned, strict=True)
    ]


def _lost(fingerprint: str, declaration: Declaration, records: Mapping[str, Record]) -> str:
    """Why a job can't be run, where a training that it needs came to nothing; empty where it can."""
    before = [records[fp] for fp in declaration.needs.get(fingerprint, ()) if fp in records]
    return next((f"{r.name} {r.status}" for r in before if r.status in ("diverged", "failed")), "")


def _seed(record: Record, key: str, declaration: Declaration) -> _Seed:
    if record.data and record.data not in declaration.data_fingerprints:
        declared = " or ".join(declaration.data_fingerprints) or "none"
        reason = f"refused: {record.name} was measured on data {record.data}, declared is {declared}"
        return _Seed(record.seed, "refused", reason=reason)
    if record.status != "finished":
        return _Seed(record.seed, record.status, reason=_reason(record.note))
    value = record.metrics.get(key, math.nan)
    if not math.isfinite(value):
        return _Seed(record.seed, "failed", reason=f"finished without a finite {key}")
    return _Seed(record.seed, "measured", value, warnings=record.warnings)


def _status(seeds: Sequence[_Seed]) -> CellStatus:
    outcomes = {seed.outcome for seed in seeds}
    order: tuple[CellStatus, ...] = ("measured", "running", "diverged", "failed")
    return next((status for status in order if status in outcomes), "not run")


def _notes(seeds: Sequence[_Seed], planned: int) -> tuple[str, ...]:
    """What the numbers of a cell don't say: which of its seeds are missing and why, and warnings."""
    measured = sum(seed.outcome == "measured" for seed in seeds)
    notes = [seed.reason for seed in seeds if seed.outcome == "refused"]
    for outcome, verb in (("diverged", "diverged"), ("failed", "failed"), ("running", "still running")):
        those = [seed for seed in seeds if seed.outcome == outcome]
        if those:
            notes.append(f"{len(those)} of {planned} {verb}: {_each(those)}")
    lost = [seed for seed in seeds if seed.outcome == "not run" and seed.reason]
    if lost:
        notes.append(f"{len(lost)} of {planned} not run, as what they need came to nothing: {_each(lost)}")
    missing = [seed for seed in seeds if seed.outcome == "not run" and not seed.reason]
    if measured and missing:
        which = "" if None in (seed.seed for seed in missing) else f"; not run: {_each(missing)}"
        notes.append(f"{measured} of {planned} seeds{which}")
    elif 0 < len(seeds) < planned:
        notes.append(f"{len(seeds)} of {planned} seeds")
    return (*notes, *_warnings(seeds))


def _warnings(seeds: Sequence[_Seed]) -> tuple[str, ...]:
    """Each warning once for all the seeds that gave it."""
    seeds_by_warning: dict[str, list[str]] = {}
    for seed in seeds:
        if seed.warnings:
            seeds_by_warning.setdefault(_digest(seed.warnings), []).append(str(seed.seed))
    told = [
        f"{'seed' if len(of) == 1 else 'seeds'} {', '.join(of)}: {what}"
        for what, of in seeds_by_warning.items()
    ]
    return (f"warnings, {'; '.join(told)}",) if told else ()


def _each(seeds: Iterable[_Seed]) -> str:
    return ", ".join(f"seed {seed.seed}" + (f" ({seed.reason})" if seed.reason else "") for seed in seeds)


def _digest(warnings: Sequence[str]) -> str:
    """The first warning about each quantity and how often it came again."""
    by_quantity: dict[str, list[str]] = {}
    for warning in warnings:
        by_quantity.setdefault(warning.split(" = ")[0], []).append(warning)
    return ", ".join(
        first + (f" (and {len(again)} more)" if again else "") for first, *again in by_quantity.values()
    )


def _reason(note: str) -> str:
    """A short form of a record's note, which is JSON where a training diverged."""
    try:
        told = json.loads(note)
        quantities = {name: float(value) for name, value in told["quantities"].items()}
        wrong = [f"{name} {value}" for name, value in quantities.items() if not math.isfinite(value)]
        return f"step {told['step']}: {', '.join(wrong or quantities)}"
    except (ValueError, TypeError, KeyError, AttributeError):
        line = note.strip().splitlines()[0] if note.strip() else ""
        return line if len(line) <= 160 else line[:159] + "…"


def _shared(row: DeclaredRow, line: Mapping[str, Cell]) -> tuple[str, ...]:
    """The notes that every measured cell of a row has, so that they are said once."""
    notes = [line[name].notes for name, source in row.cells.items() if source.fingerprints and name in line]
    if not notes:
        return ()
    return tuple(note for note in notes[0] if all(note in others for others in notes[1:]))


def _used(row: DeclaredRow, declaration: Declaration, records: Mapping[str, Record]) -> list[Record]:
    """The finished records whose values stand in a row."""
    fingerprints = dict.fromkeys(fp for source in row.cells.values() for fp in source.fingerprints)
    found = [records[fingerprint] for fingerprint in fingerprints if fingerprint in records]
    return [
        record
        for record in found
        if record.status == "finished" and (not record.data or record.data in declaration.data_fingerprints)
    ]


def _mixed(records: Sequence[Record]) -> tuple[str, ...]:
    commits = dict.fromkeys(_abbreviate(record.commit) for record in records)
    return (f"measured at several commits: {', '.join(commits)}",) if len(commits) > 1 else ()


def _commits(used: Mapping[str, Sequence[Record]]) -> tuple[str, ...]:
    """Which rows come from which commit, where it is not one for all."""
    rows: dict[str, dict[str, None]] = {}
    for key, records in used.items():
        for record in records:
            rows.setdefault(_abbreviate(record.commit), {})[key] = None
    if len(rows) < 2:
        return ()
    listed = "; ".join(f"{commit}: {', '.join(keys)}" for commit, keys in rows.items())
    return (f"The rows were measured at several commits. {listed}.",)


def _abbreviate(commit: str) -> str:
    """A hash's first seven digits, with any mark behind it, such as `-dirty`."""
    return re.sub(r"^([0-9a-f]{7})[0-9a-f]+", r"\1", commit) or "unknown"
