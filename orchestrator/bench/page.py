"""What machines measured, side by side: one page, and beside it a file of each machine's numbers."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from orchestrator.bench.processor import machine
from orchestrator.bench.result import Finding, Grid
from orchestrator.report.figures.style import png
from orchestrator.util import provenance
from orchestrator.util.errors import UserError

INTRODUCTION = (
    "Measured by `rle-lab bench`, one thread. Times are medians over rounds in which the contestants take "
    "turns, CPU seconds where there is no GPU. A ratio is the median of the ratios within a round; above 1 "
    "is faster than the baseline."
)


@dataclass(frozen=True)
class Part:
    """One part of the benchmark as one machine measured it."""

    description: str
    commit: str
    others: float | None  # share of the processors that other programs used; None where it isn't known
    grids: tuple[Grid, ...]
    plots: tuple[str, ...] = ()  # names of files beside the page


@dataclass(frozen=True)
class Machine:
    """All that one machine measured, by part."""

    name: str
    parts: Mapping[str, Part]


MACHINE = TypeAdapter(Machine)


def write(findings: Iterable[tuple[Finding, float | None]], path: Path) -> None:
    """Add what this machine measured to the page at `path`, in place of what it measured of that before.

    Args:
        findings: what was measured, with the share of the processors that other programs used meanwhile.
        path: the page; numbers and plots of each machine lie beside it, in files that begin with its name.

    Raises:
        UserError: one of these files is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {found.name: found for found in _read(path)}
    commit = provenance.commit()  # before files are written, which make a checkout differ from it
    own = known.get(machine(), Machine(machine(), {}))
    new = {finding.name: _part(finding, others, commit, path) for finding, others in findings}
    known[own.name] = replace(own, parts={**own.parts, **new})
    _beside(path, ".json").write_bytes(MACHINE.dump_json(known[own.name], indent=1))
    path.write_text(markdown(list(known.values())))


def markdown(machines: Sequence[Machine]) -> str:
    """The page: each part with all machines side by side, where there are several, then one by one."""
    sections = ["# Benchmarks", INTRODUCTION]
    for part in dict.fromkeys(name for one in machines for name in one.parts):
        measured = {one.name: one.parts[part] for one in machines if part in one.parts}
        sections += [f"## {part}", next(reversed(measured.values())).description]
        sections += [_table(grid) for grid in _side_by_side(measured)]
        for name, own in measured.items():
            sections += [f"### {part} on {name}", _circumstances(own)]
            sections += [_table(grid) for grid in own.grids]
            sections += [f"![{Path(plot).stem}]({plot})" for plot in own.plots]
    return "\n\n".join(sections) + "\n"


def _read(path: Path) -> Iterable[Machine]:
    for file in sorted(path.parent.glob(f"{path.stem}_*.json")):
        try:
            yield MACHINE.validate_json(file.read_bytes())
        except ValidationError as error:
            problem = f"{file}: these are no benchmark results. Move the file away, or delete it"
            raise UserError(problem, code="no-benchmarks") from error


def _part(finding: Finding, others: float | None, commit: str, path: Path) -> Part:
    plots = []
    for stem, figure in finding.plots.items():
        file = _beside(path, f"_{stem}.png")
        file.write_bytes(png(figure))
        plots.append(file.name)
    return Part(finding.description, commit, others, finding.grids, tuple(plots))


def _beside(path: Path, ending: str) -> Path:
    name = re.sub("[^a-z0-9]+", "-", machine().lower()).strip("-")
    return path.with_name(f"{path.stem}_{name}{ending}")


def _side_by_side(measured: Mapping[str, Part]) -> list[Grid]:
    """Of each compared column, its values on every machine; rows that a machine lacks are empty there."""
    if len(measured) < 2:
        return []
    titles = {grid.title: grid for part in measured.values() for grid in part.grids if grid.compared}
    return [_compared(grid, measured) for grid in titles.values()]


def _compared(form: Grid, measured: Mapping[str, Part]) -> Grid:
    columns = {
        name: {row[: grid.keys]: row[grid.columns.index(grid.compared)] for row in grid.rows}
        for name, part in measured.items()
        for grid in part.grids
        if grid.title == form.title
    }
    keys = dict.fromkeys(key for cells in columns.values() for key in cells)
    rows = tuple((*key, *(cells.get(key, "") for cells in columns.values())) for key in keys)
    title = f"{form.title}: {form.compared} by machine"
    return Grid(title, (*form.columns[: form.keys], *columns), rows, form.keys)


def _circumstances(part: Part) -> str:
    if part.others is None:
        return f"Commit {part.commit}."
    return f"Commit {part.commit}; other programs used {100 * part.others:.0f} % of the processors meanwhile."


def _table(grid: Grid) -> str:
    rule = (*(":---" for _ in range(grid.keys)), *("---:" for _ in grid.columns[grid.keys :]))
    lines = [grid.columns, rule, *grid.rows]
    body = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
    return f"**{grid.title}**\n\n{body}"
