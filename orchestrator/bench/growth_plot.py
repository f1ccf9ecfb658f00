"""Costs on logarithmic axes, with the slopes of straight lines through them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

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
class Panel:
    """Several costs at the same sizes."""

    x: str
    y: str
    costs: Mapping[float, Mapping[str, float]]  # by size, ascending, and by what is measured

    @property
    def series(self) -> dict[str, Points]:
        """What is measured, and its cost at each size."""
        names = next(iter(self.costs.values()))
        return {name: tuple((size, cost[name]) for size, cost in self.costs.items()) for name in names}


def time_and_memory(
    what: str, x: str, costs: Mapping[float, Mapping[str, tuple[float, float]]]
) -> tuple[Panel, Panel]:
    """A panel of the seconds and one of the megabytes that `timing.cost` gave at each size."""
    seconds, megabytes = (
        {size: {name: cost[which] for name, cost in by_name.items()} for size, by_name in costs.items()}
        for which in (0, 1)
    )
    return Panel(x, f"{what}, s", seconds), Panel(x, f"{what}, MB", megabytes)


def exponent(points: Points) -> float:
    """The best k of cost ~ size^k: least squares on logarithms."""
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])


def figure(panels: Sequence[Panel]) -> Figure:
    """A plot of all panels."""
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
    for (name, points), colour, dash in zip(panel.series.items(), PALETTE, cycle(DASHES), strict=False):
        label = f"{name}: {exponent(points):.2f}"
        ax.plot(*zip(*points, strict=True), "o", markersize=4, linestyle=dash, color=colour, label=label)
    ax.set(xscale="log", yscale="log", xlabel=panel.x, ylabel=panel.y)
    ax.set_xticks(list(panel.costs))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_formatter(NullFormatter())
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    # Room above the lines for their names.
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** (0.2 * len(panel.series)))
    ax.legend(loc="upper left", fontsize=7.5, frameon=False, borderaxespad=0.1, labelspacing=0.25)
