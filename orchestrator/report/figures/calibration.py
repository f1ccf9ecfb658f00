"""Calibration of predicted scales: coverage of intervals, and error by predicted error."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.style import BLACK, Dash, empty_figure, row_colours, style

Floats = NDArray[np.float64]

PERCENT = 100.0
ALONE: Dash = (0, (3, 1.2))
"""Line style of the flow alone where the method's own density is a different one."""


@dataclass(frozen=True)
class _Line:
    """Calibration of one density of a row, one line of the arrays per seed."""

    label: str
    ink: str
    dash: Dash
    levels: Floats  # (M,)
    coverage: Floats  # (S, M)
    predicted: Floats  # (S, B) mean |error|, in units of the crop
    measured: Floats  # (S, B)


def coverage(rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """Coverage of central intervals, and its difference from their nominal level.

    Args:
        rows: probe results of a column that only models with a scale fill.
    """
    lines = tuple(_lines(rows))
    if not lines:
        return None
    with style():
        figure = empty_figure(height=6.6)
        whole, apart = figure.subplots(2, 1, height_ratios=[3, 2], sharex=True)
        for line in lines:
            _draw(whole, line, line.levels, line.coverage)
            _draw(apart, line, line.levels, line.coverage - line.levels)
        whole.plot([0, PERCENT], [0, PERCENT], color=BLACK, linewidth=0.9, linestyle=(0, (1, 1.5)))
        apart.axhline(0, color=BLACK, linewidth=0.9, linestyle=(0, (1, 1.5)))
        whole.set(xlim=(0, PERCENT), ylim=(0, PERCENT), ylabel="coverage (%)")
        apart.set(xlabel="nominal level of the interval (%)", ylabel="coverage − level (points)")
        whole.legend(loc="upper left", frameon=False, fontsize=9)
    caption = (
        "Coverage of the central intervals that each method predicts, per coordinate, against their nominal "
        "level; below, the difference in percentage points. On the dotted line the scale is calibrated, "
        f"below it too small. {_sample_note(rows)}"
    )
    return figure, caption


def error_by_scale(rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """Measured mean |error| against the mean predicted from scale and density, in bins of the latter."""
    lines = tuple(_lines(rows))
    if not lines:
        return None
    with style():
        figure = empty_figure(height=5.2)
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
        "Measured against predicted error per coordinate, in ten bins of equal counts by predicted error: "
        "the mean of |error| under the predicted density, which is σ times a constant of the density. Above "
        "the "
        f"dotted line the model is overconfident. {_sample_note(rows)}"
    )
    return figure, caption


def _lines(rows: Sequence[ProbeRow]) -> Iterator[_Line]:
    """A row's own density, and the flow alone where that is a different one."""
    inks = row_colours([row.key for row in rows])
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


def _sample_note(rows: Sequence[ProbeRow]) -> str:
    seeds = max(len(row.by_seed) for row in rows)
    keypoints = max(detail["keypoints"] for row in rows for detail in row.by_seed.values())
    ranges = f"mean and range over {seeds} seeds" if seeds > 1 else "one seed"
    return f"Up to {keypoints:,} keypoints of the validation set, no test-time augmentation; {ranges}."
