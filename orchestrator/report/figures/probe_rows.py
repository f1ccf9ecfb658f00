"""What probes found, row by row, as figures are drawn from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.schema.declaration import Declaration

Details = Mapping[str, dict[str, Any]]
"""What probes found beside their numbers, by fingerprint."""


@dataclass(frozen=True)
class Seen:
    """What the probes of a row found: one a seed, those that have been run."""

    key: str  # of the row
    label: str
    by_seed: Mapping[int, dict[str, Any]]


def seen(declaration: Declaration, details: Details, column: str) -> tuple[Seen, ...]:
    """The rows that fill a column and of which at least one seed has been looked at, in their order."""
    rows = []
    for row in declaration.rows:
        prints = row.cells[column].fingerprints if column in row.cells else ()
        found = {
            seed: details[fp] for seed, fp in zip(declaration.seeds, prints, strict=False) if fp in details
        }
        if found:
            rows.append(Seen(row.key, row.label, found))
    return tuple(rows)
