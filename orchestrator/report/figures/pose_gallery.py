"""Figures 3 to 5: people with predicted and ground-truth joints, and in 3-D a side view."""

from collections.abc import Iterable, Sequence
from itertools import groupby, zip_longest
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from orchestrator.report.figures import draw_skeleton
from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.style import GRID, WIDTH, corner_label, style
from orchestrator.util.jpeg_text import from_text

Floats = NDArray[np.float64]
Person = dict[str, Any]

_ACROSS = 4  # panels
_GAP, _TITLE, _LEGEND = 0.06, 0.24, 0.36  # inches: between panels, above those with a title, below all
_REACH, _TICK = 1050.0, 500.0  # mm: extent of the side view from the pelvis, and its grid spacing


class _Panel(NamedTuple):
    view: Literal["picture", "side"]
    person: Person
    title: str = ""


def pose_pictures(rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """The people of the first row's first seed, and a caption; None without results.

    One column per category of people; in 3-D one row per category, each image beside its side view.
    """
    if not rows:
        return None
    row, seed = rows[0], min(rows[0].by_seed)
    detail = row.by_seed[seed]
    return _figure(detail), _caption(row.label, seed, detail)


def _figure(detail: dict[str, Any]) -> Figure:
    kinds = [list(people) for _, people in groupby(detail["people"], key=lambda person: person["kind"])]
    lines = _with_side_views(kinds) if "body" in kinds[0][0] else _columns(kinds)
    with style():
        figure, axes = _grid(
            [any(panel and panel.title for panel in line) for line in lines], _shape(kinds[0][0])
        )
        for row, line in zip(axes, lines, strict=True):
            for ax, panel in zip(row, line, strict=False):
                _draw(ax, panel, detail)
        figure.legend(
            handles=draw_skeleton.legend("predicted scale" if "ellipse" in kinds[0][0] else ""),
            loc="lower center",
            ncols=5,
            frameon=False,
            fontsize=8,
            handlelength=1.2,
            columnspacing=1.0,
        )
    return figure


def _caption(label: str, seed: int, detail: dict[str, Any]) -> str:
    """Who is shown, how they were selected, the legend, and their error beside that of the whole set."""
    unit, metrics = detail["unit"], detail["metrics"]
    counts = {
        kind: len(list(some)) for kind, some in groupby(detail["people"], key=lambda person: person["kind"])
    }
    kinds = ", ".join(f"{count} × {kind}" for kind, count in counts.items())
    parts = [
        f"{label}, seed {seed} only: {len(detail['people'])} people of the validation set ({kinds}), "
        "selected by their annotations, not by predictions.",
        "Coloured: predicted, fainter where less confident than the other joints of the set. Thin grey: "
        "ground truth.",
    ]
    if "ellipse" in detail["people"][0]:
        within = f"; here they contain {metrics['in ellipse']:.0f} %" if "in ellipse" in metrics else ""
        parts.append(
            "Ellipses: the predicted scale times one common factor, set so that they contain half of the "
            f"joints of the training set{within}."
        )
    if "body" in detail["people"][0]:
        parts.append(
            "Beside each image: the 3-D pose rotated by 90° about the vertical axis (camera on the left); "
            "grid lines every 500 mm."
        )
    if {"error shown", "error"} <= metrics.keys():
        parts.append(
            f"Mean error of the people shown: {metrics['error shown']:.1f} {unit}; of the whole set: "
            f"{metrics['error']:.1f} {unit}."
        )
    return " ".join(parts)


def _columns(kinds: Sequence[Sequence[Person]]) -> list[list[_Panel | None]]:
    """One column per category, its name above."""
    lines: list[list[_Panel | None]] = []
    for place, people in enumerate(zip_longest(*kinds)):
        titles = [str(kind[0]["kind"]) if place == 0 else "" for kind in kinds]
        lines.append(
            [
                None if one is None else _Panel("picture", one, name)
                for one, name in zip(people, titles, strict=True)
            ]
        )
    return lines


def _with_side_views(kinds: Iterable[Sequence[Person]]) -> list[list[_Panel | None]]:
    """Rows of one category each, every image beside its side view."""
    lines: list[list[_Panel | None]] = []
    for people in kinds:
        for start in range(0, len(people), _ACROSS // 2):
            pairs = [
                (_Panel("picture", one, one["kind"]), _Panel("side", one, "rotated by 90°"))
                for one in people[start : start + _ACROSS // 2]
            ]
            lines.append([panel for pair in pairs for panel in pair])
    return lines


def _shape(person: Person) -> float:
    """Height of an image over its width."""
    height, width = from_text(person["picture"]).shape[:2]
    return float(height / width)


def _grid(titled: Sequence[bool], shape: float) -> tuple[Figure, list[list[Axes]]]:
    """Empty panels for images of that aspect ratio, with room for titles and for the legend below."""
    wide = (WIDTH - _GAP * (_ACROSS + 1)) / _ACROSS
    tall = wide * shape
    height = _LEGEND + sum(tall + (_TITLE if title else _GAP) for title in titled)
    figure = Figure(figsize=(WIDTH, height))
    lines, top = [], height
    for title in titled:
        top -= tall + (_TITLE if title else _GAP)
        places = [_GAP + place * (wide + _GAP) for place in range(_ACROSS)]
        boxes = [(x / WIDTH, top / height, wide / WIDTH, tall / height) for x in places]
        lines.append([figure.add_axes(box) for box in boxes])
    for ax in (ax for line in lines for ax in line):
        ax.set_axis_off()
    return figure, lines


def _draw(ax: Axes, panel: _Panel | None, detail: dict[str, Any]) -> None:
    if panel is None:
        return
    ax.set_title(panel.title, fontsize=9, pad=3)
    if panel.view == "picture":
        draw_person(ax, panel.person, detail["limbs"], detail["sides"])
        if "error" in panel.person:
            corner_label(ax, f"{panel.person['error']:.0f} {'mm' if detail['unit'] == 'mm' else '%'}", x=0.03)
    else:
        _side_view(ax, panel.person, detail["limbs"], detail["sides"])


def draw_person(ax: Axes, person: Person, limbs: Sequence[Sequence[int]], sides: Sequence[str]) -> None:
    """A crop with the predicted and the labelled person. Data coordinates are pixels of the kept crop."""
    picture = from_text(person["picture"])
    height, width = picture.shape[:2]
    ax.imshow(picture, interpolation="none")
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    mu, truth = (_pixels(person[name], height, width) for name in ("mu", "truth"))
    if "ellipse" in person:
        draw_skeleton.ellipses(ax, mu, np.array(person["ellipse"]) * (width, height), sides)
    draw_skeleton.predicted(ax, mu, limbs, sides, np.array(person["surer"]))
    draw_skeleton.true(ax, truth, limbs, person["labelled"])


def _pixels(points: Any, height: int, width: int) -> Floats:
    """From units of the crop to pixels of the kept image."""
    return np.asarray((np.array(points) + 0.5) * (width, height))


def _side_view(ax: Axes, person: Person, limbs: Sequence[Sequence[int]], sides: Sequence[str]) -> None:
    """The body rotated by 90° about the vertical axis: depth to the right, camera on the left."""
    mu, truth = (np.array(person["body"][name])[:, [2, 1]] for name in ("mu", "truth"))
    ax.set(xlim=(-_REACH, _REACH), ylim=(_REACH, -_REACH))
    ax.set_axis_on()
    lines = np.arange(-2, 3) * _TICK
    ax.set(xticks=lines, yticks=lines, xticklabels=[], yticklabels=[])
    ax.tick_params(length=0)
    ax.grid(visible=True, color=GRID, linewidth=0.6)
    draw_skeleton.predicted(ax, mu, limbs, sides, np.array(person["surer"]))
    draw_skeleton.true(ax, truth, limbs, [True] * len(truth))
