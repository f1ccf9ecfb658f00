"""Figures of calibration: a line a row, the flow alone where it is not the method's own density."""

from typing import Any

import numpy as np
import pytest

from orchestrator.report.figures import probe_figure, svg
from orchestrator.report.figures.calibration import coverage, error_by_scale
from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.schema.plots import Coverage, ErrorByScale

LEVELS = np.arange(1, 20) / 20


def found(names: str, short: float = 0.0) -> dict[str, Any]:
    curve = {
        "coverage": (LEVELS - short).tolist(),
        "predicted": [0.01, 0.02, 0.08],
        "measured": [0.01, 0.03, 0.09],
    }
    curves = dict.fromkeys(names.split(), curve)
    return {"levels": LEVELS.tolist(), "own": next(iter(curves)), "curves": curves, "keypoints": 5678}


ROWS = (
    ProbeRow("Laplace, learned scale", "Laplace, learned scale", {0: found("Q"), 1: found("Q", short=0.02)}),
    ProbeRow("DLE", "DLE", {0: found("G")}),
    ProbeRow("RLE", "RLE", {0: found("QG G")}),
)


@pytest.mark.parametrize("figure_of", [coverage, error_by_scale])
def test_every_row_has_a_line_and_rle_one_for_the_flow_alone(figure_of: Any) -> None:
    figure, caption = figure_of(ROWS)
    legend = figure.axes[0].get_legend()
    named = [text.get_text() for text in legend.get_texts()]
    assert named[:4] == ["Laplace, learned scale", "DLE", "RLE", "RLE, flow alone"]
    own, alone = (figure.axes[0].lines[index] for index in (2, 3))
    assert own.get_color() == alone.get_color()
    assert own.get_linestyle() != alone.get_linestyle()
    assert "5,678 keypoints" in caption
    assert "2 seeds" in caption


def test_coverage_is_the_mean_over_seeds_in_percent_and_below_it_the_difference() -> None:
    figure, _ = coverage(ROWS) or pytest.fail("nothing drawn")
    whole, apart = figure.axes
    np.testing.assert_allclose(whole.lines[0].get_xdata(), 100 * LEVELS)
    np.testing.assert_allclose(whole.lines[0].get_ydata(), 100 * LEVELS - 1)
    np.testing.assert_allclose(apart.lines[0].get_ydata(), -1)


def test_errors_are_in_percent_of_the_crop_on_equal_terms() -> None:
    figure, _ = error_by_scale(ROWS) or pytest.fail("nothing drawn")
    (ax,) = figure.axes
    np.testing.assert_allclose(ax.lines[1].get_xdata(), [1, 2, 8])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [1, 3, 9])
    equal = ax.lines[-1]
    np.testing.assert_allclose(equal.get_xdata(), equal.get_ydata())
    np.testing.assert_allclose(equal.get_xdata(), [1, 9])


def test_nothing_is_drawn_of_nothing() -> None:
    assert coverage([]) is None
    assert error_by_scale([]) is None


@pytest.mark.parametrize("plot", [Coverage(column="ECE"), ErrorByScale(column="ECE")])
def test_equal_details_give_equal_bytes(plot: Coverage | ErrorByScale) -> None:
    first, second = (probe_figure(plot, ROWS) for _ in range(2))
    assert first is not None
    assert second is not None
    assert svg(first[0]) == svg(second[0])
