"""The report on a terminal."""

from collections.abc import Collection, Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.report import text
from orchestrator.report.section import MARKS
from orchestrator.report.table_layout import is_added, our_number, paper_number
from orchestrator.report.writer import Report
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.stats.aggregate import Cell, FilledTable
from orchestrator.stats.verdict import Verdict

STYLES = {"supported": "green", "contradicted": "red", "undecided": "yellow", "not run": "dim"}


def render(console: Console, report: Report, tables: Collection[str] | None = None) -> None:
    """Print the tables, the verdicts, and the path of the report.

    Args:
        tables: those to print; None prints all of the report.
    """
    for renderable in summary(report, tables):
        console.print(renderable)


def summary(report: Report, tables: Collection[str] | None = None) -> Iterator[RenderableType]:
    """The report for a terminal: tables with their verdicts, then the path of the page."""
    shown = [part for part in report.sections if tables is None or part.declaration.table in tables]
    for part in shown:
        yield Group(_terminal_table(part.filled), *(_terminal_verdict(v) for v in part.verdicts), Text())
    for caution in text.caveats([part.filled for part in shown]):
        yield Text(caution, style="yellow")
    if len(shown) < len(report.sections):
        others = ", ".join(p.declaration.heading for p in report.sections if p not in shown)
        yield Text(f"The report also contains {others}.", style="dim")
    yield Text.assemble("Report: ", (str(report.folder / "report.html"), "bold"))


def _terminal_table(filled: FilledTable) -> Table:
    """One line per row of the table."""
    declared = filled.declaration
    table = Table(title=f"{declared.heading}. {declared.title}", title_justify="left", title_style="bold")
    table.add_column("")
    for column in declared.columns:
        table.add_column(Text(column.name), justify="right")
    for row in declared.rows:
        cells = [_terminal_cell(filled.cell(row.key, column.name), column) for column in declared.columns]
        table.add_row(Text(row.label, style="italic" if is_added(filled, row) else ""), *cells)
    return table


def _terminal_cell(cell: Cell, column: DeclaredColumn) -> Text:
    """The paper's value, dimmed, above ours."""
    paper = "" if cell.paper is None else f"{paper_number(cell, column)}\n"
    return Text.assemble((paper, "dim"), (our_number(cell, column), "" if cell.mean is not None else "dim"))


def _terminal_verdict(verdict: Verdict) -> Text:
    word = f"{MARKS[verdict.verdict]} {verdict.verdict}"
    return Text.assemble((word, STYLES[verdict.verdict]), f"  {verdict.claim} ", (verdict.sentence, "dim"))
