"""Boundaries are drawn where they are, methods side by side, and the caption says what a band is."""

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from orchestrator.report import figures
from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.retina_gallery import INKS, draw_scan
from orchestrator.schema.plots import BoundaryPictures
from orchestrator.util.jpeg_text import to_text

W, H = 40, 60
PLOT = BoundaryPictures(column="x", rows=("Direct", "RLE"))


def scan(**changes: Any) -> dict[str, Any]:
    """A black scan with two boundaries at rows 20 and 40, labelled five rows lower in its left half."""
    return {
        "id": 1005,
        "where": "subject 1 (thickest retina), middle scan",
        "picture": to_text(np.zeros((H, W), np.uint8)),
        "mu": [[20.0] * W, [40.0] * W],
        "truth": [[row] * (W // 2) + [None] * (W // 2) for row in (25.0, 45.0)],
        "breadth": [[1.0] * W, [3.0] * W],
        "error": 7.7,
        **changes,
    }


def detail(one: dict[str, Any]) -> dict[str, Any]:
    metrics = {"scans": 1.0, "error shown": 7.7, "error": 6.6}
    metrics |= {"in band": 47.6} if "breadth" in one else {}
    return {"boundaries": ["ILM", "BM"], "metrics": metrics, "scans": [one]}


@pytest.fixture
def rows() -> list[ProbeRow]:
    bare = scan()
    del bare["breadth"]
    return [
        ProbeRow("RLE", "RLE", {2: detail(scan()), 1: detail(scan())}),
        ProbeRow("Direct", "Direct Regression", {1: detail(bare)}),
        ProbeRow("Soft-argmax", "Soft-argmax", {1: detail(bare)}),
    ]


def made(rows: list[ProbeRow]) -> tuple[Figure, str]:
    """The figure and its caption, which are there."""
    found = figures.probe_figure(PLOT, rows)
    assert found is not None
    return found


def drawn(one: dict[str, Any]) -> np.ndarray:
    """A scan rendered at ten dots a pixel, (600, 400, 3) in [0, 1]."""
    figure = Figure(figsize=(W / 10, H / 10), dpi=100)
    draw_scan(figure.add_axes((0, 0, 1, 1)), one)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3] / 255


def test_predictions_and_labels_are_drawn_at_their_rows() -> None:
    picture = drawn(scan())
    for row, ink in zip((20, 40), INKS, strict=True):
        assert np.allclose(picture[10 * row + 5, 300], to_rgb(ink), atol=0.05)
    assert (picture[255, 100] > 0.7).all()  # thinner than a pixel


def test_columns_without_labels_have_none_drawn() -> None:
    assert np.allclose(drawn(scan())[255, 300], 0, atol=0.02)


def test_a_band_reaches_as_far_as_it_should() -> None:
    """Three rows up and down from row 40: something at 2.7, nothing at 3.3."""
    picture = drawn(scan())
    for away in (-1, 1):
        assert picture[405 + away * 27, 300].sum() > 0.5
        assert picture[405 + away * 33, 300].sum() < 0.05


def test_the_plots_rows_stand_side_by_side_in_the_tables_order(rows: list[ProbeRow]) -> None:
    figure, _ = made(rows)
    assert [text.get_text() for text in figure.texts] == ["RLE", "Direct Regression"]
    left, right = (ax.get_position() for ax in figure.axes)
    assert left.x1 < right.x0
    assert left.y0 == right.y0


def test_the_caption_says_what_a_band_is_and_how_those_shown_compare(rows: list[ProbeRow]) -> None:
    _, caption = made(rows)
    assert "median of |error| / σ on the training subjects" in caption
    assert "inside: 48 % (RLE)" in caption
    assert "RLE (seed 1): 7.7 µm on the scans shown, 6.6 µm on all test scans" in caption


def test_without_a_scale_nothing_is_said_of_bands(rows: list[ProbeRow]) -> None:
    _, caption = made(rows[1:])
    assert "Bands" not in caption


def test_nothing_looked_at_is_no_figure(rows: list[ProbeRow]) -> None:
    assert figures.probe_figure(PLOT, rows[2:]) is None
