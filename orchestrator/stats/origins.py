"""Footnotes on where numbers come from: commits, arithmetic and code of other mathematics."""

import re
from collections.abc import Callable, Mapping, Sequence

from orchestrator.schema.record import Record
from orchestrator.util.mathematics import SCHEMA


def of_row(records: Sequence[Record]) -> tuple[str, ...]:
    """What the records of one row do not have in common."""
    commits = dict.fromkeys(_abbreviate(record.commit) for record in records)
    ways = dict.fromkeys(arithmetic(record) or "unknown" for record in records)
    notes = []
    if len(commits) > 1:
        notes.append(f"measured at several commits: {', '.join(commits)}")
    if _differ(records):
        notes.append(f"computed in different arithmetic: {'; '.join(ways)}")
    return tuple(notes)


def of_table(used: Mapping[str, Sequence[Record]]) -> tuple[str, ...]:
    """What the records of a table do not have in common, by row key, and whether they are of this code."""
    notes = list(_older(used))
    if commits := _by_row(used, lambda record: _abbreviate(record.commit)):
        notes.append(f"The rows were measured at several commits. {commits}.")
    if _differ([record for records in used.values() for record in records]):
        ways = _by_row(used, lambda record: arithmetic(record) or "unknown")
        notes.append(f"The cells come from different arithmetic, which may be what differs in them. {ways}.")
    return tuple(notes)


def arithmetic(record: Record) -> str:
    """What a record was computed with; of older ones the sweep's machine is known, not the processor."""
    if record.processor or not record.machine:
        return record.arithmetic
    return f"{record.arithmetic} on {record.machine}".strip()


def _differ(records: Sequence[Record]) -> bool:
    """Whether two records differ in what both of them say of their arithmetic."""
    # Measurements are made by one process, however many trained the model.
    said = [
        [r.precision, r.processor or r.machine, r.torch, str(r.world_size) if "loss" in r.metrics else ""]
        for r in records
    ]
    return any(len(set(filter(None, values))) > 1 for values in zip(*said, strict=True))


def _by_row(used: Mapping[str, Sequence[Record]], what: Callable[[Record], str]) -> str:
    """Which rows have which of several; empty where all have the same."""
    rows: dict[str, dict[str, None]] = {}
    for key, records in used.items():
        for record in records:
            rows.setdefault(what(record), {})[key] = None
    return "; ".join(f"{it}: {', '.join(keys)}" for it, keys in rows.items()) if len(rows) > 1 else ""


def _older(used: Mapping[str, Sequence[Record]]) -> tuple[str, ...]:
    found = sorted({record.schema for records in used.values() for record in records} - {SCHEMA})
    if not found:
        return ()
    return (
        f"Computed by code of other mathematics (schema {', '.join(map(str, found))}; this code's is "
        f"{SCHEMA}), whose runs no sweep of this code uses: run it again for this code's numbers.",
    )


def _abbreviate(commit: str) -> str:
    """The first seven digits of a hash, with a suffix such as `-dirty` if it has one."""
    return re.sub(r"^([0-9a-f]{7})[0-9a-f]+", r"\1", commit) or "unknown"
