"""Boundary errors, against numbers worked by hand."""

import numpy as np
import pytest

from datasets.retina.metrics import boundary_errors, he_columns

NAN = np.nan


def rows(*boundaries: list[float]) -> np.ndarray:
    """(1, 8, W): the boundaries given, the others 0."""
    width = len(boundaries[0])
    return np.array([[*boundaries, *[[0.0] * width] * (8 - len(boundaries))]])


def test_he_evaluates_columns_135_to_634_counted_from_1() -> None:
    assert he_columns(768) == slice(134, 634)


def test_he_columns_of_a_narrower_scan_are_the_same_part_of_it() -> None:
    columns = he_columns(192)
    assert (columns.start * 4, columns.stop * 4) == pytest.approx((134, 634), abs=3)


def test_errors_by_hand() -> None:
    truth = rows([10.0, 10, NAN, 10], [NAN, NAN, NAN, 20])
    truth[:, 2:] = NAN
    predicted = rows([11.0, 8, 99, 10], [0, 0, 0, 26])
    got = boundary_errors(predicted, truth, np.zeros_like(truth), row_um=2.0)
    assert got["MAE px ILM"] == pytest.approx((1 + 2 + 0) / 3)
    assert got["MAE px NFL-GCL"] == pytest.approx(6)
    assert got["MAE px"] == pytest.approx((1 + 2 + 0 + 6) / 4)
    assert got["MAE um"] == pytest.approx(2 * got["MAE px"])
    assert "MAE px BM" not in got


def test_he_drops_outer_columns_and_those_without_a_baseline_and_averages_scans_then_boundaries() -> None:
    # Of 8 columns, 1 to 6 count (134/768 and 634/768 of 8 are 1.4 and 6.6).
    assert he_columns(8) == slice(1, 7)
    truth = np.full((2, 8, 8), NAN)
    truth[:, :2] = 0
    predicted = np.zeros((2, 8, 8))
    baseline = np.zeros((2, 8, 8))
    predicted[:, 0, [0, 7]] = 1000  # outside
    predicted[0, 0, 3], baseline[0, 0, 3] = 1000, NAN  # dropped with the baseline
    predicted[0, 0, 1] = 10  # one of five columns left
    predicted[1, 0, 1:7] = 4
    predicted[1, 1, 1:7] = 1
    got = boundary_errors(predicted, truth, baseline, row_um=1.0)
    assert got["MAE px He ILM"] == pytest.approx((10 / 5 + 4) / 2)
    assert got["MAE px He NFL-GCL"] == pytest.approx((0 + 1) / 2)
    assert got["MAE px He"] == pytest.approx((3 + 0.5) / 2)


def test_a_scan_without_labels_does_not_dilute_the_mean() -> None:
    truth = np.zeros((2, 8, 8))
    truth[1] = NAN
    got = boundary_errors(np.full_like(truth, 3), truth, np.zeros_like(truth), row_um=1.0)
    assert got["MAE px He"] == got["MAE px"] == 3


def test_perfect_predictions_have_no_error() -> None:
    truth = np.random.default_rng(0).uniform(0, 100, (3, 8, 16))
    assert set(boundary_errors(truth, truth, truth, row_um=3.87).values()) == {0.0}


@pytest.mark.parametrize("shape", [(2, 7, 16), (2, 8, 15), (8, 16)])
def test_shapes_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected three arrays"):
        boundary_errors(np.zeros(shape), np.zeros((2, 8, 16)), np.zeros((2, 8, 16)), row_um=1.0)


def test_a_prediction_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        boundary_errors(rows([NAN]), rows([1.0]), rows([1.0]), row_um=1.0)
