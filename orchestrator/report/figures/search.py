"""All trials of a search: the front of the best, what each field explains, and lines through their values."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from orchestrator.report.figures.label_placement import annotate
from orchestrator.report.figures.scatter import short_number
from orchestrator.report.figures.style import (
    BLUE,
    GRID,
    INK,
    ORANGE,
    axis_label,
    column,
    empty_figure,
    freeze_layout,
    style,
)
from orchestrator.schema.declaration import Declaration, Searched
from orchestrator.schema.plots import FieldImportance, Front, ParallelCoordinates
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.trials import TrialValue, importances, trial_values

PALE = "#8a8a8a"


def front(
    declaration: Declaration, filled: FilledTable, records: Mapping[str, Record], plot: Front
) -> tuple[Figure, str] | None:
    """Column `plot.y` against the logarithm of `plot.x`, and a caption; None where no trial has finished."""
    trials = [
        (one.trial.counted[plot.x], one.value)
        for one in trial_values(declaration, records, plot.y)
        if one.trial.finished and plot.x in one.trial.counted
    ]
    if not trials:
        return None
    fixed = _fixed_rows(declaration, filled, plot)
    ends = _front(trials, higher=column(declaration, plot.y).better != "lower")
    with style():
        figure = empty_figure(height=3.8)
        ax = figure.add_subplot()
        ax.scatter([x for x, _ in trials], [y for _, y in trials], s=22, color=PALE, zorder=2)
        ax.step([x for x, _ in ends], [y for _, y in ends], where="post", color=BLUE, linewidth=1.4, zorder=3)
        ax.scatter([x for x, _ in ends], [y for _, y in ends], s=36, color=BLUE, zorder=4)
        if fixed:
            ax.scatter([x for _, x, _ in fixed], [y for _, _, y in fixed], s=46, facecolor="white",
                       edgecolor=ORANGE, linewidth=1.6, zorder=5)  # fmt: skip
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
        ax.set_xlabel(axis_label(column(declaration, plot.x)))
        ax.set_ylabel(axis_label(column(declaration, plot.y)))
        annotate(ax, freeze_layout(figure), fixed, [])
    return figure, _front_caption(plot, len(trials), len(fixed))


def _fixed_rows(declaration: Declaration, filled: FilledTable, plot: Front) -> list[tuple[str, float, float]]:
    """Label, x and y of the rows that are no trials."""
    tried = {f"trial {trial.number}" for trial in (declaration.searched or Searched(fields=())).trials}
    cells = [
        (row.label, filled.cell(row.key, plot.x).mean, filled.cell(row.key, plot.y).mean)
        for row in declaration.rows
        if row.key not in tried
    ]
    return [(label, x, y) for label, x, y in cells if x is not None and y is not None]


def _front_caption(plot: Front, trials: int, fixed: int) -> str:
    grid = " Hollow: rows of the grid, means over seeds." if fixed else ""
    return (
        f"{plot.y} against {plot.x} of the {trials} trials that were trained to their end, one seed each. "
        f"Blue: those than which no other is better in both.{grid}"
    )


def _front(points: Sequence[tuple[float, float]], *, higher: bool) -> list[tuple[float, float]]:
    """The points than which none has a lower x and a better y, from left to right."""
    found: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1] if higher else point[1])):
        if not found or (y > found[-1][1] if higher else y < found[-1][1]):
            found.append((x, y))
    return found


def field_importance(
    declaration: Declaration, records: Mapping[str, Record], plot: FieldImportance
) -> tuple[Figure, str] | None:
    """A bar for each field, and a caption; None where too few trials tell."""
    found = trial_values(declaration, records, plot.key, first=True)
    shares = importances(declaration.searched, found) if declaration.searched is not None else {}
    if not shares:
        return None
    with style():
        figure = empty_figure(height=1.0 + 0.3 * len(shares))
        ax = figure.add_subplot()
        ax.barh(list(shares)[::-1], [100 * share for share in list(shares.values())[::-1]], color=BLUE)
        ax.set_xlabel(f"share of the variance of {plot.key} (%)")
        ax.grid(visible=False, axis="y")
    caption = (
        f"How much of the variance of {plot.key} each field explains by itself, by fANOVA on a random forest "
        f"of {len(found)} trials after their first rung. With few trials it is a hint, not a measurement."
    )
    return figure, caption


def parallel_coordinates(
    declaration: Declaration, records: Mapping[str, Record], plot: ParallelCoordinates
) -> tuple[Figure, str] | None:
    """A line per trial through the values of its fields to the metric; None where no trial has one."""
    found = trial_values(declaration, records, plot.key)
    searched = declaration.searched
    if searched is None or len(found) < 2:
        return None
    axes = [_places(searched, found, place) for place in range(len(searched.fields))]
    measured = np.array([one.value for one in found])
    axes.append((_scaled(measured), [f"{measured.min():.1f}", f"{measured.max():.1f}"], [0.0, 1.0]))
    heights = np.array([axis[0] for axis in axes])  # (F + 1, T)
    with style():
        figure = empty_figure(height=4.2)
        ax = figure.add_subplot()
        colours = colormaps["viridis"](Normalize()(measured))
        ended = np.array([1.6 if one.trial.finished else 0.7 for one in found])
        lines = [np.column_stack([np.arange(len(axes)), heights[:, t]]) for t in np.argsort(measured)]
        order = np.argsort(measured)
        ax.add_collection(LineCollection(lines, colors=colours[order], linewidths=ended[order], zorder=2))
        _draw_axes(ax, [*searched.fields, plot.key], [(texts, at) for _, texts, at in axes])
    caption = (
        f"One line per trial, through its values of the fields to its {plot.key} at the last rung that it "
        "reached; yellow is the best. Thick lines were trained to their end."
    )
    return figure, caption


Axis = tuple[np.ndarray, list[str], list[float]]
"""Heights of the trials from 0 to 1, and the ticks: texts and heights."""


def _places(searched: Searched, found: Sequence[TrialValue], place: int) -> Axis:
    values = [one.trial.values[place] for one in found]
    if not all(isinstance(value, int | float) for value in values):
        words = list(dict.fromkeys(map(str, values)))
        at = {word: (index + 0.5) / len(words) for index, word in enumerate(words)}
        return np.array([at[str(value)] for value in values]), words, list(at.values())
    numbers = np.array(values, float)
    heights = _scaled(np.log(numbers) if searched.fields[place] in searched.log else numbers)
    return heights, [f"{numbers.min():g}", f"{numbers.max():g}"], [0.0, 1.0]


def _scaled(numbers: np.ndarray) -> np.ndarray:
    span = numbers.max() - numbers.min()
    return (numbers - numbers.min()) / span if span else np.full(len(numbers), 0.5)


def _draw_axes(ax: Axes, names: Sequence[str], ticks: Sequence[tuple[list[str], list[float]]]) -> None:
    for place, (texts, heights) in enumerate(ticks):
        ax.axvline(place, color=GRID, zorder=1)
        for text, height in zip(texts, heights, strict=True):
            side = "top" if height == 0 else "bottom" if height == 1 else "center"
            box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1}
            ax.text(place, height, text, ha="center", va=side, fontsize=7, color=INK, bbox=box, zorder=3)
    ax.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=8)
    ax.set_yticks([])
    ax.set_xlim(-0.3, len(names) - 0.7)
    ax.set_ylim(-0.08, 1.08)
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
