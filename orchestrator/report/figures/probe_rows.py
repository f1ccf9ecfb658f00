"""Probe results row by row, the input of the figures drawn from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.schema.declaration import Declaration

Details = Mapping[str, dict[str, Any]]
"""What probes recorded besides their metrics, by fingerprint."""


@dataclass(frozen=True)
class ProbeRow:
    """The probe results of one row: one per seed that has been run."""

    key: str  # of the row
    label: str
    by_seed: Mapping[int, dict[str, Any]]


def probe_rows(declaration: Declaration, details: Details, column: str) -> tuple[ProbeRow, ...]:
    """The rows that fill a column and have probe results for at least one seed, in table order."""
    rows = []
    for row in declaration.rows:
        prints = row.cells[column].fingerprints if column in row.cells else ()
        found = {
            seed: details[fp] for seed, fp in zip(declaration.seeds, prints, strict=False) if fp in details
        }
        if found:
            rows.append(ProbeRow(row.key, row.label, found))
    return tuple(rows)
