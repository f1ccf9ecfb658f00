"""A metric by epoch: one line per row, the mean over seeds in a band from lowest to highest."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from orchestrator.report.figures.label_placement import spread
from orchestrator.report.figures.style import (
    Dash,
    Span,
    axis_label,
    empty_figure,
    freeze_layout,
    line_styles,
    missing_rows,
    row_colours,
    style,
)
from orchestrator.schema.declaration import Declaration, DeclaredRow
from orchestrator.schema.plots import Curves, PartCurves
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import Cell, FilledTable, fill
from orchestrator.stats.collapse import collapsed

History = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Line:
    """A row in a plot by epoch: runs that trained, and runs that diverged or collapsed, as (epoch, value)."""

    key: str
    label: str
    trained: tuple[History, ...]
    lost: tuple[History, ...]

    def by_epoch(self) -> dict[int, tuple[float, ...]]:
        """The values of the runs that trained, at the epochs that all of them measured."""
        runs = [dict(run) for run in self.trained]
        shared = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
        return {epoch: tuple(run[epoch] for run in runs) for epoch in shared}


def curves(
    declaration: Declaration, records: Mapping[str, Record], plot: Curves
) -> tuple[Figure, str] | None:
    """Metric `plot.key` by epoch, and a caption; None where no run has a history of the metric.

    One line per row, labelled at its end: the mean over seeds and its range. Runs that diverged or collapsed
    are drawn thin, each to the epoch where it ended, and do not affect the axis limits. A row without any
    other run has a label that says so, and no leader to it.
    """
    lines = curve_lines(declaration, records, plot)
    if not lines:
        return None
    inks = row_colours([row.key for row in declaration.rows])
    strokes = line_styles(inks)
    with style():
        figure = empty_figure(height=max(3.6, 1.2 + 0.28 * len(lines)))
        ax = figure.add_subplot()
        for line in lines:
            _draw_line(ax, line, inks[line.key], strokes[line.key])
        ax.autoscale(False)
        for line in lines:
            _draw_lost(ax, line, inks[line.key])
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylabel(_metric_label(declaration, plot.key))
        _label_ends(figure, ax, lines, inks)
    return figure, _caption(fill(declaration, records), lines, plot)


def part_curves(
    declaration: Declaration, records: Mapping[str, Record], plot: PartCurves
) -> tuple[Figure, str] | None:
    """Several metrics of one row by epoch, and a caption; None where no run of it has their histories."""
    lines = part_lines(declaration, records, plot)
    if not lines:
        return None
    inks = row_colours([line.key for line in lines])
    strokes = line_styles(inks)
    with style():
        figure = empty_figure(height=3.6)
        ax = figure.add_subplot()
        for line in lines:
            _draw_line(ax, line, inks[line.key], strokes[line.key])
        ax.set_yscale("log")
        ax.autoscale(enable=False)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylabel(plot.axis)
        _label_ends(figure, ax, lines, inks)
    seeds = max(len(line.trained) for line in lines)
    band = "; the band spans the lowest to the highest seed" if seeds > 1 else ""
    return figure, f"{plot.title or plot.axis} of {plot.row} by epoch: mean over seeds{band}."


def part_lines(declaration: Declaration, records: Mapping[str, Record], plot: PartCurves) -> tuple[Line, ...]:
    """A line for each metric, of the row's runs that finished, did not collapse and measured it."""
    collapses = collapsed(declaration, records)
    row = next((row for row in declaration.rows if row.key == plot.row), None)
    cells = () if row is None else row.cells.values()
    fingerprints = dict.fromkeys(fp for cell in cells for fp in cell.fingerprints)
    runs = [records[fp] for fp in fingerprints if fp in records and fp not in collapses]
    well = [
        run for run in runs if run.status == "finished" and run.data in ("", *declaration.data_fingerprints)
    ]
    lines = []
    for key, label in zip(plot.keys, plot.labels, strict=True):
        found = tuple(h for run in well if (h := _positive(run.history.get(key, ()))))
        if found:
            lines.append(Line(label, label, found, ()))
    return tuple(lines)


def _positive(history: History) -> History:
    """What a log scale has room for."""
    return tuple((epoch, value) for epoch, value in history if math.isfinite(value) and value > 0)


def curve_lines(declaration: Declaration, records: Mapping[str, Record], plot: Curves) -> tuple[Line, ...]:
    """Every row with a run that measured `plot.key` on the declared data, in table order."""
    usable = {
        fingerprint: record
        for fingerprint, record in records.items()
        if plot.key in record.history and (not record.data or record.data in declaration.data_fingerprints)
    }
    collapses, filled = collapsed(declaration, records), fill(declaration, records)
    lines = []
    for row in declaration.rows:
        fingerprints = dict.fromkeys(fp for cell in row.cells.values() for fp in cell.fingerprints)
        runs = [usable[fingerprint] for fingerprint in fingerprints if fingerprint in usable]
        lost = [run for run in runs if run.status == "diverged" or run.fingerprint in collapses]
        well = [run for run in runs if run.status == "finished" and run.fingerprint not in collapses]
        label = row.label + _suffix(_plotted_cell(filled, row, plot.key))
        line = Line(row.key, label, _histories(well, plot), _histories(lost, plot))
        if line.by_epoch() or line.lost:
            lines.append(line)
    return tuple(lines)


def _plotted_cell(filled: FilledTable, row: DeclaredRow, key: str) -> Cell:
    """The cell of a row that prints a metric; a blank one where none does."""
    names = (column.name for column in filled.declaration.columns)
    printed = (name for name in names if name in row.cells and row.cells[name].key == key)
    return next((filled.cell(row.key, name) for name in printed), Cell())


def _suffix(cell: Cell) -> str:
    """What a label adds where runs diverged or collapsed."""
    if not cell.lost:
        return ""
    return f" ({' or '.join(dict.fromkeys(cell.lost))})" if cell.mean is None else cell.trained


def _caption(filled: FilledTable, lines: Sequence[Line], plot: Curves) -> str:
    """Legend and missing rows."""
    declaration = filled.declaration
    title = plot.title or f"{_metric_label(declaration, plot.key)} by epoch"
    lost = any(line.lost for line in lines)
    thin = " Thin dashed lines ending in a cross: runs that diverged or collapsed." if lost else ""
    statuses = {row.key: _plotted_cell(filled, row, plot.key).status for row in declaration.rows}
    return (
        f"{title}: mean over seeds; the band spans the lowest to the highest seed.{thin}"
        f"{missing_rows(declaration.rows, {line.key for line in lines}, statuses)}"
    )


def _metric_label(declaration: Declaration, key: str) -> str:
    """The label of the column that prints this metric, or else its own name."""
    printed = {
        cell.key: axis_label(column)
        for column in declaration.columns
        for row in declaration.rows
        if (cell := row.cells.get(column.name))
    }
    return printed.get(key, key)


def _histories(runs: Iterable[Record], plot: Curves) -> tuple[History, ...]:
    finite = (
        tuple((epoch, value) for epoch, value in run.history[plot.key] if math.isfinite(value))
        for run in runs
    )
    return tuple(history for history in finite if history)


def _draw_line(ax: Axes, line: Line, ink: str, dash: Dash) -> None:
    values = line.by_epoch()
    if not values:
        return
    mean = [fmean(at_epoch) for at_epoch in values.values()]
    marker = "o" if len(values) == 1 else None
    ax.plot(list(values), mean, color=ink, linestyle=dash, linewidth=1.8, marker=marker)
    low, high = [min(at) for at in values.values()], [max(at) for at in values.values()]
    ax.fill_between(list(values), low, high, color=ink, alpha=0.13, linewidth=0)


def _draw_lost(ax: Axes, line: Line, ink: str) -> None:
    for run in line.lost:
        ax.plot(*zip(*run, strict=True), color=ink, linewidth=0.9, linestyle=(0, (2, 1.5)))
        last_epoch, last = run[-1]
        bottom, top = ax.get_ylim()
        ax.plot(last_epoch, min(max(last, bottom), top), "x", color=ink, markersize=8, clip_on=False)


def _label_ends(figure: Figure, ax: Axes, lines: Sequence[Line], inks: Mapping[str, str]) -> None:
    """Names to the right of the axes, without overlaps, each connected to the end of its line, if any."""
    ends = [_end(line, ax.get_ylim()) for line in lines]
    names = [
        ax.text(
            1.05, 0.5, textwrap.fill(line.label, 30), transform=ax.transAxes, va="center", parse_math=False
        )
        for line in lines
    ]
    renderer = freeze_layout(figure)
    pixels = [float(ax.transData.transform(end)[1]) for end in ends]
    heights = [name.get_window_extent(renderer).height + 2 for name in names]
    frame = ax.bbox
    for name, line, end, y in zip(
        names, lines, ends, spread(pixels, heights, frame.y0, frame.y1), strict=True
    ):
        up = (y - frame.y0) / frame.height
        name.set_y(up)
        if not line.by_epoch():
            continue
        start = ax.transAxes.inverted().transform(ax.transData.transform(end))
        ax.plot(
            [start[0], 1.025, 1.042],
            [start[1], up, up],
            color=inks[line.key],
            linewidth=1.1,
            transform=ax.transAxes,
            clip_on=False,
        )


def _end(line: Line, limits: Span) -> tuple[float, float]:
    """The end of a line in data coordinates, clipped to the axes."""
    values = line.by_epoch()
    if values:
        epoch = max(values)
        return epoch, fmean(values[epoch])
    epoch, value = line.lost[0][-1]
    return epoch, min(max(value, limits[0]), limits[1])
