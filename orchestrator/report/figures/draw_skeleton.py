"""A person drawn on axes: limbs coloured by side, spreads as ellipses, ground truth thin and pale.

Shapes: K joints.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from orchestrator.report.figures.style import GREEN, ORANGE, SKY

Floats = NDArray[np.float64]

COLOURS = {"left": SKY, "right": ORANGE, "middle": GREEN}
TRUTH, CASING = "#d4d4d4", "#1a1a1a"
FAINTEST = 0.25
"""The opacity of the least confident joint."""

_LIMB, _TRUE_LIMB, _JOINT = 2.0, 0.9, 2.6  # points
_VEIL = 0.35


def predicted(
    ax: Axes, points: Floats, limbs: Sequence[Sequence[int]], sides: Sequence[str], confidence: Floats
) -> None:
    """A predicted skeleton.

    Args:
        points: (K, 2) in data coordinates.
        limbs: pairs of joints. `sides`: K of left, right and middle.
        confidence: (K,) in [0, 1], 0 being the faintest; a limb has the mean of its ends.
    """
    opacity = FAINTEST + (1 - FAINTEST) * confidence
    for a, b in limbs:
        colour = COLOURS[_side(sides[a], sides[b])]
        _limb(ax, points[[a, b]], colour, _LIMB, float(opacity[[a, b]].mean()), zorder=3)
    for point, side, alpha in zip(points, sides, opacity.tolist(), strict=True):
        ax.plot(
            *point,
            "o",
            markersize=_JOINT,
            color=to_rgba(COLOURS[side], alpha),
            markeredgecolor=to_rgba(CASING, alpha),
            markeredgewidth=0.4,
            zorder=4,
        )


def ellipses(ax: Axes, points: Floats, half_axes: Floats, sides: Sequence[str]) -> None:
    """The spread (K, 2) of each joint (K, 2), both in data coordinates."""
    for point, (across, down), side in zip(points, half_axes, sides, strict=True):
        colour = COLOURS[side]
        ax.add_patch(
            Ellipse(
                (point[0], point[1]),
                2 * across,
                2 * down,
                facecolor=to_rgba(colour, _VEIL),
                edgecolor=to_rgba(colour, 0.8),
                linewidth=0.5,
                zorder=2,
            )
        )


def true(ax: Axes, points: Floats, limbs: Sequence[Sequence[int]], labelled: Sequence[bool]) -> None:
    """The labelled joints of the ground truth (K, 2) and the limbs between them, thin."""
    for a, b in limbs:
        if labelled[a] and labelled[b]:
            _limb(ax, points[[a, b]], TRUTH, _TRUE_LIMB, 1.0, zorder=5)
    known = points[np.asarray(labelled, bool)]
    ax.plot(
        *known.T,
        "o",
        color=TRUTH,
        markersize=1.8,
        markeredgecolor=CASING,
        markeredgewidth=0.4,
        zorder=6,
    )


def legend(ellipse: str) -> list[Line2D]:
    """Legend entries.

    Args:
        ellipse: what an ellipse means; empty where there are none.
    """
    named = [
        Line2D([], [], color=COLOURS[side], linewidth=_LIMB, label=f"predicted, {side}")
        for side in ("left", "right", "middle")
    ]
    grey = Line2D(
        [], [], color=TRUTH, linewidth=_TRUE_LIMB, label="ground truth", path_effects=_cased(_TRUE_LIMB, 1)
    )
    veil = Line2D(
        [],
        [],
        linestyle="none",
        marker="o",
        markersize=8,
        color=to_rgba(SKY, _VEIL),
        markeredgecolor=SKY,
        label=ellipse,
    )
    return [*named, grey, *([veil] if ellipse else [])]


def _side(a: str, b: str) -> str:
    """The side of a limb between two joints: middle where it crosses from one side to the other."""
    known = {a, b} - {"middle"}
    return known.pop() if len(known) == 1 else "middle"


def _limb(ax: Axes, ends: Floats, colour: str, width: float, alpha: float, zorder: int) -> None:
    ax.plot(
        *ends.T,
        color=to_rgba(colour, alpha),
        linewidth=width,
        solid_capstyle="round",
        path_effects=_cased(width, alpha),
        zorder=zorder,
    )


def _cased(width: float, alpha: float) -> list[Stroke | Normal]:
    """A dark edge, so that the line stands out from any picture."""
    return [Stroke(linewidth=width + 0.8, foreground=to_rgba(CASING, 0.7 * alpha)), Normal()]
