"""B-scans with predicted and labelled boundaries: one row per scan, one column per method."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.style import ORANGE, SKY, WIDTH, corner_label, style
from orchestrator.schema.plots import BoundaryPictures
from orchestrator.util.jpeg_text import from_text

Floats = NDArray[np.float64]
Detail = Mapping[str, Any]

INKS = (SKY, ORANGE)
"""Alternating colours of the boundaries, so that neighbours differ."""
TRUTH, DARK = "#ffffff", "#1a1a1a"

_TALL, _TITLE, _HEAD, _LEGEND, _GAP = 1.6, 0.24, 0.24, 0.34, 0.06  # inches
_VEIL = 0.5


Shown = tuple[ProbeRow, int, Detail]
"""A row, the seed that is shown, and that seed's results."""


def boundary_pictures(plot: BoundaryPictures, rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """The scans of the plot's rows, the first seed of each, and a caption; None without results."""
    wanted = [row for row in rows if not plot.rows or row.key in plot.rows]
    methods = [(row, min(row.by_seed), row.by_seed[min(row.by_seed)]) for row in wanted]
    return (_figure(methods), _caption(methods)) if methods else None


def _figure(methods: Sequence[Shown]) -> Figure:
    height = _HEAD + _LEGEND + len(methods[0][2]["scans"]) * (_TALL + _TITLE)
    wide = (WIDTH - _GAP * (len(methods) + 1)) / len(methods)
    with style():
        figure = Figure(figsize=(WIDTH, height))
        for across, (row, _, detail) in enumerate(methods):
            left = _GAP + across * (wide + _GAP)
            figure.text(
                (left + wide / 2) / WIDTH,
                1 - 0.05 / height,
                row.label,
                ha="center",
                va="top",
                fontweight="bold",
            )
            for down, scan in enumerate(detail["scans"]):
                bottom = height - _HEAD - (down + 1) * (_TALL + _TITLE)
                ax = figure.add_axes((left / WIDTH, bottom / height, wide / WIDTH, _TALL / height))
                draw_scan(ax, scan)
                if across == 0:
                    ax.set_title(scan["where"], loc="left", fontsize=9, pad=3)
        marks = _legend(any("breadth" in detail["scans"][0] for *_, detail in methods))
        figure.legend(
            list(marks.values()),
            list(marks),
            handler_map={tuple: HandlerTuple(ndivide=None)},
            loc="lower center",
            ncols=3,
            frameon=False,
            fontsize=9,
        )
    return figure


def _caption(methods: Sequence[Shown]) -> str:
    """Which scans are shown, the legend, and their error beside that of the whole test set."""
    errors = "; ".join(
        f"{row.label} (seed {seed}): {detail['metrics']['error shown']:.1f} µm on the scans shown, "
        f"{detail['metrics']['error']:.1f} µm on all test scans"
        for row, seed, detail in methods
    )
    bands = ", ".join(
        f"{detail['metrics']['in band']:.0f} % ({row.label})"
        for row, _, detail in methods
        if "in band" in detail["metrics"]
    )
    band = (
        "Bands: μ ± cσ, where c is the median of |error| / σ on the training subjects, per boundary, since σ "
        f"alone is not calibrated; share of the test labels inside: {bands}. "
        if bands
        else ""
    )
    return (
        "Test scans selected by their labels: the middle and the first labelled scan of the subject with the "
        "thickest retina (swollen by fluid) and of a subject of median thickness. Coloured: predicted, in "
        f"alternating colours; white: labelled, where labels exist. {band}Mean error: {errors}."
    )


def draw_scan(ax: Axes, scan: Detail) -> None:
    """A scan and its boundaries. Data coordinates are pixels of the kept scan."""
    picture = from_text(scan["picture"])
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255, aspect="auto", interpolation="none")
    height, width = picture.shape
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])
    ax.grid(visible=False)
    mu, truth = _rows(scan["mu"]), _rows(scan["truth"])
    columns = np.arange(width)
    if "breadth" in scan:
        for place, (row, half) in enumerate(zip(mu, _rows(scan["breadth"]), strict=True)):
            ax.fill_between(
                columns, row - half, row + half, color=INKS[place % 2], alpha=_VEIL, linewidth=0, zorder=2
            )
    for place, (row, labelled) in enumerate(zip(mu, truth, strict=True)):
        ax.plot(columns, row, color=INKS[place % 2], linewidth=0.8, zorder=3)
        ax.plot(columns, labelled, color=TRUTH, linewidth=0.6, zorder=4)
    corner_label(ax, f"{scan['error']:.1f} µm", x=0.01)


def _rows(values: Sequence[Sequence[float | None]]) -> Floats:
    """(K, W), NaN where there is no label."""
    return np.array(values, np.float64)


def _legend(bands: bool) -> dict[str, Any]:
    """Legend entries by label."""
    outlined = [Stroke(linewidth=2, foreground=DARK), Normal()]
    spread = tuple(Patch(color=ink, alpha=_VEIL) for ink in INKS)
    return {
        "predicted": tuple(Line2D([], [], color=ink, linewidth=1.4) for ink in INKS),
        "labelled": Line2D([], [], color=TRUTH, linewidth=0.9, path_effects=outlined),
        **({"μ ± cσ": spread} if bands else {}),
    }
