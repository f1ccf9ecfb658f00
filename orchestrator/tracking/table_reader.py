"""From the runs of tables back to declarations."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from orchestrator.schema.declaration import Declaration
from orchestrator.tracking.patience import PermanentError
from orchestrator.tracking.reader import TABLES, counted, experiments, holds, runs, text

NEEDED = frozenset({"report", "scale", "table"})
"""Tags of the run of a declaration."""


def table_runs(client: Any) -> list[Any]:
    """The runs that hold the declarations that count, the newest first."""
    found = [one.experiment_id for one in experiments(client) if holds(one) == TABLES]
    counting = (run for run in runs(client, found) if run.data.tags.get("superseded") == "false")
    whole = [run for run in counting if run.data.tags.keys() >= NEEDED and declared(run) > 0]
    return sorted(whole, key=declared, reverse=True)


def declared(run: Any) -> int:
    """The place of a declaration among all, the latest highest; 0 for none."""
    return counted(run.data.tags, "declared")


def table_key(tags: dict[str, str]) -> tuple[str, str, str]:
    """What a newer table takes the place of: the same table of the same report and scale."""
    return tags["report"], tags["scale"], tags["table"]


def reports(client: Any) -> list[str]:
    """The names of the reports that have tables; the one that was declared last is at the end."""
    return list(dict.fromkeys(run.data.tags["report"] for run in table_runs(client)))[::-1]


def declarations(client: Any, report: str, known: Mapping[str, Declaration]) -> tuple[Declaration, ...]:
    """The newest declaration of each table of a report: tables in their own order, then figures.

    Args:
        known: those that need not be downloaded, by run id.

    Raises:
        PermanentError: one can't be read.
    """
    newest: dict[tuple[str, str, str], Any] = {}
    for run in table_runs(client):
        if run.data.tags["report"] == report:
            newest.setdefault(table_key(run.data.tags), run)

    def order(key: tuple[str, str, str]) -> tuple[str, tuple[int, int], list[tuple[int, str]]]:
        _, scale, table = key
        return scale, _rank(table), natural(table)

    ordered = [newest[key] for key in sorted(newest, key=order)]
    return tuple(known.get(run.info.run_id) or _declaration(client, run) for run in ordered)


def _rank(table: str) -> tuple[int, int]:
    """Tables by their number, a comparison of two after both of them, and whatever has a name after these."""
    numbers = re.findall(r"\d{1,18}", table)
    return (int(numbers[-1]), len(numbers)) if table[:1].isdecimal() else (10**6, 0)


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key by which table 2 comes before table 10."""
    return [(int(part or 0), word) for part, word in re.findall(r"(\d{0,18})(\D*)", text)]


def _declaration(client: Any, run: Any) -> Declaration:
    try:
        return Declaration.model_validate_json(text(client, run.info.run_id, "declaration.json"))
    except ValidationError as error:
        raise PermanentError(
            f"the declaration of table {run.data.tags['table']} ({run.data.tags['report']}) was written by "
            f"another version: run its sweep again, or delete the run {run.info.run_id} in MLflow "
            f"({error.error_count()} fields differ)"
        ) from error
