"""Whether predicted scales are right: coverage of intervals, and error by predicted error."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from orchestrator.report.figures.probe_rows import Seen
from orchestrator.report.figures.style import BLACK, Dash, blank, colours, style

Floats = NDArray[np.float64]

PERCENT = 100.0
ALONE: Dash = (0, (3, 1.2))
"""The stroke of the flow alone where the method's own density is another."""


@dataclass(frozen=True)
class _Line:
    """What probes of a row found about one of its densities: a row a seed."""

    label: str
    ink: str
    dash: Dash
    levels: Floats  # (M,)
    coverage: Floats  # (S, M)
    predicted: Floats  # (S, B) mean |error|, in units of the crop
    measured: Floats  # (S, B)


def coverage(rows: Sequence[Seen]) -> tuple[Figure, str] | None:
    """The share of truths inside central intervals, and how far it is from their level.

    Args:
        rows: seen through a column that models without a scale don't fill.
    """
    lines = tuple(_lines(rows))
    if not lines:
        return None
    with style():
        figure = blank(height=6.6)
        whole, apart = figure.subplots(2, 1, height_ratios=[3, 2], sharex=True)
        for line in lines:
            _draw(whole, line, line.levels, line.coverage)
            _draw(apart, line, line.levels, line.coverage - line.levels)
        whole.plot([0, PERCENT], [0, PERCENT], color=BLACK, linewidth=0.9, linestyle=(0, (1, 1.5)))
        apart.axhline(0, color=BLACK, linewidth=0.9, linestyle=(0, (1, 1.5)))
        whole.set(xlim=(0, PERCENT), ylim=(0, PERCENT), ylabel="truths inside (%)")
        apart.set(xlabel="nominal level of the interval (%)", ylabel="inside − level (points)")
        whole.legend(loc="upper left", frameon=False, fontsize=9)
    caption = (
        "Share of truths inside the central intervals that each method predicts, by coordinate, against "
        "their level; below, the difference, in percentage points. On the dotted line a scale is right, "
        f"below it too small. {_of(rows)}"
    )
    return figure, caption


def error_by_scale(rows: Sequence[Seen]) -> tuple[Figure, str] | None:
    """Mean |error| against the one that the predicted scale and density promise, in bins of the latter."""
    lines = tuple(_lines(rows))
    if not lines:
        return None
    with style():
        figure = blank(height=5.2)
        ax = figure.add_subplot()
        for line in lines:
            _draw(ax, line, line.predicted.mean(0), line.measured, marker="o")
        everything = [values for line in lines for values in (line.predicted, line.measured)]
        low, high = min(v.min() for v in everything) * PERCENT, max(v.max() for v in everything) * PERCENT
        ax.plot([low, high], [low, high], color=BLACK, linewidth=0.9, linestyle=(0, (1, 1.5)), label="equal")
        ax.set(xscale="log", yscale="log")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
        ax.set_xlabel("predicted mean |error| (% of the crop's side)")
        ax.set_ylabel("measured mean |error| (% of the crop's side)")
        ax.legend(loc="upper left", frameon=False, fontsize=9)
    caption = (
        "Measured against predicted error of a coordinate, in ten bins of equal counts by what is predicted: "
        "the mean of |error| under the predicted density, which is σ times a constant of the density. Above "
        f"the dotted line the model is too sure of itself. {_of(rows)}"
    )
    return figure, caption


def _lines(rows: Sequence[Seen]) -> Iterator[_Line]:
    """A row's own density, and the flow alone where that is another."""
    inks = colours([row.key for row in rows])
    for row in rows:
        details = list(row.by_seed.values())
        own = details[0]["own"]
        for name in details[0]["curves"]:
            curves = [detail["curves"][name] for detail in details]
            yield _Line(
                row.label if name == own else f"{row.label}, flow alone",
                inks[row.key],
                "-" if name == own else ALONE,
                np.array(details[0]["levels"]),
                *(
                    np.array([curve[key] for curve in curves])
                    for key in ("coverage", "predicted", "measured")
                ),
            )


def _draw(ax: Axes, line: _Line, x: Floats, y: Floats, marker: str = "") -> None:
    """The mean over seeds (S, M) and its range, both axes in percent."""
    across, up = PERCENT * x, PERCENT * y
    ax.plot(
        across,
        up.mean(0),
        color=line.ink,
        linestyle=line.dash,
        linewidth=1.7,
        marker=marker,
        markersize=4.5,
        label=line.label,
    )
    ax.fill_between(across, up.min(0), up.max(0), color=line.ink, alpha=0.15, linewidth=0)


def _of(rows: Sequence[Seen]) -> str:
    seeds = max(len(row.by_seed) for row in rows)
    keypoints = max(detail["keypoints"] for row in rows for detail in row.by_seed.values())
    ranges = f"mean and range over {seeds} seeds" if seeds > 1 else "one seed"
    return f"Up to {keypoints:,} keypoints of the validation set, looked at once; {ranges}."
