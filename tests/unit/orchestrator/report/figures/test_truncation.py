"""Figure 2: panels show what was found and where, lines run by cut, captions say what was measured."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from orchestrator.report.figures import png, probe_figure
from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.style import BLUE, GREEN
from orchestrator.schema.plots import TruncatedPeople, TruncationErrors
from orchestrator.util.jpeg_text import to_text

PEOPLE = TruncatedPeople(column="Outside 40", rows=("RLE", "SimplePose"))
ERRORS = TruncationErrors(column="Outside 40")


def detail(outside: float = 10.0, people: int = 5, edge: str = "below") -> dict[str, Any]:
    person = {
        "id": 3,
        "picture": to_text(np.full((40, 30, 3), 128, np.uint8)),
        "box": [[0.2, 0.1], [0.8, 0.6]],
        "truth": [[0.5, 0.3], [0.5, 0.9]],
        "labelled": [True, False],
        "found": [[0.4, 0.3], [0.4, 0.8]],
    }
    return {
        "edge": edge,
        "people": 1045,
        "cuts": [0.0, 0.3, 0.6],
        "inside": [5.0, 6.0, 7.0],
        "outside": [None, outside, 2 * outside],
        "outside, uncut": [None, 5.0, 5.5],
        "past": [None, 60.0, 80.0],
        "off crop": [None, 4.0, 8.0],
        "drawn": {"cut": 0.4, "limbs": [[0, 1]], "sides": ["left", "left"], "people": [person] * people},
    }


def probe_rows(key: str, *details: dict[str, Any]) -> ProbeRow:
    return ProbeRow(key, key, dict(enumerate(details)))


ROWS = (
    probe_rows("SimplePose", detail(20)),
    probe_rows("RLE", detail(10), detail(12)),
    probe_rows("RLE, whole bodies", detail(30)),
)


def made(plot: TruncatedPeople | TruncationErrors, rows: tuple[ProbeRow, ...] = ROWS) -> tuple[Figure, str]:
    figure = probe_figure(plot, rows)
    assert figure is not None
    assert png(figure[0]).startswith(b"\x89PNG")
    return figure


def test_a_column_is_a_person_and_a_row_a_method_below_the_labels() -> None:
    figure, caption = made(PEOPLE)
    assert [ax.get_ylabel() for ax in figure.axes[::5]] == ["ground truth", "RLE", "SimplePose"]
    assert len(figure.axes) == 15
    assert "by 40% of their height from below" in caption
    assert "RLE, SimplePose (seed 0)" in caption


def test_joints_are_drawn_where_they_were_found_and_labels_where_they_exist() -> None:
    figure, _ = made(PEOPLE)
    labelled, found = figure.axes[0], figure.axes[5]
    assert [tuple(line.get_xydata()[0]) for line in found.lines[1:]] == [(0.4, 0.3), (0.4, 0.8)]
    drawn = [tuple(line.get_xydata()[0]) for line in labelled.lines[1:]]
    assert drawn[0] == (0.5, 0.3)
    assert np.isnan(drawn[1]).all()


@pytest.mark.parametrize(
    ("edge", "veil"),
    [
        ("below", (0, 0.6, 1, 0.4)),
        ("above", (0, 0, 1, 0.1)),
        ("left", (0, 0, 0.2, 1)),
        ("right", (0.8, 0, 0.2, 1)),
    ],
)
def test_what_no_model_is_given_is_veiled(edge: str, veil: tuple[float, ...]) -> None:
    figure, _ = made(PEOPLE, (probe_rows("RLE", detail(edge=edge)),))
    labelled, method = figure.axes[0], figure.axes[5]
    boxes = [patch for patch in method.patches if isinstance(patch, Rectangle)]
    assert [len(labelled.patches), len(boxes)] == [1, 2]
    assert boxes[0].get_bbox().bounds == pytest.approx(veil)
    assert boxes[1].get_bbox().bounds == pytest.approx((0.2, 0.1, 0.6, 0.5))


def test_a_line_is_the_mean_over_seeds_and_begins_where_there_is_a_joint() -> None:
    figure, caption = made(ERRORS)
    inside, outside = figure.axes
    lines = {line.get_color() + str(line.get_linestyle()): line.get_ydata() for line in outside.lines}
    np.testing.assert_array_equal(lines[f"{BLUE}-"], [np.nan, 11, 22])
    np.testing.assert_array_equal(lines[f"{GREEN}-"], [np.nan, 20, 40])
    np.testing.assert_array_equal(lines[f"{BLUE}--"], [np.nan, 30, 60])
    assert len(inside.lines) == 3
    assert inside.get_ylim() == outside.get_ylim()
    assert "1,045 people" in caption
    assert "mean over 2 seeds" in caption
    assert "RLE 5.5" in caption


def test_there_is_no_figure_of_what_nobody_has_looked_at() -> None:
    assert probe_figure(PEOPLE, ()) is None
    assert probe_figure(PEOPLE, (probe_rows("Direct L1", detail()),)) is None
    assert probe_figure(PEOPLE, (probe_rows("RLE", detail(people=0)),)) is None
    assert probe_figure(ERRORS, ()) is None
