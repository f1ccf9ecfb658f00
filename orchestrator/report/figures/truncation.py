"""Figure 2: people in truncated boxes, and errors inside and outside the box by truncation."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from orchestrator.report.figures import draw_skeleton
from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.style import BLUE, WIDTH, empty_figure, line_styles, row_colours, style
from orchestrator.schema.plots import TruncatedPeople, TruncationErrors
from orchestrator.util.jpeg_text import from_text

Floats = NDArray[np.float64]
Detail = dict[str, Any]

_LABELLED = "ground truth"
_VEIL = 0.72  # opacity of the white over what the models do not see
_NAME, _FOOT, _GAP = 0.22, 0.3, 0.04  # inches beside and below the panels, and between them
_MISSING = "#6f6f6f"

_ACROSS = {"left": "width", "right": "width", "above": "height", "below": "height"}
_FROM = {"left": "from the left", "right": "from the right", "above": "from above", "below": "from below"}


def truncated_people(plot: TruncatedPeople, rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """The people that the probes selected, one column each: the labels, then each row's predictions.

    Every row shows its first seed. None without results or without people to draw.
    """
    selected = [row for key in plot.rows for row in rows if row.key == key]
    details = [row.by_seed[min(row.by_seed)] for row in selected]
    if not details or not details[0]["drawn"]["people"]:
        return None
    with style():
        figure = _panels([_LABELLED, *(row.label for row in selected)], [details[0], *details])
    seeds = sorted({min(row.by_seed) for row in selected})
    return figure, _people_caption(details[0], [row.label for row in selected], seeds)


def _panels(names: Sequence[str], details: Sequence[Detail]) -> Figure:
    """A row of panels for each name; the first shows the labels."""
    people = details[0]["drawn"]["people"]
    height, width = from_text(people[0]["picture"]).shape[:2]
    side = (WIDTH - _NAME - _GAP * len(people)) / max(len(people), 4)
    tall = side * height / width
    figure = Figure(figsize=(WIDTH, len(names) * (tall + _GAP) + _FOOT))
    for down, (name, detail) in enumerate(zip(names, details, strict=True)):
        bottom = _FOOT + (len(names) - 1 - down) * (tall + _GAP)
        for across, person in enumerate(detail["drawn"]["people"]):
            box = (_NAME + across * (side + _GAP), bottom, side, tall)
            ax = figure.add_axes((np.array(box) / np.tile(figure.get_size_inches(), 2)).tolist())
            _draw_person(ax, person, detail, truth=down == 0)
            if across == 0:
                ax.set_ylabel(name, fontsize=9, labelpad=3)
    figure.legend(handles=_marks(), loc="lower center", ncols=4, frameon=False, fontsize=8, handlelength=1.4)
    return figure


def _draw_person(ax: Axes, person: Detail, detail: Detail, *, truth: bool) -> None:
    """One panel. Coordinates are fractions of the full box's crop; pixel i of n lies at i / n."""
    picture = from_text(person["picture"])
    half = 0.5 / np.array(picture.shape[1::-1])
    ax.imshow(picture, extent=(-half[0], 1 - half[0], 1 - half[1], -half[1]), aspect="auto")
    ax.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    (x1, y1), (x2, y2) = person["box"]
    if not truth:
        ax.add_patch(
            Rectangle(*_hidden(detail["edge"], x1, y1, x2, y2), color="white", alpha=_VEIL, linewidth=0)
        )
    ax.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=BLUE, linewidth=1.3))
    points = np.array(person["truth" if truth else "found"], np.float64)
    if truth:
        points[~np.array(person["labelled"])] = np.nan
    drawn = detail["drawn"]
    draw_skeleton.predicted(ax, points, drawn["limbs"], drawn["sides"], np.ones(len(points)))


def _hidden(
    edge: str, x1: float, y1: float, x2: float, y2: float
) -> tuple[tuple[float, float], float, float]:
    """The part of a panel that is cut off: corner, width and height."""
    return {
        "left": ((0.0, 0.0), x1, 1.0),
        "right": ((x2, 0.0), 1 - x2, 1.0),
        "above": ((0.0, 0.0), 1.0, y1),
        "below": ((0.0, y2), 1.0, 1 - y2),
    }[edge]


def _marks() -> list[Line2D]:
    sides = [
        Line2D([], [], color=colour, linewidth=2, label=side)
        for side, colour in draw_skeleton.COLOURS.items()
    ]
    return [*sides, Line2D([], [], color=BLUE, linewidth=1.3, label="truncated box")]


def _people_caption(detail: Detail, names: Sequence[str], seeds: Sequence[int]) -> str:
    edge, drawn = detail["edge"], detail["drawn"]
    return (
        f"People of the validation set in boxes truncated by {drawn['cut']:.0%} of their {_ACROSS[edge]} "
        f"{_FROM[edge]}: ground truth, then {', '.join(names)} (seed {', '.join(map(str, seeds))}). The "
        "models see black instead of the faded part. Selected by labels alone, evenly over the set."
    )


def truncation_errors(plot: TruncationErrors, rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """Mean errors by truncation, on one scale: joints inside the box, and joints outside it."""
    if not rows:
        return None
    inks = _inks(rows)
    strokes = line_styles(inks)
    first = next(iter(rows[0].by_seed.values()))
    with style():
        figure = empty_figure(height=3.9)
        inside, outside = figure.subplots(1, 2, sharey=True)
        for row in rows:
            _draw_line(inside, row, "inside", color=inks[row.key], linestyle=strokes[row.key])
            _draw_line(outside, row, "outside", color=inks[row.key], linestyle=strokes[row.key])
        outside.plot(first["cuts"], _numbers(first["off crop"]), color=_MISSING, linewidth=1.1, linestyle=":")
        for ax, title in ((inside, "joints inside the box"), (outside, "joints outside the box")):
            ax.set_title(title, fontsize=10)
            ax.set_xlabel(f"truncated {_FROM[first['edge']]}")
            ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            ax.set_xlim(left=0)
        inside.set_ylim(bottom=0)
        inside.set_ylabel("mean error (% of the box diagonal)")
        figure.legend(
            handles=_lines(rows, inks, strokes),
            loc="outside lower center",
            ncols=2,
            frameon=False,
            fontsize=9,
        )
    return figure, _errors_caption(first, rows)


def _inks(rows: Sequence[ProbeRow]) -> dict[str, str]:
    """Rows of one method (the part of the key before the comma) share a colour."""
    methods = list(dict.fromkeys(_method(row) for row in rows))
    by_method = row_colours(methods)
    return {row.key: by_method[_method(row)] for row in rows}


def _method(row: ProbeRow) -> str:
    return row.key.split(",")[0]


def _draw_line(ax: Axes, row: ProbeRow, name: str, **look: Any) -> None:
    """The mean over seeds and its range."""
    details = list(row.by_seed.values())
    runs = np.array([_numbers(detail[name]) for detail in details])
    cuts = details[0]["cuts"]
    ax.plot(cuts, runs.mean(0), linewidth=1.8, **look)
    ax.fill_between(cuts, runs.min(0), runs.max(0), color=look["color"], alpha=0.13, linewidth=0)


def _numbers(values: Sequence[float | None]) -> Floats:
    """NaN, which is not drawn, where no joint was measured."""
    return np.array([np.nan if value is None else value for value in values])


def _lines(rows: Sequence[ProbeRow], inks: dict[str, str], strokes: dict[str, Any]) -> list[Line2D]:
    methods = [
        Line2D([], [], color=inks[row.key], linestyle=strokes[row.key], linewidth=1.8, label=row.label)
        for row in rows
    ]
    reach = "distance from joint to crop edge"
    return [*methods, Line2D([], [], color=_MISSING, linewidth=1.1, linestyle=":", label=reach)]


def _errors_caption(detail: Detail, rows: Sequence[ProbeRow]) -> str:
    seeds = max(len(row.by_seed) for row in rows)
    spread = f"mean over {seeds} seeds, the band spans the lowest to the highest" if seeds > 1 else "one seed"
    whole = [f"{row.label} {fmean(_whole(row)):.1f}" for row in rows if _whole(row)]
    edge = detail["edge"]
    return (
        f"Mean error of labelled joints of {detail['people']:,} people, in percent of the full box's "
        f"diagonal, "
        f"by the fraction of its {_ACROSS[edge]} that is cut off {_FROM[edge]}; {spread}. Dotted: distance "
        "of the outside joints from the crop, a lower bound for heatmaps, which end there. In the full box, "
        "the "
        f"joints outside at {detail['cuts'][-1]:.0%} have errors of: {', '.join(whole)}."
    )


def _whole(row: ProbeRow) -> list[float]:
    """Full-box errors of the joints that the largest truncation removes, one per seed."""
    values = [detail["outside, uncut"][-1] for detail in row.by_seed.values()]
    return [value for value in values if value is not None]
