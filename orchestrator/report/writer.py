"""From declarations and records to files: tables, figures, README.md and report.html."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import pandas as pd

from orchestrator.report import figures, html, table_formats, text
from orchestrator.report.figures.probe_rows import Details, seen
from orchestrator.report.readme import readme
from orchestrator.report.section import Picture, Section
from orchestrator.schema.declaration import Declaration
from orchestrator.schema.plots import Curves, Scatter, drawn_from
from orchestrator.schema.record import Record
from orchestrator.stats import hypothesis_tests
from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.hypothesis_tests import Verdict

NOTHING: Details = MappingProxyType({})


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
    filled = table_formats.fill(declaration, records)
    return Section(
        filled=filled,
        verdicts=hypothesis_tests.judge(declaration, filled),
        pictures=tuple(_pictures(declaration, filled, records, details)),
        origin=text.origin(declaration, records),
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
        store.log_table(part.declaration, table_formats.frame(part.filled), files, verdicts)


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
        yield f"{stem}.md", table_formats.markdown(part.filled).encode()
        yield f"{stem}.csv", table_formats.csv(part.filled).encode()
        yield f"{stem}.tex", table_formats.latex(part.filled).encode()
        for picture in part.pictures:
            yield f"figures/{picture.name}.svg", picture.svg
            yield f"figures/{picture.name}.png", picture.png
    yield "README.md", readme(sections).encode()
    yield "report.html", html.html(sections).encode()


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
