"""How every plot of the report looks, and how it becomes a file."""

import io
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure

from orchestrator.schema.declaration import Declaration, DeclaredColumn, DeclaredRow
from orchestrator.stats.aggregate import CellStatus
from orchestrator.stats.seed_results import LOST

Span = tuple[float, float]
Dash = str | tuple[int, tuple[float, ...]]

# Okabe and Ito's colours, which the common forms of colour blindness keep apart; yellow is too pale on white.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
METHODS = {  # by the first word of a row's key
    "rle": BLUE,
    "dle": VERMILION,
    "direct": ORANGE,
    "laplace": SKY,
    "simplepose": GREEN,
    "integral": PURPLE,
}
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))  # tell lines apart that share a colour

INK, GRID = "#1a1a1a", "#e4e4e4"
WIDTH = 6.4  # inches: at the width of a page, or of a phone, the text stays readable
STYLE: Mapping[str, object] = {
    "font.family": "sans-serif",
    # matplotlib ships the first, so every machine measures labels alike; a browser may lack it.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 10,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.08,
    "axes.edgecolor": "#9a9a9a",
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "rle-lab",  # the same names for the same paths
}


def empty_figure(height: float) -> Figure:
    """An empty figure of the report's width, `height` inches high, in `style()`."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def freeze_layout(figure: Figure) -> RendererAgg:
    """Lay the figure out once and keep that layout. Returns the renderer, which measures text."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-any-return,no-untyped-call]


def svg(figure: Figure) -> bytes:
    """The figure as SVG; text stays text, and equal figures give equal bytes."""
    return _rendered(figure, format="svg", metadata={"Date": None})


def png(figure: Figure) -> bytes:
    """The figure as PNG at 200 dots per inch."""
    return _rendered(figure, format="png", dpi=200)


def style() -> AbstractContextManager[None]:
    """The settings under which figures are built and rendered."""
    return mpl.rc_context(dict(STYLE))  # type: ignore[arg-type]


def row_colours(keys: Sequence[str]) -> dict[str, str]:
    """A colour for each row: that of its method where the method is known, else the next that is free."""
    assigned: dict[str, str] = {}
    for key in sorted(keys, key=len):  # a method before its variants
        colour = METHODS.get(re.split(r"[\W_]", key.lower())[0])
        if colour and colour not in assigned.values():
            assigned[key] = colour
    free = [colour for colour in PALETTE if colour not in assigned.values()]
    rest = [key for key in keys if key not in assigned]
    assigned |= zip(rest, itertools.chain(free, itertools.cycle(PALETTE)), strict=False)
    return {key: assigned[key] for key in keys}


def line_styles(colours: Mapping[str, str]) -> dict[str, Dash]:
    """A line style for each row: solid, or dashed where an earlier row has the same colour."""
    keys = list(colours)
    earlier = [
        sum(colours[other] == colours[key] for other in keys[:place]) for place, key in enumerate(keys)
    ]
    return {key: DASHES[count % len(DASHES)] for key, count in zip(keys, earlier, strict=True)}


def axis_label(column: DeclaredColumn) -> str:
    """Name and unit, the unit only where the name does not already say it."""
    bare = not column.unit or column.unit.lower() in column.name.lower()
    return column.name if bare else f"{column.name} ({column.unit})"


def column(declaration: Declaration, name: str) -> DeclaredColumn:
    """The declared column of that name."""
    return next(column for column in declaration.columns if column.name == name)


def missing_rows(rows: Iterable[DeclaredRow], shown: set[str], statuses: Mapping[str, CellStatus]) -> str:
    """The end of a caption: which rows are not shown, because they diverged, collapsed or have no result yet.

    Args:
        statuses: of the plotted cells, by row key.
    """
    absent: dict[str, list[str]] = {}
    for row in rows:
        if row.key not in shown:
            status = statuses.get(row.key)
            reason = status.capitalize() if status in LOST else "No results yet"
            absent.setdefault(reason, []).append(row.label)
    return "".join(f" {reason}: {', '.join(labels)}." for reason, labels in absent.items())


def corner_label(ax: Axes, text: str, x: float) -> None:
    """A small label near the upper left corner of an image, `x` of its width from the left."""
    ax.text(
        x,
        0.97,
        text,
        transform=ax.transAxes,
        va="top",
        fontsize=8,
        color="white",
        bbox={"facecolor": "black", "alpha": 0.55, "linewidth": 0, "pad": 1.5},
        zorder=9,
    )


def _rendered(figure: Figure, **options: object) -> bytes:
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, facecolor="white", **options)  # type: ignore[arg-type]
    return buffer.getvalue()
