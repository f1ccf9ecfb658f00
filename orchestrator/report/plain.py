"""A report for programs: tables, verdicts and files as plain values that JSON holds."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from orchestrator.report.section import Section
from orchestrator.report.writer import Report


def plain(report: Report, tables: Collection[str] | None = None) -> dict[str, Any]:
    """The report's folder, and each table with its cells and verdicts; numbers that are not there are None.

    Args:
        tables: those wanted, by their names; None for all.
    """
    sections = [part for part in report.sections if tables is None or part.declaration.table in tables]
    return {"folder": str(report.folder), "tables": [_table(part) for part in sections]}


def _table(part: Section) -> dict[str, Any]:
    declared = part.declaration
    cells = [
        {
            "row": row.key,
            "column": column.name,
            "unit": column.unit,
            "paper": cell.paper,
            "mean": cell.mean,
            "std": cell.std,
            "n": cell.n,
            "status": cell.status,
            "seeds": {str(seed): value for seed, value in cell.values.items()},
        }
        for row in declared.rows
        for column in declared.columns
        if (cell := part.filled.cell(row.key, column.name)).status != "blank" or cell.paper is not None
    ]
    return {
        "table": declared.table,
        "title": declared.title,
        "scale": declared.scale,
        "data": declared.data,
        "comparable": declared.comparable,
        "command": declared.command,
        "cells": cells,
        "verdicts": [asdict(verdict) for verdict in part.verdicts],
    }
