"""The learned density beside the standard ones and the true errors: from above, and its marginals.

All is drawn about the median in units of scale, so that shapes compare; the standard Laplace density is then
as it is.

Shapes: C cells of a map's side, M places of a cut.
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

from orchestrator.report.figures.probe_rows import Seen
from orchestrator.report.figures.style import BLACK, INK, Dash, blank, colours, style

Floats = NDArray[np.float64]

HIGHEST = 0.25
"""Of the standard Laplace density, where the colours end."""

CONTOURS = (0.001, 0.01, 0.1)
MAP_REACH, CUT_REACH = 5.0, 10.0  # of what the probe kept, in units of scale
PEAK_REACH = 3.0  # of the cuts that show the peak
LOWEST = 1e-5  # of the cuts that show the tails
PALE = "#d9d9d9"


STROKES: Mapping[str, tuple[str, Dash]] = {"G": ("G, the flow", "-"), "QG": ("Q · G · s", (0, (3, 1)))}
"""By the end of a row's key: what its density is, and how it is drawn."""

STANDARD: tuple[Dash, ...] = ((0, (5, 1.5)), (0, (1.2, 1.2)))


@dataclass(frozen=True)
class _Shape:
    """A density of a row, or the histogram of the errors that it stands for."""

    key: str
    label: str
    map: Floats  # (C, C), the horizontal coordinate along the first axis
    cut: Floats  # (M,)
    scale: float  # of bar_mu; 0 for a histogram, which is drawn in the density's units


@dataclass(frozen=True)
class _Group:
    """What belongs to one method, or what it is compared with."""

    method: str  # empty for the standard densities
    shapes: tuple[_Shape, ...]
    errors: _Shape | None


def density_maps(rows: Sequence[Seen]) -> tuple[Figure, str] | None:
    """Every row's density from above, a line of panels a method, the histogram of the errors at its end."""
    groups = _groups(rows)
    if not groups:
        return None
    lines = [[*group.shapes, *([group.errors] if group.errors else [])] for group in groups]
    columns = max(map(len, lines))
    with style():
        figure = blank(height=0.9 + 2.15 * len(lines))
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


def density_cuts(rows: Sequence[Seen]) -> tuple[Figure, str] | None:
    """The marginals of every method's densities over the histogram of its errors: the peak, and the tails."""
    groups = _groups(rows)
    standard = [shape for group in groups if not group.method for shape in group.shapes]
    methods = [group for group in groups if group.method]
    if not methods:
        return None
    inks = colours([group.method for group in methods])
    with style():
        figure = blank(height=1.2 + 2.2 * len(methods))
        grid = figure.subplots(len(methods), 2, squeeze=False, sharex="col", sharey="col")
        for axes, group in zip(grid, methods, strict=True):
            for ax in axes:
                _draw_cuts(ax, group, standard, inks[group.method])
            axes[0].set_ylabel("density")
            axes[0].set_title(group.method, loc="left", fontsize=10, fontweight="bold", parse_math=False)
        grid[0, 0].set(xlim=(-PEAK_REACH, PEAK_REACH), ylim=(0, None))
        grid[0, 1].set(xlim=(-CUT_REACH, CUT_REACH), ylim=(LOWEST, 1), yscale="log")
        for ax in grid[-1]:
            ax.set_xlabel("error in units of scale")
        _legend(figure, methods, standard)
    return figure, _cuts_caption(rows)


def _groups(rows: Sequence[Seen]) -> tuple[_Group, ...]:
    """By method, in the order of the rows; of each row its lowest seed."""
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


def _draw_cuts(ax: Axes, group: _Group, standard: Sequence[_Shape], ink: str) -> None:
    if group.errors is not None:
        edges = np.linspace(-CUT_REACH, CUT_REACH, len(group.errors.cut) + 1)
        ax.stairs(group.errors.cut, edges, fill=True, color=PALE, baseline=LOWEST)
    for shape, dash in zip(standard, STANDARD, strict=False):
        ax.plot(_places(shape), shape.cut, color=BLACK, linestyle=dash, linewidth=1.0)
    for shape in group.shapes:
        _, dash = STROKES[shape.key.split()[-1]]
        ax.plot(_places(shape), shape.cut, color=ink, linestyle=dash, linewidth=1.7)


def _legend(figure: Figure, methods: Sequence[_Group], standard: Sequence[_Shape]) -> None:
    """What the strokes mean, whatever their colour."""
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
    return np.linspace(-CUT_REACH, CUT_REACH, len(shape.cut))


def _maps_caption(rows: Sequence[Seen]) -> str:
    contours = ", ".join(f"{level:g}" for level in CONTOURS)
    return (
        "Densities of the standardised error (μ − μ̂) / σ, across and upwards, one colour scale for all; "
        f"contours at {contours}. Each is drawn about its median in units of its scale, that of the Laplace "
        "density of the same quartiles, which stands in the corner in units of σ. "
        f"True errors: those of the validation set, in the units of the line's first density. {_of(rows)}"
    )


def _cuts_caption(rows: Sequence[Seen]) -> str:
    return (
        "Marginals, the mean of the horizontal and the vertical one, about the median in units of scale; "
        "left the peak, right the tails on a logarithmic axis. Grey: the errors of the validation set, in "
        f"the units of the method's first density. {_of(rows)}"
    )


def _of(rows: Sequence[Seen]) -> str:
    seeds = sorted({min(row.by_seed) for row in rows})
    points = sorted({row.by_seed[min(row.by_seed)]["points"] for row in rows})
    return f"Seed {', '.join(map(str, seeds))}; {', '.join(f'{n:,}' for n in points)} keypoints."
