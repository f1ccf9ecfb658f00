"""From declarations and records to files: tables, figures, README.md and report.html."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pandas as pd

from orchestrator.report import figures, html, table_formats, text
from orchestrator.report.figures.probe_rows import Details
from orchestrator.report.readme import readme
from orchestrator.report.section import RenderedFigure, Section
from orchestrator.report.seed_table import seed_csv
from orchestrator.schema.declaration import Declaration
from orchestrator.schema.plots import Curves, Front, PartCurves, Plot, Scatter
from orchestrator.schema.record import Record
from orchestrator.stats import hypothesis_tests
from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.verdict import Verdict
from orchestrator.util.errors import UserError
from orchestrator.util.whole_file import write_whole

NO_DETAILS: Details = MappingProxyType({})


@dataclass(frozen=True)
class Report:
    """A written report.

    Args:
        folder: the report's folder.
        paths: every file in it.
        sections: one per table, with verdicts and figures.
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
    """A store of finished tables: a `tracking.Tracker`. Its errors are UserErrors."""

    def log_table(
        self, declaration: Declaration, frame: pd.DataFrame, files: Mapping[str, Path], verdicts_json: str
    ) -> None:
        """Store a table, its files by name, and its verdicts."""


def write(
    declarations: Sequence[Declaration],
    records: Mapping[str, Record],
    results: Path,
    details: Details = NO_DETAILS,
    remarks: Sequence[str] = (),
) -> Report:
    """Write the report of these tables from recorded runs alone.

    Everything is built before anything is written, and each file is replaced atomically, so that an
    interrupted call leaves the previous report. Equal arguments give equal bytes.

    Args:
        records: by fingerprint; jobs without a record were not run.
        results: the report's folder, created if missing.
        details: what probes recorded besides their metrics, by fingerprint.
        remarks: what of the records could not be written or read, in sentences.

    Raises:
        OSError: the folder can't be written to.
    """
    sections = tuple(section(declaration, records, details) for declaration in declarations)
    contents = dict(_files(sections, remarks))
    for folder in ("tables", "figures"):
        (results / folder).mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_whole(results / name, content)
    return Report(results, tuple(results / name for name in contents), sections)


def section(declaration: Declaration, records: Mapping[str, Record], details: Details) -> Section:
    """Fill one table, test its claims and draw its figures."""
    filled = table_formats.fill(declaration, records)
    return Section(
        filled=filled,
        verdicts=hypothesis_tests.judge(declaration, filled),
        figures=tuple(_render_figures(declaration, filled, records, details)),
        provenance=text.provenance(declaration, records),
        seed_values=seed_csv(declaration, records),
    )


def log(store: Store, report: Report) -> tuple[str, ...]:
    """Log each table, its files and its verdicts to the store, with its declaration; a sentence about each
    that could not be logged."""
    lost: list[str] = []
    for part in report.sections:
        stem = part.declaration.slug
        files = {
            path.relative_to(report.folder).as_posix(): path
            for path in report.paths
            if path.stem == stem or path.stem.startswith(f"{stem}_")
        }
        verdicts = json.dumps([asdict(verdict) for verdict in part.verdicts], indent=1)
        try:
            store.log_table(part.declaration, table_formats.frame(part.filled), files, verdicts)
        except UserError as error:
            lost.append(f"{part.declaration.heading} is in the report, but not in the store: {error}")
    return tuple(lost)


def _render_figures(
    declaration: Declaration, filled: FilledTable, records: Mapping[str, Record], details: Details
) -> Iterator[RenderedFigure]:
    for place, plot in enumerate(declaration.plots):
        drawn = figures.draw(plot, declaration, filled, records, details)
        if drawn is not None:
            figure, caption = drawn
            name = f"{declaration.slug}_{_stem(plot, place)}"
            yield RenderedFigure(name, figures.svg(figure), figures.png(figure), caption)


def _stem(plot: Plot, place: int) -> str:
    """The end of a figure's file name."""
    match plot:
        case Scatter() | Front():
            name = f"{plot.y}_by_{plot.x}"
        case Curves():
            name = f"{plot.key}_by_epoch"
        case PartCurves():
            name = f"{plot.row}_parts_by_epoch"
        case _:
            name = f"{plot.kind}_{place}"
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _files(sections: Sequence[Section], remarks: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file, the pages last."""
    for part in sections:
        stem = f"tables/{part.declaration.slug}"
        yield f"{stem}.md", table_formats.markdown(part.filled).encode()
        yield f"{stem}.csv", table_formats.csv(part.filled).encode()
        yield f"{stem}_seeds.csv", part.seed_values.encode()
        yield f"{stem}.tex", table_formats.latex(part.filled).encode()
        for figure in part.figures:
            yield f"figures/{figure.name}.svg", figure.svg
            yield f"figures/{figure.name}.png", figure.png
    yield "README.md", readme(sections, remarks).encode()
    yield "report.html", html.html(sections, remarks).encode()
