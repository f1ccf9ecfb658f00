"""Costs on logarithmic axes, with the slopes of straight lines through them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from orchestrator.report.figures.style import DASHES, PALETTE, empty_figure, style

Points = tuple[tuple[float, float], ...]
"""Size and cost, sizes ascending, both positive."""

COLUMNS = 2
PANEL_HEIGHT = 2.3  # inches


@dataclass(frozen=True)
class Series:
    """How one cost grows."""

    name: str
    points: Points


@dataclass(frozen=True)
class Panel:
    """Costs that share their axes and their sizes."""

    x: str
    y: str
    series: tuple[Series, ...]


def exponent(points: Points) -> float:
    """k of the cost ~ size^k that fits best: least squares on logarithms."""
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])


def figure(panels: Sequence[Panel]) -> Figure:
    """A plot with a panel each."""
    rows = -(-len(panels) // COLUMNS)
    with style():
        drawn = empty_figure(height=PANEL_HEIGHT * rows)
        axes = drawn.subplots(rows, COLUMNS, squeeze=False).flatten()
        for ax, panel in zip(axes, panels, strict=False):
            _draw(ax, panel)
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
    return drawn


def _draw(ax: Axes, panel: Panel) -> None:
    for index, series in enumerate(panel.series):
        x, y = zip(*series.points, strict=True)
        label = f"{series.name}: {exponent(series.points):.2f}"
        ax.plot(
            x, y, "o", markersize=4, linestyle=DASHES[index % len(DASHES)], color=PALETTE[index], label=label
        )
    ax.set(xscale="log", yscale="log", xlabel=panel.x, ylabel=panel.y)
    ax.set_xticks([x for x, _ in panel.series[0].points])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_formatter(NullFormatter())
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    # Room above the lines for their names.
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** (0.2 * len(panel.series)))
    ax.legend(loc="upper left", fontsize=7.5, frameon=False, borderaxespad=0.1, labelspacing=0.25)
