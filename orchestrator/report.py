"""From declarations and records to files: tables, figures, README.md and report.html."""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator import claims, figures, page, prose, tables
from orchestrator.cells import Cell, FilledTable
from orchestrator.claims import Verdict
from orchestrator.figures.details import Details, seen
from orchestrator.page import MARKS, Picture, Section
from orchestrator.printed import ours, theirs
from orchestrator.records import Curves, Declaration, DeclaredColumn, Record, Scatter, drawn_from

NOTHING: Details = MappingProxyType({})
STYLES = {"supported": "green", "contradicted": "red", "undecided": "yellow", "not run": "dim"}


@dataclass(frozen=True)
class Report:
    """What was written, and what it says.

    Args:
        folder: of the report.
        paths: of every file in it.
        sections: one a table, with its verdicts and figures.
    """

    folder: Path
    paths: tuple[Path, ...]
    sections: tuple[Section, ...]

    @property
    def filled(self) -> tuple[FilledTable, ...]:
        """The tables."""
        return tuple(section.filled for section in self.sections)

    @property
    def verdicts(self) -> Mapping[str, tuple[Verdict, ...]]:
        """The verdicts of each table, by its name."""
        return {section.declaration.table: section.verdicts for section in self.sections}


class Store(Protocol):
    """Where finished tables are kept: a `tracking.Tracker`."""

    def log_table(
        self, declaration: Declaration, frame: pd.DataFrame, files: Mapping[str, Path], verdicts_json: str
    ) -> None:
        """Keep a table, its files by name, and its verdicts."""


def write(
    declarations: Sequence[Declaration],
    records: Mapping[str, Record],
    results: Path,
    details: Details = NOTHING,
) -> Report:
    """Write the report of these tables, from what the store remembers alone.

    Everything is built before anything is written, and each file is replaced as a whole, so that an
    interrupted run leaves the report of before. Equal arguments give equal bytes.

    Args:
        records: by fingerprint; what is not there was not run.
        results: the folder, made where it is missing.
        details: what probes found beside their numbers, by fingerprint.

    Raises:
        OSError: the folder can't be written to.
    """
    sections = tuple(section(declaration, records, details) for declaration in declarations)
    contents = dict(_files(sections))
    for folder in ("tables", "figures"):
        (results / folder).mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        _replace(results / name, content)
    return Report(results, tuple(results / name for name in contents), sections)


def section(declaration: Declaration, records: Mapping[str, Record], details: Details) -> Section:
    """One table filled, judged and drawn."""
    filled = tables.fill(declaration, records)
    return Section(
        filled=filled,
        verdicts=claims.judge(declaration, filled),
        pictures=tuple(_pictures(declaration, filled, records, details)),
        origin=prose.origin(declaration, records),
    )


def log(store: Store, report: Report) -> None:
    """Keep each table, its files and its verdicts in the store, with the declaration that they answer.

    Raises:
        TrackingError: the store can't be written to.
    """
    for part in report.sections:
        stem = part.declaration.slug
        files = {
            path.relative_to(report.folder).as_posix(): path
            for path in report.paths
            if path.stem == stem or path.stem.startswith(f"{stem}_")
        }
        verdicts = json.dumps([asdict(verdict) for verdict in part.verdicts], indent=1)
        store.log_table(part.declaration, tables.frame(part.filled), files, verdicts)


def render(console: Console, report: Report, tables: Collection[str] | None = None) -> None:
    """Print the tables, the verdicts, and where the report lies.

    Args:
        tables: those to print; all of the report if None.
    """
    for renderable in summary(report, tables):
        console.print(renderable)


def summary(report: Report, tables: Collection[str] | None = None) -> Iterator[RenderableType]:
    """The report for a terminal: tables with their verdicts, then where the pages are."""
    shown = [part for part in report.sections if tables is None or part.declaration.table in tables]
    for part in shown:
        yield Group(_terminal_table(part.filled), *(_terminal_verdict(v) for v in part.verdicts), Text())
    for caution in prose.cautions([part.filled for part in shown]):
        yield Text(caution, style="yellow")
    if len(shown) < len(report.sections):
        others = ", ".join(p.declaration.heading for p in report.sections if p not in shown)
        yield Text(f"The report also holds {others}.", style="dim")
    yield Text.assemble("Report: ", (str(report.folder / "report.html"), "bold"))


def _pictures(
    declaration: Declaration, filled: FilledTable, records: Mapping[str, Record], details: Details
) -> Iterator[Picture]:
    for place, plot in enumerate(declaration.plots):
        match plot:
            case Scatter() if figures.scatter_points(declaration, filled, plot):
                name = f"{plot.y}_by_{plot.x}"
                figure = figures.scatter(declaration, filled, plot)
                caption = figures.scatter_caption(declaration, filled, plot)
            case Curves() if figures.curve_lines(declaration, records, plot):
                name = f"{plot.key}_by_epoch"
                figure = figures.curves(declaration, records, plot)
                caption = figures.curves_caption(declaration, records, plot)
            case Scatter() | Curves():
                continue
            case _:
                rows = [row for name in drawn_from(plot) for row in seen(declaration, details, name)]
                drawn = figures.of_details(plot, rows)
                if drawn is None:
                    continue
                name, (figure, caption) = f"{plot.kind}_{place}", drawn
        yield Picture(f"{declaration.slug}_{_slug(name)}", figures.svg(figure), figures.png(figure), caption)


def _files(sections: Sequence[Section]) -> Iterator[tuple[str, bytes]]:
    """Each file's name and content, the pages last."""
    for part in sections:
        stem = f"tables/{part.declaration.slug}"
        yield f"{stem}.md", tables.markdown(part.filled).encode()
        yield f"{stem}.csv", tables.csv(part.filled).encode()
        yield f"{stem}.tex", tables.latex(part.filled).encode()
        for picture in part.pictures:
            yield f"figures/{picture.name}.svg", picture.svg
            yield f"figures/{picture.name}.png", picture.png
    yield "README.md", readme(sections).encode()
    yield "report.html", page.html(sections).encode()


def readme(sections: Sequence[Section]) -> str:
    """The report as GitHub shows it in the folder."""
    filled = [part.filled for part in sections]
    parts = [f"# {prose.TITLE}", prose.opening(filled)]
    parts += [f"> {caution}" for caution in prose.cautions(filled)]
    parts.append("[report.html](report.html) has the same in one page, to be opened in a browser.")
    for part in sections:
        parts += _readme_section(part)
    return "\n\n".join([*parts, "## How to read this", *prose.READING]) + "\n"


def _readme_section(part: Section) -> Iterator[str]:
    declared = part.declaration
    pictures = [
        f"![{_md(picture.caption)}](figures/{picture.name}.svg)\n\n*{_md(picture.caption)}*"
        for picture in part.pictures
    ]
    yield f"## {declared.heading}"
    if declared.says:
        yield _md(declared.says)
    if declared.is_figure:
        yield from pictures
    yield tables.markdown(part.filled).strip()
    if part.verdicts:
        yield "**Sentences of the paper, tested**"
        yield "\n".join(
            f"- {MARKS[v.verdict]} **{v.verdict}**: {_md(v.claim)} {_md(v.sentence)}" for v in part.verdicts
        )
    if not declared.is_figure:
        yield from pictures
    lines = [f"- {name}: {_md('; '.join(values))}" for name, values in part.origin.lines()]
    if declared.command:
        lines.append(f"- to run it again: `{declared.command}`")
    yield "\n".join(lines)


def _terminal_table(filled: FilledTable) -> Table:
    """A line a row: the paper's value, then ours."""
    declared = filled.declaration
    table = Table(title=f"{declared.heading}. {declared.title}", title_justify="left", title_style="bold")
    table.add_column("")
    for column in declared.columns:
        table.add_column(Text(column.name), justify="right")
    for row in declared.rows:
        cells = [_terminal_cell(filled.cell(row.key, column.name), column) for column in declared.columns]
        table.add_row(Text(row.label, style="italic" if row.ours else ""), *cells)
    return table


def _terminal_cell(cell: Cell, column: DeclaredColumn) -> Text:
    """The paper's value, dim, over ours."""
    paper = "" if cell.paper is None else f"{theirs(cell, column)}\n"
    return Text.assemble((paper, "dim"), (ours(cell, column), "" if cell.mean is not None else "dim"))


def _terminal_verdict(verdict: Verdict) -> Text:
    word = f"{MARKS[verdict.verdict]} {verdict.verdict}"
    return Text.assemble((word, STYLES[verdict.verdict]), f"  {verdict.claim} ", (verdict.sentence, "dim"))


def _replace(path: Path, content: bytes) -> None:
    """Put a file in place whole, or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _md(text: str) -> str:
    """Text that Markdown takes as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|" else letter for letter in text)
