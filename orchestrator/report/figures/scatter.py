"""A scatter plot: one column of a table against another, one point per row."""

import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox

from orchestrator.report.figures.label_placement import annotate
from orchestrator.report.figures.style import (
    Span,
    axis_label,
    column,
    empty_figure,
    freeze_layout,
    missing_rows,
    row_colours,
    style,
)
from orchestrator.schema.declaration import Declaration
from orchestrator.schema.plots import Scatter
from orchestrator.stats.aggregate import FilledTable

Source = Literal["paper", "ours"]


@dataclass(frozen=True)
class Point:
    """A row in a scatter plot: its position and one standard deviation over seeds."""

    key: str
    label: str
    source: Source
    x: float
    y: float
    dx: float = 0.0
    dy: float = 0.0


def scatter(declaration: Declaration, filled: FilledTable, plot: Scatter) -> tuple[Figure, str] | None:
    """Column `plot.y` against column `plot.x`, and a caption; None where no row has both values.

    The paper's values are hollow, ours filled, with error bars. At the paper's scale both share one panel. At
    any other scale they have a panel each, with axes of the same length, since only differences compare.
    """
    points = scatter_points(declaration, filled, plot)
    if not points:
        return None
    panels = _panels(points, together=declaration.comparable)
    with style():
        figure = empty_figure(height=1.0 + 2.4 * len(panels))
        axes = [figure.add_subplot(len(panels), 1, place + 1) for place in range(len(panels))]
        for ax, panel in zip(axes, panels, strict=True):
            _draw_points(ax, panel, row_colours([row.key for row in declaration.rows]))
            ax.set_ylabel(axis_label(column(declaration, plot.y)))
            if len(panels) > 1:
                ax.set_title(_panel_title(panel, declaration), loc="left", fontsize=10, fontweight="bold")
        axes[-1].set_xlabel(axis_label(column(declaration, plot.x)))
        _scale(axes, panels, plot, column(declaration, plot.x).human)
        renderer = freeze_layout(figure)
        for ax, panel in zip(axes, panels, strict=True):
            _label_points(ax, renderer, panel)
    return figure, _caption(filled, points, plot, len(panels))


def scatter_points(declaration: Declaration, filled: FilledTable, plot: Scatter) -> tuple[Point, ...]:
    """Every row that has both values, the paper's points before ours."""
    points = []
    for row in declaration.rows:
        x, y = filled.cell(row.key, plot.x), filled.cell(row.key, plot.y)
        if x.paper is not None and y.paper is not None:
            points.append(Point(row.key, row.label, "paper", x.paper, y.paper))
        if x.mean is not None and y.mean is not None:
            label = f"{row.label}{y.trained}"
            points.append(Point(row.key, label, "ours", x.mean, y.mean, x.std or 0.0, y.std or 0.0))
    return tuple(sorted(points, key=lambda point: point.source == "ours"))


def _caption(filled: FilledTable, points: Sequence[Point], plot: Scatter, panels: int) -> str:
    """Legend and missing rows."""
    shown = {point.key for point in points if point.source == "ours"}
    rows = [row for row in filled.declaration.rows if {plot.x, plot.y} <= row.cells.keys()]
    paper = " Hollow: the paper's values." if any(point.source == "paper" for point in points) else ""
    return (
        f"{plot.y} against {plot.x}.{paper} Filled: ours, mean over seeds; error bars are one standard "
        f"deviation.{' Both panels have the same scale.' if panels > 1 else ''}"
        f"{missing_rows(rows, shown, {row.key: filled.cell(row.key, plot.y).status for row in rows})}"
    )


def _panels(points: Sequence[Point], together: bool) -> list[tuple[Point, ...]]:
    sources = [tuple(point for point in points if point.source == source) for source in ("paper", "ours")]
    return [tuple(points)] if together else [panel for panel in sources if panel]


def _panel_title(panel: Sequence[Point], declaration: Declaration) -> str:
    return "Paper" if panel[0].source == "paper" else f"Ours ({declaration.scale} scale)"


def _draw_points(ax: Axes, points: Sequence[Point], inks: Mapping[str, str]) -> None:
    for point in points:
        ax.errorbar(
            point.x,
            point.y,
            xerr=point.dx or None,
            yerr=point.dy or None,
            fmt="o",
            markersize=7.5,
            markeredgewidth=1.6,
            color=inks[point.key],
            markerfacecolor=inks[point.key] if point.source == "ours" else "white",
            elinewidth=1.3,
            zorder=3,
        )
    for paper, ours in itertools.product(points, points):
        if (paper.key, paper.source, ours.source) == (ours.key, "paper", "ours"):
            ax.plot([paper.x, ours.x], [paper.y, ours.y], color=inks[ours.key], linewidth=0.9, zorder=2)


def _scale(axes: Sequence[Axes], panels: Sequence[Sequence[Point]], plot: Scatter, human: bool) -> None:
    """Limits, of the same length in every panel, and ticks."""
    across = _limits([_extent(panel, "x", plot.log_x) for panel in panels])
    up = _limits([_extent(panel, "y", log=False) for panel in panels])
    for ax, horizontal, vertical in zip(axes, across, up, strict=True):
        ax.set_ylim(vertical)
        if plot.log_x:
            _log_scale(ax, 10 ** horizontal[0], 10 ** horizontal[1])
        else:
            ax.set_xlim(horizontal)
        if human or plot.log_x:
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))


def _log_scale(ax: Axes, low: float, high: float) -> None:
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FixedLocator(_log_ticks(low, high)))
    ax.xaxis.set_minor_locator(NullLocator())


def _extent(points: Sequence[Point], axis: Literal["x", "y"], log: bool) -> Span:
    """The lowest and highest value including error bars, in decades if `log`."""
    values = [(point.x, point.dx) if axis == "x" else (point.y, point.dy) for point in points]
    if log:
        return math.log10(min(value for value, _ in values)), math.log10(max(value for value, _ in values))
    return min(value - bar for value, bar in values), max(value + bar for value, bar in values)


def _limits(extents: Sequence[Span], margin: float = 0.16) -> list[Span]:
    """A range for each panel: a common one where the values overlap, else ranges of equal length."""
    low, high = max(extent[0] for extent in extents), min(extent[1] for extent in extents)
    if low <= high:
        extents = [(min(extent[0] for extent in extents), max(extent[1] for extent in extents))] * len(
            extents
        )
    span = max(high - low for low, high in extents) or abs(extents[0][0]) / 10 or 1.0
    reach = span * (0.5 + margin)
    return [((low + high) / 2 - reach, (low + high) / 2 + reach) for low, high in extents]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high < 1000 * low else (1,)
    return [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]


def short_number(value: float) -> str:
    """A tick label: 12000000 as 12M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _label_points(ax: Axes, renderer: RendererAgg, points: Sequence[Point]) -> None:
    """Each row's name once per panel: beside our point where there is one."""
    named = {point.key: point for point in points}.values()
    names = [(textwrap.fill(point.label, 26), point.x, point.y) for point in named]
    annotate(ax, renderer, names, [box for point in points for box in _marks(ax, point)])


def _marks(ax: Axes, point: Point, radius: float = 6.0) -> tuple[Bbox, Bbox]:
    """The areas of a point's two error bars, in pixels."""
    across = [(point.x - point.dx, point.y), (point.x + point.dx, point.y)]
    upwards = [(point.x, point.y - point.dy), (point.x, point.y + point.dy)]
    return _box(ax, across).padded(radius), _box(ax, upwards).padded(radius)


def _box(ax: Axes, corners: Sequence[tuple[float, float]]) -> Bbox:
    return Bbox(ax.transData.transform(corners))
