"""Heat maps of errors under occlusion: of one method, or the difference of two.

Shapes: G groups of joints; a table of errors is (G, G): rows are occluded groups, columns measured ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.style import BLACK, INK, empty_figure, row_colours, style
from orchestrator.schema.plots import ErrorMatrix, MatrixDifference

Floats = NDArray[np.float64]

PALE = "#ffffff"


@dataclass(frozen=True)
class _Errors:
    """Results of the occlusion probes, averaged over seeds."""

    groups: tuple[str, ...]
    table: Floats  # (G, G) mm
    unoccluded: Floats  # (G,) mm
    pictures: int
    square: float  # its side as a share of the crop's
    seeds: int

    @property
    def sample_note(self) -> str:
        """The last sentence of a caption."""
        seeds = f"mean over {self.seeds} seeds" if self.seeds > 1 else "one seed"
        return f"{self.pictures:,} images, squares of {self.square:.0%} of the crop's side, {seeds}."


def error_matrix(plot: ErrorMatrix, rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """Every error in mm, shaded by its increase over the unoccluded error of the same joints.

    Args:
        rows: probe results of `plot.column`; the rows share them, so the first one is enough.
    """
    if not rows:
        return None
    found = _mean(list(rows[0].by_seed.values()))
    values = np.vstack([found.table, found.unoccluded])
    rise = values - found.unoccluded
    shades = LinearSegmentedColormap.from_list("rise", [PALE, _ink(plot.method)])
    with style():
        figure = empty_figure(height=4.4)
        ax = figure.add_subplot()
        _draw(ax, rise, [f"{value:.0f}" for value in values.flat], shades, (0.0, max(rise.max(), 1.0)))
        _name(ax, found.groups, (*found.groups, "none"))
        ax.axhline(len(found.groups), color=INK, linewidth=1)
        _scale(figure, ax, "increase over unoccluded (mm)")
    caption = (
        f"{plot.method}: error in mm of each group of joints (columns) while a grey square occludes a joint "
        f"of another group (rows). The shade is the increase over the last row, without occlusion; white "
        f"means no increase. {found.sample_note}"
    )
    return figure, caption


def matrix_difference(plot: MatrixDifference, rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """The first method's errors minus the second's: each cell in the colour of the better one.

    Args:
        rows: probe results of `plot.column`, then of `plot.minus`. No figure where one of the two has no
            results, or the two have no seed in common.
    """
    both = [row.by_seed for row in rows if row.key == rows[0].key]
    seeds = set.intersection(*map(set, both)) if len(both) == 2 else set()
    if not seeds:
        return None
    first, second = (_mean([by_seed[seed] for seed in sorted(seeds)]) for by_seed in both)
    difference = first.table - second.table
    reach = max(float(np.abs(difference).max()), 1.0)
    inks = [_ink(method) for method in plot.methods]
    shades = LinearSegmentedColormap.from_list("difference", [inks[0], PALE, inks[1]], N=257)
    with style():
        figure = empty_figure(height=4.1)
        ax = figure.add_subplot()
        _draw(ax, difference, [_signed(value) for value in difference.flat], shades, (-reach, reach))
        _name(ax, first.groups, first.groups)
        _scale(figure, ax, f"← {plot.methods[0]} better    mm    {plot.methods[1]} better →")
    return figure, _difference_caption(plot, difference, first)


def _difference_caption(plot: MatrixDifference, difference: Floats, found: _Errors) -> str:
    (first, second), diagonal = plot.methods, difference.diagonal()
    return (
        f"Error of {first} minus that of {second}, in mm, of each group of joints (columns) while a grey "
        f"square occludes a joint of another group (rows). {second} is better in {(difference > 0).sum()} "
        f"of the "
        f"{difference.size} cells and in {(diagonal > 0).sum()} of the {diagonal.size} on the diagonal; the "
        f"mean difference is {_signed(difference.mean(), 1)} mm. {found.sample_note}"
    )


def _mean(details: Sequence[dict[str, Any]]) -> _Errors:
    """Over seeds."""
    first = details[0]
    return _Errors(
        groups=tuple(first["groups"]),
        table=np.mean([detail["errors"] for detail in details], axis=0),
        unoccluded=np.mean([detail["unoccluded"] for detail in details], axis=0),
        pictures=first["pictures"],
        square=first["square"],
        seeds=len(details),
    )


def _ink(method: str) -> str:
    return row_colours([method])[method]


def _signed(value: float, digits: int = 0) -> str:
    """With a true minus sign, and no sign where the printed digits are zero."""
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text if text.strip("+−0.") else text[1:]


def _draw(
    ax: Axes, values: Floats, texts: Sequence[str], shades: Colormap, span: tuple[float, float]
) -> None:
    """Coloured cells with a text each, the first row on top."""
    norm = Normalize(*span, clip=True)
    ax.pcolormesh(values, cmap=shades, norm=norm, edgecolors="white", linewidth=1.5)
    ax.invert_yaxis()
    for place, (value, text) in enumerate(zip(values.flat, texts, strict=True)):
        row, column = divmod(place, values.shape[1])
        ink = _text_colour(shades(norm(value)))
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=ink)


def _text_colour(background: tuple[float, float, float, float]) -> str:
    """Black or white, whichever stands out more by the WCAG's relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in background[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return BLACK if luminance > 0.179 else PALE


def _name(ax: Axes, columns: Sequence[str], rows: Sequence[str]) -> None:
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xlabel("measured", labelpad=9, fontweight="bold")
    ax.set_ylabel("occluded", labelpad=9, fontweight="bold")
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _scale(figure: Figure, ax: Axes, label: str) -> None:
    """The colour bar, below the cells."""
    bar = figure.colorbar(ax.collections[0], ax=ax, orientation="horizontal", aspect=40, pad=0.03, shrink=0.9)
    bar.set_label(label)
    bar.outline.set_visible(False)
    bar.ax.grid(visible=False)
