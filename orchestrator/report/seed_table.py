"""The values behind a table's means, one line for each run, so that anyone can redo a test."""

import csv
import io
from collections.abc import Mapping

from orchestrator.schema.declaration import Declaration
from orchestrator.schema.record import Record
from orchestrator.stats.collapse import collapsed
from orchestrator.stats.seed_results import seed_results

HEADER = ("table", "row", "column", "seed", "value", "outcome", "fingerprint")


def seed_csv(declaration: Declaration, records: Mapping[str, Record]) -> str:
    """CSV with a line for each run behind each cell, in the table's order.

    `value` has all digits and the column's own unit; it is empty unless `outcome` is "measured". Runs that
    diverged or collapsed are there, with that as their outcome: tests leave the whole claim unjudged.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    collapses = collapsed(declaration, records)
    for row in declaration.rows:
        for column in declaration.columns:
            source = row.cells.get(column.name)
            if source is None:
                continue
            found = seed_results(source, declaration, records, collapses)
            for result, fingerprint in zip(found, source.fingerprints, strict=True):
                value = repr(result.value) if result.outcome == "measured" else ""
                seed = "" if result.seed is None else result.seed
                line = (declaration.table, row.key, column.name, seed, value, result.outcome, fingerprint)
                writer.writerow(line)
    return text.getvalue()
