"""The report as one self-contained HTML page: from filled tables and verdicts to the template's values."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from orchestrator.report import inline_svg, message
from orchestrator.report.section import MARKS, Section, count_verdicts
from orchestrator.report.table_layout import (
    all_computed,
    has_paper,
    lay_out,
    notes_of_row,
    number,
    our_number,
    paper_number,
)
from orchestrator.report.text import (
    HOW_TO_READ,
    HOW_TO_READ_CHARTS,
    TITLE,
    caveats,
    counts,
    introduction,
    left_out,
)
from orchestrator.schema.claims import Below, Claim, Equivalent, NotGreater
from orchestrator.schema.declaration import DeclaredColumn, DeclaredRow
from orchestrator.stats.aggregate import Cell, FilledTable
from orchestrator.stats.seed_results import LOST
from orchestrator.stats.verdict import Verdict

NO_CHART = Markup()


@dataclass(frozen=True)
class _Cell:
    """A cell as it is shown: a value, or the reason why there is none."""

    paper: str
    paired: bool  # beside a cell for the paper's value
    footnotes: tuple[int, ...]
    value: str = ""
    spread: str = ""
    trained: str = ""
    absent: str = ""
    tone: str = ""
    deviation: str = ""
    bar: Markup = NO_CHART


def html(sections: Sequence[Section], remarks: Sequence[str] = ()) -> str:
    """The page. It loads nothing: styles, figures and charts are embedded."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(files("orchestrator.report").joinpath("page.html").read_text("utf-8"))
    filled = [section.filled for section in sections]
    page = {
        "title": TITLE,
        "opening": message.opening(sections),
        "groups": message.groups(sections),
        "contents": introduction(filled),
        "cautions": [*map(left_out, remarks), *caveats(filled)],
        "tables": [_table(section) for section in sections],
        "reading": (*HOW_TO_READ, HOW_TO_READ_CHARTS),
    }
    return template.render(page=page, marks=MARKS)


def _table(section: Section) -> dict[str, object]:
    declared, filled, table = section.declaration, section.filled, lay_out(section.filled)
    titles = [head.title for head in table.heads if head.title]
    pairs = [has_paper(filled, column) for column in declared.columns]
    rows = sorted(declared.rows, key=lambda row: not row.in_paper)
    measured, total = counts(filled)
    return {
        "is_figure": declared.is_figure,
        "anchor": declared.anchor,
        "name": declared.heading,
        "title": declared.title,
        "message": message.table_sentence(section),
        "description": declared.description,
        "subtitle": table.legend,
        "measured": measured,
        "total": total,
        "tally": count_verdicts(section.verdicts),
        "columns": [
            {"label": title, "pair": pair, "ours": "computed" if all_computed(filled, column) else "ours"}
            for title, pair, column in zip(titles, pairs, declared.columns, strict=True)
        ],
        "width": 1 + len(pairs) + sum(pairs),
        "rows": [_row(filled, row, table.footnotes) for row in rows],
        "first_added": sum(row.in_paper for row in rows),
        "footnotes": table.footnotes,
        "legend": table.columns,
        "statements": [
            {"sentence": part.sentence, "claims": [_claim(*pair) for pair in part.judged]}
            for part in section.statements
        ],
        "figures": [{"source": _data_uri(p.svg), "caption": p.caption} for p in section.figures],
        "provenance": section.provenance.items(),
        "command": declared.command,
    }


def _row(filled: FilledTable, row: DeclaredRow, footnotes: Sequence[str]) -> dict[str, object]:
    return {
        "label": row.label,
        "footnotes": [footnotes.index(note) + 1 for note in notes_of_row(filled, row)],
        "cells": [_cell(filled, row, column, footnotes) for column in filled.declaration.columns],
    }


def _cell(filled: FilledTable, row: DeclaredRow, column: DeclaredColumn, footnotes: Sequence[str]) -> _Cell:
    cell = filled.cell(row.key, column.name)
    shown = _Cell(
        paper=paper_number(cell, column),
        paired=has_paper(filled, column),
        footnotes=tuple(footnotes.index(note) + 1 for note in cell.notes),
    )
    if cell.mean is None:
        tone = "bad" if cell.status in (*LOST, "failed") else "absent"
        return replace(shown, absent=our_number(cell, column), tone=tone)
    return replace(
        shown,
        value=number(cell.mean, column),
        spread="" if cell.std is None else number(cell.std, column),
        trained=cell.trained,
        deviation=_deviation(cell, filled, column),
        bar=_bar(cell, filled, column),
    )


def _deviation(cell: Cell, filled: FilledTable, column: DeclaredColumn) -> str:
    """Ours minus the paper's; in percent of the paper's where numbers are printed as 1.8M.

    Of a measured number only at the paper's own scale and on its data: elsewhere they must not be compared.
    """
    comparable = filled.declaration.comparable or cell.status == "computed"
    if cell.mean is None or cell.paper is None or not comparable:
        return ""
    if number(cell.mean, column) == paper_number(cell, column):
        return "identical"
    if column.human and cell.paper:
        return f"{inline_svg.signed(100 * (cell.mean / cell.paper - 1), 1)} %"
    return inline_svg.signed(cell.mean - cell.paper, column.digits)


def _bar(cell: Cell, filled: FilledTable, column: DeclaredColumn) -> Markup:
    """A bar: the difference from the paper relative to the largest in the column."""
    if _deviation(cell, filled, column) in ("", "identical"):
        return NO_CHART
    cells = filled.column(column.name)
    largest = max(abs(c.mean - c.paper) for c in cells if c.mean is not None and c.paper is not None)
    assert cell.mean is not None
    assert cell.paper is not None
    return inline_svg.deviation((cell.mean - cell.paper) / largest)


def _claim(claim: Claim, verdict: Verdict) -> dict[str, object]:
    chart = NO_CHART
    if verdict.estimate is not None:
        chart = inline_svg.interval(verdict.estimate, verdict.low, verdict.high, _region(claim))
    return {
        "description": claim.description,
        "verdict": verdict.verdict,
        "sentence": verdict.sentence,
        "chart": chart,
    }


def _region(claim: Claim) -> tuple[float | None, float | None]:
    """The values for which the claim holds, as bounds; None where a side is open."""
    match claim:
        case Equivalent(margin=margin):
            return -margin, margin
        case Below(limit=limit):
            return None, limit
        case NotGreater(margin=margin):
            return None, margin
        case _:
            return 0.0, None


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
