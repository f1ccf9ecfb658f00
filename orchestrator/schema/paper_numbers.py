"""The paper's own numbers, read from one CSV file: `table,row,column,value,unit,source`."""

import csv
from pathlib import Path

from pydantic import ValidationError

from orchestrator.schema.declaration import PaperCell
from orchestrator.util.errors import UserError

FIELDS = ["table", "row", "column", "value", "unit", "source"]


class PaperError(UserError):
    """The file of the paper's numbers is invalid; the message names file and line."""


def paper_cells(path: Path, table: str) -> tuple[PaperCell, ...]:
    """The numbers that the paper prints in one table, in the file's order; empty if it has no such table.

    The whole file is checked, whichever table is requested.

    Raises:
        PaperError: the file is missing or not a CSV file in UTF-8, the header differs, a line has too few
            or too many fields, a value is not a finite number, a field is empty, or a cell appears twice.
    """
    try:
        lines = _lines(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PaperError(f"{path}: not readable as CSV ({error})", code="unreadable-csv") from error
    if not lines or lines[0][1] != FIELDS:
        raise PaperError(f"{path}: line 1: the header must be {','.join(FIELDS)}", code="wrong-header")
    cells: dict[tuple[str, str, str], PaperCell] = {}
    for number, fields in lines[1:]:
        cell = _cell(path, number, fields)
        key = (cell.table, cell.row, cell.column)
        if key in cells:
            raise PaperError(
                f"{path}: line {number}: duplicate cell, table {', '.join(key)}", code="duplicate-cell"
            )
        cells[key] = cell
    return tuple(cell for cell in cells.values() if cell.table == table)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file, strict=True)
        return [(reader.line_num, fields) for fields in reader if fields]


def _cell(path: Path, number: int, fields: list[str]) -> PaperCell:
    where = f"{path}: line {number}"
    if len(fields) != len(FIELDS):
        raise PaperError(f"{where}: {len(fields)} fields instead of {len(FIELDS)}", code="wrong-field-count")
    named = dict(zip(FIELDS, (field.strip() for field in fields), strict=True))
    empty = [name for name, text in named.items() if not text]
    if empty:
        raise PaperError(f"{where}: {', '.join(empty)} is empty", code="empty-field")
    try:
        return PaperCell.model_validate(named)
    except ValidationError as error:
        raise PaperError(
            f"{where}: value {named['value']!r} is not a finite number", code="not-a-number"
        ) from error
