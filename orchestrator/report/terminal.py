"""The report on a terminal."""

from collections.abc import Collection, Iterator, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.report import message, text
from orchestrator.report.section import MARKS, Section
from orchestrator.report.table_layout import losses, our_number, paper_number, seeds_of_rows
from orchestrator.report.writer import Report
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.stats.aggregate import Cell, FilledTable
from orchestrator.stats.verdict import Verdict

LABEL_WIDTH = 12
"""Characters that a row's label has at least; longer ones wrap."""

STYLES = {
    "supported": "green",
    "contradicted": "red",
    "undecided": "yellow",
    "cannot be judged": "magenta",
    "not run": "dim",
}


def render(console: Console, report: Report, tables: Collection[str] | None = None) -> None:
    """Print the tables, the verdicts, and the path of the report.

    Args:
        tables: those to print; None prints all of the report.
    """
    for renderable in summary(console, report, tables):
        console.print(renderable)


def summary(
    console: Console, report: Report, tables: Collection[str] | None = None
) -> Iterator[RenderableType]:
    """The report for a terminal: tables with their verdicts, then their message and the path of the page."""
    shown = [part for part in report.sections if tables is None or part.declaration.table in tables]
    for part in shown:
        yield from _terminal_section(console, part)
    for caution in text.caveats([part.filled for part in shown]):
        yield Text(caution, style="yellow")
    if opening := message.opening(shown):
        yield Text(opening, style="bold")
    if len(shown) < len(report.sections):
        others = ", ".join(p.declaration.heading for p in report.sections if p not in shown)
        yield Text(f"The report also contains {others}.", style="dim")
    yield Text.assemble("Report: ", (str(report.folder / "report.html"), "bold"))


def _terminal_section(console: Console, part: Section) -> Iterator[RenderableType]:
    columns = part.declaration.columns
    while len(columns) > 1 and _least_width(part.filled, columns) > console.width:
        columns = _without_one(columns)
    yield _terminal_table(part.filled, columns)
    if left_out := [column.name for column in part.declaration.columns if column not in columns]:
        yield Text(f"Too wide for this terminal, in the report alone: {', '.join(left_out)}", style="dim")
    if seeds := seeds_of_rows(part.filled):
        yield Text(seeds, style="dim")
    yield from (Text(loss, style="magenta") for loss in losses(part.filled))
    if sentence := message.table_sentence(part):
        yield Text(sentence)
    yield from (_terminal_verdict(verdict) for verdict in part.verdicts)
    yield Text()


def _least_width(filled: FilledTable, columns: Sequence[DeclaredColumn]) -> int:
    """Characters of a line of the table, with a border and two of padding for each column."""
    widths = [LABEL_WIDTH, len("paper"), *(_width(filled, column) for column in columns)]
    return sum(widths) + 3 * len(widths) + 1


def _without_one(columns: Sequence[DeclaredColumn]) -> tuple[DeclaredColumn, ...]:
    """Without the last column that the paper's table lacks, or else without the last."""
    places = range(len(columns))
    last = max((place for place in places if not columns[place].in_paper), default=places[-1])
    return tuple(columns[place] for place in places if place != last)


def _terminal_table(filled: FilledTable, columns: Sequence[DeclaredColumn]) -> Table:
    """One line per row of the table, or two where the paper has numbers for it: the paper's above ours."""
    declared = filled.declaration
    table = Table(title=f"{declared.heading}. {declared.title}", title_justify="left", title_style="bold")
    table.add_column("", min_width=LABEL_WIDTH)
    table.add_column("", min_width=len("paper"))
    for column in columns:
        table.add_column(Text(column.name), justify="right", min_width=_width(filled, column))
    for row in declared.rows:
        cells = [filled.cell(row.key, column.name) for column in columns]
        paired = any(cell.paper is not None for cell in cells)
        label = Text(row.label, style="italic" if filled.declaration.adds(row) else "")
        whose = Text.assemble(("paper\n", "dim"), "ours") if paired else Text("ours")
        texts = (_terminal_cell(cell, column, paired) for cell, column in zip(cells, columns, strict=True))
        table.add_row(label, whose, *texts)
    return table


def _width(filled: FilledTable, column: DeclaredColumn) -> int:
    """Characters that the column's longest number or word has: titles may wrap, digits may not."""
    cells = filled.column(column.name)
    numbers = [text for cell in cells for text in (our_number(cell, column), paper_number(cell, column))]
    return max(map(len, [*numbers, *column.name.split()]))


def _terminal_cell(cell: Cell, column: DeclaredColumn, paired: bool) -> Text:
    """Ours, in a paired row below the paper's value."""
    paper = f"{paper_number(cell, column)}\n" if paired else ""
    return Text.assemble((paper, "dim"), (our_number(cell, column), "" if cell.mean is not None else "dim"))


def _terminal_verdict(verdict: Verdict) -> Text:
    word = f"{MARKS[verdict.verdict]} {verdict.verdict}"
    return Text.assemble((word, STYLES[verdict.verdict]), f"  {verdict.claim} ", (verdict.sentence, "dim"))
