"""Flattening can be undone, and finds Bruch's membrane in spite of shadows, fluid and margins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from datasets.retina.flatten import (
    BRUCH_AT,
    Flattening,
    best_path,
    clean,
    find_bruch,
    flatten,
    resample,
    smooth_curve,
)
from datasets.synthetic.retinas.retinas import Retinas, truth

W = 48
SMALL = Retinas(height=248, width=192, row_um=7.74, scans=13, seed=11)


@st.composite
def flattenings(draw: st.DrawFn) -> Flattening:
    """A sloping, curved membrane well inside a scan."""
    level, tilt, bend = (draw(st.floats(*ends)) for ends in ((90, 120), (-20, 20), (-15, 15)))
    x = np.linspace(-1, 1, W)
    return Flattening(level + tilt * x + bend * x**2, height=160, rows=draw(st.sampled_from([80, 112])))


@given(flattenings(), st.lists(st.floats(0, 159), min_size=W, max_size=W))
def test_rows_to_the_crop_and_back_are_the_same(flattening: Flattening, rows: list[float]) -> None:
    there = flattening.to_crop(np.array([rows]))
    np.testing.assert_allclose(flattening.to_scan(there), [rows], atol=1e-9)


@given(flattenings())
def test_rows_in_single_precision_come_back_to_a_thousandth_of_a_pixel(flattening: Flattening) -> None:
    rows = np.linspace(0, 159, W, dtype=np.float32)
    back = flattening.to_scan(flattening.to_crop(rows))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, rows, atol=1e-3)


@given(flattenings())
def test_what_has_no_row_has_none_after_flattening(flattening: Flattening) -> None:
    assert np.isnan(flattening.to_crop(np.full((8, W), np.nan))).all()


@given(flattenings())
def test_bruchs_membrane_comes_to_lie_level(flattening: Flattening) -> None:
    np.testing.assert_allclose(flattening.to_crop(flattening.bruch), BRUCH_AT * flattening.rows)


@settings(max_examples=25, deadline=None)
@given(flattenings(), st.floats(5, 25))
def test_a_picture_comes_back_to_a_few_grey_values(flattening: Flattening, period: float) -> None:
    rows = np.arange(160)[:, None] + np.zeros(W)
    picture = (127 + 100 * np.sin(rows / period)).astype(np.uint8)
    back = resample(flattening.crop(picture), rows + flattening.shift)
    inside = np.abs(flattening.to_crop(rows) - flattening.rows / 2) < flattening.rows / 2 - 3
    inside &= (rows > 2) & (rows < 157)
    assert inside.any()
    assert np.abs(back.astype(int) - picture)[inside].max() <= 2 + 400 / period**2


@settings(max_examples=25, deadline=None)
@given(flattenings(), st.floats(-50, -5))
def test_a_line_in_the_picture_moves_with_its_row(flattening: Flattening, above: float) -> None:
    line = flattening.bruch + above
    picture = 255 * np.exp(-0.5 * ((np.arange(160)[:, None] - line) / 2) ** 2)
    crop = flattening.crop(picture.round().astype(np.uint8)).astype(float)
    centre = (crop * np.arange(len(crop))[:, None]).sum(0) / crop.sum(0)
    np.testing.assert_allclose(centre, flattening.to_crop(line), atol=0.1)


def test_resampling_at_whole_rows_copies_and_is_black_outside() -> None:
    picture = np.random.default_rng(0).integers(1, 255, (6, 4), dtype=np.uint8)
    rows = np.arange(-2, 8.0)[:, None] + np.zeros(4)
    got = resample(picture, rows)
    np.testing.assert_array_equal(got[2:8], picture)
    assert not got[[0, 1, 8, 9]].any()


def test_resampling_between_rows_is_their_mean() -> None:
    picture = np.array([[10], [20]], np.uint8)
    np.testing.assert_array_equal(resample(picture, np.array([[0.5], [0.25]])), [[15], [12]])


def error(scan: NDArray[np.uint8], boundary: NDArray[np.float64]) -> NDArray[np.float64]:
    _, flattening = flatten(scan, 112, SMALL.row_um)
    return np.abs(flattening.bruch - boundary)


@pytest.mark.parametrize("subject", range(1, 9))
def test_bruchs_membrane_is_found_to_two_rows_under_fluid_and_vessels(subject: int) -> None:
    made = truth(SMALL, subject, 6)
    bruch = made.cut.boundaries[-1] / SMALL.row_um - 0.5
    assert error(made.image, bruch).max() < 3
    assert error(made.image, bruch).mean() < 1.5


def test_a_quarter_of_the_columns_in_shadow_does_not_bend_the_membrane() -> None:
    made = truth(SMALL, 3, 6)
    bruch = made.cut.boundaries[-1] / SMALL.row_um - 0.5
    dark = made.image.copy()
    dark[:, 60:108] = dark[:, 60:108] // 12
    assert error(dark, bruch).max() < 4


def test_a_scan_of_nothing_gives_a_finite_level() -> None:
    assert np.isfinite(find_bruch(np.zeros((64, 32), np.uint8), 7.74)).all()


def test_white_margins_become_black_and_white_tissue_stays() -> None:
    scan = np.full((40, 40), 60, np.uint8)
    scan[:6], scan[:, :3] = 255, 255
    scan[20:24, 15:25] = 255
    cleaned = clean(scan)
    assert not cleaned[:7].any()
    assert not cleaned[:, :4].any()
    assert (cleaned[20:24, 15:25] == 255).all()


def test_a_scan_that_is_all_white_is_empty() -> None:
    assert not clean(np.full((16, 16), 255, np.uint8)).any()


def test_the_path_is_the_best_of_all_that_do_not_jump() -> None:
    score = np.zeros((9, 5))
    score[[1, 2, 4, 5, 6], range(5)] = 1.0
    score[8, 2] = 1.5  # better by itself, and out of reach
    np.testing.assert_array_equal(best_path(score), [1, 2, 4, 5, 6])


def test_the_curve_ignores_a_fifth_of_outliers() -> None:
    x = np.linspace(-1, 1, 100)
    line = 50 + 10 * x - 8 * x**2
    path = line.copy()
    path[40:60] -= 30
    np.testing.assert_allclose(smooth_curve(path, np.ones(100)), line, atol=0.5)
