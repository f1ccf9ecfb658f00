"""The learned density beside standard densities and the true errors: a map, and its marginals.

Everything is centred on the median and in units of scale, so that shapes compare; that leaves the standard
Laplace density unchanged.

Shapes: C cells of a map's side, M points of a marginal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.style import BLACK, INK, Dash, empty_figure, row_colours, style

Floats = NDArray[np.float64]

HIGHEST = 0.25
"""Upper end of the colour scale: the peak of the standard Laplace density."""

CONTOURS = (0.001, 0.01, 0.1)
MAP_REACH, MARGINAL_REACH = 5.0, 10.0  # what the probe kept, in units of scale
PEAK_REACH = 3.0  # of the panels that show the peak
LOWEST = 1e-5  # of the panels that show the tails
PALE = "#d9d9d9"


STROKES: Mapping[str, tuple[str, Dash]] = {"G": ("G, the flow", "-"), "QG": ("Q · G · s", (0, (3, 1)))}
"""By the last word of a row's key: name of the density, and line style."""

STANDARD: tuple[Dash, ...] = ((0, (5, 1.5)), (0, (1.2, 1.2)))


@dataclass(frozen=True)
class _Shape:
    """A density of a row, or the histogram of the errors that it models."""

    key: str
    label: str
    map: Floats  # (C, C), the horizontal coordinate along the first axis
    cut: Floats  # (M,)
    scale: float  # of bar_mu; 0 for a histogram, which is drawn in the density's units


@dataclass(frozen=True)
class _Group:
    """The densities of one method, or the standard ones."""

    method: str  # empty for the standard densities
    shapes: tuple[_Shape, ...]
    errors: _Shape | None


def density_maps(rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """Every row's density as a map, one line of panels per method, the error histogram at its end."""
    groups = _groups(rows)
    if not groups:
        return None
    lines = [[*group.shapes, *([group.errors] if group.errors else [])] for group in groups]
    columns = max(map(len, lines))
    with style():
        figure = empty_figure(height=0.9 + 2.15 * len(lines))
        for place, shapes in enumerate(lines):
            below = lines[place + 1] if place + 1 < len(lines) else []
            for column, shape in enumerate(shapes):
                ax = figure.add_subplot(len(lines), columns, place * columns + column + 1)
                image = _draw_map(ax, shape)
                ax.tick_params(labelleft=column == 0, labelbottom=column >= len(below), labelsize=8)
        bar = figure.colorbar(
            image, ax=figure.axes, orientation="horizontal", aspect=50, shrink=0.8, pad=0.03
        )
        bar.set_ticks([0, 0.01, 0.05, 0.1, 0.25], labels=["0", "0.01", "0.05", "0.1", "0.25"])
    return figure, _maps_caption(rows)


def density_marginals(rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """Marginals of every method's densities over the histogram of its errors: peak and tails."""
    groups = _groups(rows)
    standard = [shape for group in groups if not group.method for shape in group.shapes]
    methods = [group for group in groups if group.method]
    if not methods:
        return None
    inks = row_colours([group.method for group in methods])
    with style():
        figure = empty_figure(height=1.2 + 2.2 * len(methods))
        grid = figure.subplots(len(methods), 2, squeeze=False, sharex="col", sharey="col")
        for axes, group in zip(grid, methods, strict=True):
            for ax in axes:
                _draw_marginals(ax, group, standard, inks[group.method])
            axes[0].set_ylabel("density")
            axes[0].set_title(group.method, loc="left", fontsize=10, fontweight="bold", parse_math=False)
        grid[0, 0].set(xlim=(-PEAK_REACH, PEAK_REACH), ylim=(0, None))
        grid[0, 1].set(xlim=(-MARGINAL_REACH, MARGINAL_REACH), ylim=(LOWEST, 1), yscale="log")
        for ax in grid[-1]:
            ax.set_xlabel("error in units of scale")
        _legend(figure, methods, standard)
    return figure, _marginals_caption(rows)


def _groups(rows: Sequence[ProbeRow]) -> tuple[_Group, ...]:
    """By method, in table order; the lowest seed of each row."""
    by_method: dict[str, tuple[list[_Shape], dict[str, Any]]] = {}
    for row in rows:
        detail = row.by_seed[min(row.by_seed)]
        drawn = detail["densities"][row.key]
        first = drawn.get("errors", {})
        shapes, _ = by_method.setdefault(detail["method"] if first else "", ([], first))
        shapes.append(_shape(row.key, row.label, drawn, float(np.mean(drawn["scale"]))))
    return tuple(
        _Group(method, tuple(shapes), _shape("", f"{method}: true errors", errors, 0.0) if errors else None)
        for method, (shapes, errors) in by_method.items()
    )


def _shape(key: str, label: str, drawn: dict[str, Any], scale: float) -> _Shape:
    side = round(len(drawn["map"]) ** 0.5)
    return _Shape(key, label, np.array(drawn["map"]).reshape(side, side), np.array(drawn["cut"]), scale)


def _draw_map(ax: Axes, shape: _Shape) -> AxesImage:
    extent = (-MAP_REACH, MAP_REACH, -MAP_REACH, MAP_REACH)
    norm = PowerNorm(0.5, 0, HIGHEST)
    image = ax.imshow(shape.map.T, cmap="Blues", norm=norm, extent=extent, origin="lower")
    if shape.scale:
        places = np.linspace(-MAP_REACH, MAP_REACH, len(shape.map))
        ax.contour(places, places, shape.map.T, levels=CONTOURS, colors=INK, linewidths=0.7)
        ax.text(0.04, 0.04, f"scale {shape.scale:.2g}", transform=ax.transAxes, fontsize=8)
    ax.set_title(shape.label, fontsize=9, parse_math=False)
    ax.set_xticks([-4, -2, 0, 2, 4])
    ax.set_yticks([-4, -2, 0, 2, 4])
    ax.grid(visible=False)
    return image


def _draw_marginals(ax: Axes, group: _Group, standard: Sequence[_Shape], ink: str) -> None:
    if group.errors is not None:
        edges = np.linspace(-MARGINAL_REACH, MARGINAL_REACH, len(group.errors.cut) + 1)
        ax.stairs(group.errors.cut, edges, fill=True, color=PALE, baseline=LOWEST)
    for shape, dash in zip(standard, STANDARD, strict=False):
        ax.plot(_places(shape), shape.cut, color=BLACK, linestyle=dash, linewidth=1.0)
    for shape in group.shapes:
        _, dash = STROKES[shape.key.split()[-1]]
        ax.plot(_places(shape), shape.cut, color=ink, linestyle=dash, linewidth=1.7)


def _legend(figure: Figure, methods: Sequence[_Group], standard: Sequence[_Shape]) -> None:
    """Legend of the line styles, for all colours."""
    kinds = dict.fromkeys(shape.key.split()[-1] for group in methods for shape in group.shapes)
    lines = [(*STROKES[kind], INK, 1.7) for kind in kinds]
    lines += [(shape.label, dash, BLACK, 1.0) for shape, dash in zip(standard, STANDARD, strict=False)]
    handles: list[Artist] = [
        Line2D([], [], label=label, linestyle=dash, color=ink, linewidth=width)  # type: ignore[arg-type]
        for label, dash, ink, width in lines
    ]
    handles.append(Patch(color=PALE, label="true errors"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9)


def _places(shape: _Shape) -> Floats:
    return np.linspace(-MARGINAL_REACH, MARGINAL_REACH, len(shape.cut))


def _maps_caption(rows: Sequence[ProbeRow]) -> str:
    contours = ", ".join(f"{level:g}" for level in CONTOURS)
    return (
        "Densities of the standardised error (μ − μ̂) / σ, horizontal and vertical, on one colour scale; "
        f"contours at {contours}. Each is centred on its median and in units of its own scale, which is that "
        "of the Laplace density with the same quartiles (printed in the corner, in units of σ). True errors: "
        f"those of the validation set, in the units of the row's first density. {_sample_note(rows)}"
    )


def _marginals_caption(rows: Sequence[ProbeRow]) -> str:
    return (
        "Marginals (mean of the horizontal and the vertical one), centred on the median, in units of scale: "
        "peak on the left, tails on a logarithmic axis on the right. Grey: errors of the validation set, in "
        f"the units of the method's first density. {_sample_note(rows)}"
    )


def _sample_note(rows: Sequence[ProbeRow]) -> str:
    seeds = sorted({min(row.by_seed) for row in rows})
    points = sorted({row.by_seed[min(row.by_seed)]["points"] for row in rows})
    return f"Seed {', '.join(map(str, seeds))}; {', '.join(f'{n:,}' for n in points)} keypoints."
