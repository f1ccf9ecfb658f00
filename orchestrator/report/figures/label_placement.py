"""Placement of a plot's labels: beside what they name, without overlaps."""

import itertools
from collections.abc import Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

# Around a point, best first: offsets in points and the label's own anchor.
_SIDES = (
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
    (0.8, 0.8, "left", "bottom"),
    (0.8, -0.8, "left", "top"),
    (-0.8, 0.8, "right", "bottom"),
    (-0.8, -0.8, "right", "top"),
)
_DISTANCES = (8, 16, 28, 42, 58, 76)  # points
_OUTSIDE = 10  # times worse to be cut off than to cover something


def spread(centres: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Centres of labels in a column: no overlap, same order, each as near to its target as possible.

    Least squares under the order: with the room of the labels below taken off, positions must not fall, which
    is isotonic regression, solved by pooling neighbours that violate it.

    Args:
        centres: the targets, in any order.
        heights: the height of each label.
        low, high: the bounds. Labels that need more room extend below.
    """
    order = sorted(range(len(centres)), key=lambda index: centres[index])
    above = list(itertools.accumulate(heights[index] for index in order))
    offsets = [top - heights[index] / 2 for top, index in zip(above, order, strict=True)]
    pools: list[list[float]] = []
    for index, offset in zip(order, offsets, strict=True):
        pools.append([centres[index] - offset])
        while len(pools) > 1 and fmean(pools[-2]) > fmean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    highest = high - sum(heights)
    starts = [min(max(low, fmean(pool)), highest) for pool in pools for _ in pool]
    placed = {index: start + offset for index, start, offset in zip(order, starts, offsets, strict=True)}
    return [placed[index] for index in range(len(centres))]


def annotate(
    ax: Axes, renderer: RendererBase, names: Sequence[tuple[str, float, float]], obstacles: Sequence[Bbox]
) -> None:
    """Put a name beside each point (name, x, y), where it covers neither an obstacle nor another name.

    Args:
        ax: axes whose layout no longer changes.
        renderer: measures the text.
        names: text and point, in data coordinates.
        obstacles: boxes to keep visible, in pixels.
    """
    taken = list(obstacles)
    for name, x, y in sorted(names, key=lambda named: -named[1]):  # at the right there is least room
        note = ax.annotate(
            name,
            (x, y),
            (0, 0),
            textcoords="offset points",
            parse_math=False,
            arrowprops={"arrowstyle": "-", "color": "#b0b0b0", "linewidth": 0.7, "shrinkB": 5, "shrinkA": 0},
        )
        _settle(note, renderer, ax.bbox, taken)
        taken.append(_text_box(note, renderer))


def _settle(note: Annotation, renderer: RendererBase, frame: Bbox, taken: Sequence[Bbox]) -> None:
    """Move a label to the first position without overlap, or to that with the least."""
    places = [(distance, side) for distance in _DISTANCES for side in _SIDES]
    costs = []
    for place in places:
        _move(note, *place)
        costs.append(_covered(_text_box(note, renderer), frame, taken))
        if costs[-1] == 0:
            return
    _move(note, *places[costs.index(min(costs))])


def _move(note: Annotation, distance: float, side: tuple[float, float, str, str]) -> None:
    right, up, horizontal, vertical = side
    note.set_position((right * distance, up * distance))
    note.set_horizontalalignment(horizontal)  # type: ignore[arg-type]
    note.set_verticalalignment(vertical)  # type: ignore[arg-type]


def _text_box(note: Annotation, renderer: RendererBase) -> Bbox:
    """The box of the text alone: the line to its point may cross other things."""
    note.update_positions(renderer)
    return Text.get_window_extent(note, renderer)


def _covered(box: Bbox, frame: Bbox, taken: Sequence[Bbox]) -> float:
    """Overlap of `box` with what is taken, in square pixels, plus a weighted area outside the frame."""
    inside = Bbox.intersection(box, frame)
    outside = _area(box) - (_area(inside) if inside else 0.0)
    overlaps = (Bbox.intersection(box, other) for other in taken)
    return _OUTSIDE * outside + sum(_area(overlap) for overlap in overlaps if overlap)


def _area(box: Bbox) -> float:
    return float(box.width * box.height)
