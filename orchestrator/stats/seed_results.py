"""The outcome of each job behind a cell."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from orchestrator.schema.declaration import CellSource, Declaration
from orchestrator.schema.record import Record

Lost = Literal["diverged", "collapsed"]
"""Why a training that ended has no result."""

LOST: tuple[Lost, ...] = get_args(Lost)

Outcome = Lost | Literal["measured", "running", "stopped", "failed", "not run", "rejected"]


@dataclass(frozen=True)
class SeedResult:
    """The outcome of one job behind a cell."""

    seed: int | None  # None where it is unknown
    outcome: Outcome
    value: float = math.nan
    reason: str = ""
    warnings: tuple[str, ...] = ()
    lost: Lost | None = None  # of the job itself, or of a training that it needs

    @property
    def pending(self) -> bool:
        """Whether the next run may still give it a value."""
        return self.outcome in ("running", "stopped", "failed") or (
            self.outcome == "not run" and not self.reason
        )


def seed_results(
    source: CellSource,
    declaration: Declaration,
    records: Mapping[str, Record],
    collapses: Mapping[str, str],
) -> list[SeedResult]:
    """The outcome of each of a cell's jobs, in the declared order.

    Args:
        collapses: why jobs collapsed, by fingerprint.
    """
    count = len(source.fingerprints)
    # With looks, a row whose claims were decided early has the first seeds only.
    aligned = count == len(declaration.seeds) or (declaration.looks and 1 < count < len(declaration.seeds))
    planned: Sequence[int | None] = declaration.seeds[:count] if aligned else [None] * count
    return [
        _seed(records[fingerprint], source.key, declaration, collapses.get(fingerprint, ""))
        if fingerprint in records
        else _not_run(seed, fingerprint, declaration, records)
        for fingerprint, seed in zip(source.fingerprints, planned, strict=True)
    ]


def _not_run(
    seed: int | None, fingerprint: str, declaration: Declaration, records: Mapping[str, Record]
) -> SeedResult:
    """Without a record; because a training that the job needs diverged or failed, if one did."""
    needed = [records[fp] for fp in declaration.needs.get(fingerprint, ()) if fp in records]
    ended = next((record for record in needed if record.status in ("diverged", "failed")), None)
    if ended is None:
        return SeedResult(seed, "not run")
    lost: Lost | None = "diverged" if ended.status == "diverged" else None
    return SeedResult(seed, "not run", reason=f"{ended.name} {ended.status}", lost=lost)


def _seed(record: Record, key: str, declaration: Declaration, collapse: str) -> SeedResult:
    if record.data and record.data not in declaration.data_fingerprints:
        declared = " or ".join(declaration.data_fingerprints) or "none"
        reason = f"rejected: {record.name} was measured on data {record.data}, declared is {declared}"
        return SeedResult(record.seed, "rejected", reason=reason)
    if record.status != "finished":
        lost: Lost | None = "diverged" if record.status == "diverged" else None
        return SeedResult(record.seed, record.status, reason=_reason(record.note), lost=lost)
    if collapse:
        return SeedResult(record.seed, "collapsed", reason=collapse, lost="collapsed")
    value = record.metrics.get(key, math.nan)
    if not math.isfinite(value):
        return SeedResult(record.seed, "failed", reason=f"finished without a finite {key}")
    return SeedResult(record.seed, "measured", value, warnings=record.warnings)


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
