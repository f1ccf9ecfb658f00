"""The two parts of a gradient by step: bins by hand, the share, and what the caption says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.figures import probe_figure, svg
from orchestrator.report.figures.gradient_parts import gradient_parts, in_bins, step_bins
from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.schema.plots import GradientParts

STEPS = np.arange(1, 301)


def row(seeds: int = 2, total: int = 300) -> ProbeRow:
    """Q pulls as 1 / step at first and the flow constantly, whose share becomes the larger at step 100."""
    found = {"q": (100 / STEPS).tolist(), "g": [1.0] * 300, "of": total}
    return ProbeRow("RLE (Q+G)", "RLE (Q+G)", dict.fromkeys(range(seeds), found))


@given(st.integers(1, 100_000))
def test_bins_hold_every_step_once_and_the_first_steps_alone(count: int) -> None:
    edges = step_bins(count)
    assert (edges[0], edges[-1]) == (0, count)
    assert (np.diff(edges) > 0).all()
    assert edges[1] == 1


def test_a_bin_is_the_mean_of_what_was_measured_in_it() -> None:
    values = np.array([[1, 2, 4, np.nan, 6, np.nan]])
    np.testing.assert_array_equal(in_bins(values, np.array([0, 1, 3, 5, 6])), [[1, 3, 6, np.nan]])


def test_the_share_crosses_half_where_the_norms_cross() -> None:
    figure, caption = gradient_parts([row()]) or pytest.fail("nothing drawn")
    norms, share = figure.axes
    q, flow = (np.asarray(line.get_ydata()) for line in norms.lines)
    steps, shares = (np.asarray(part) for part in share.lines[0].get_data())
    assert steps[0] == 1
    assert shares[0] == pytest.approx(100 * 100 / 101)
    np.testing.assert_array_equal(shares > 50, q > flow)
    assert steps[shares > 50].max() < 100 < steps[shares < 50].min()
    assert "every step of the training" in caption
    assert "2 seeds" in caption


def test_the_caption_says_how_much_of_a_longer_training_is_shown() -> None:
    _, caption = gradient_parts([row(1, total=157_000)]) or pytest.fail("nothing drawn")
    assert "the first 300 of 157,000 steps" in caption


def test_steps_without_a_labelled_point_are_left_out() -> None:
    found = {"q": [2.0, None, 2.0], "g": [2.0, None, 2.0], "of": 3}
    figure, _ = gradient_parts([ProbeRow("r", "r", {0: found})]) or pytest.fail("nothing drawn")
    assert np.nanmax(np.asarray(figure.axes[1].lines[0].get_ydata(), float)) == 50


def test_nothing_is_drawn_of_nothing_and_the_same_twice() -> None:
    assert gradient_parts([]) is None
    first, second = (probe_figure(GradientParts(column="c"), [row()]) for _ in range(2))
    assert first is not None
    assert second is not None
    assert svg(first[0]) == svg(second[0])
