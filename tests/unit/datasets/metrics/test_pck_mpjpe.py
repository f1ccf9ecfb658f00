"""PCKh and AUC on cases worked by hand; Procrustes by what it must leave unchanged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from datasets.metrics import pck_mpjpe

HEADS = np.array([10.0, 20.0])


def skeletons(seed: int, spread: float = 300.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, spread, (4, 17, 3))


# --- PCKh ---


def test_a_head_is_six_tenths_of_its_boxs_diagonal() -> None:
    boxes = np.array([[[10.0, 20.0], [40.0, 60.0]], [[40.0, 60.0], [10.0, 20.0]]])
    assert pck_mpjpe.head_sizes(boxes).tolist() == [30.0, 30.0]


def test_errors_are_in_heads() -> None:
    truth = np.zeros((2, 1, 2))
    predicted = np.array([[[3.0, 4.0]], [[3.0, 4.0]]])
    assert pck_mpjpe.head_errors(predicted, truth, HEADS).tolist() == [[0.5], [0.25]]


def test_pckh_weighs_every_counted_joint_the_same() -> None:
    errors = np.array([[0.1, 0.4, 9.0], [0.6, 0.2, 9.0]])
    counted = np.array([[True, True, False], [True, False, False]])
    assert pck_mpjpe.pckh(errors, counted, 0.5) == pytest.approx(200 / 3)


def test_pckh_is_the_mean_of_joints_weighted_by_how_often_each_is_annotated() -> None:
    rng = np.random.default_rng(0)
    errors, counted = rng.random((50, 14)), rng.random((50, 14)) < 0.7
    by_joint = np.array([100 * (errors[counted[:, k], k] <= 0.3).mean() for k in range(14)])
    weighted = (by_joint * counted.sum(0)).sum() / counted.sum()
    assert pck_mpjpe.pckh(errors, counted, 0.3) == pytest.approx(weighted)


def test_an_error_at_the_threshold_is_a_hit() -> None:
    errors = np.array([[0.1, 0.10000001]])
    assert pck_mpjpe.pckh(errors, np.ones((1, 2), bool), 0.1) == 50.0


def test_a_tenth_and_eleven_hundredths_are_told_apart() -> None:
    errors = np.array([[0.05, 0.105, 0.2, 0.3]])
    counted = np.ones((1, 4), bool)
    assert [pck_mpjpe.pckh(errors, counted, t) for t in (0.1, 0.11)] == [25.0, 50.0]


def test_nothing_to_count_is_an_error() -> None:
    with pytest.raises(ValueError, match="counted"):
        pck_mpjpe.pckh(np.zeros((2, 3)), np.zeros((2, 3), bool), 0.5)


# --- AUC ---


def test_the_auc_of_a_curve_that_rises_evenly_is_its_middle() -> None:
    curve = np.linspace(0.0, 80.0, 51)
    assert pck_mpjpe.trapezoid_auc(curve) == pytest.approx(40.0)
    assert pck_mpjpe.mean_auc(curve) == pytest.approx(40.0)


def test_the_trapezoid_gives_the_ends_half_the_weight() -> None:
    curve = np.array([0.0, 10.0, 40.0])
    assert pck_mpjpe.trapezoid_auc(curve) == pytest.approx((5.0 + 25.0) / 2)
    assert pck_mpjpe.mean_auc(curve) == pytest.approx(50 / 3)


def test_the_auc_of_one_joint_off_by_a_quarter_head_by_hand() -> None:
    curve = pck_mpjpe.pckh_curve(np.array([[0.25]]), np.array([[True]]), pck_mpjpe.AUC_THRESHOLDS)
    assert curve.tolist() == [0.0] * 25 + [100.0] * 26
    assert pck_mpjpe.trapezoid_auc(curve) == pytest.approx(100 * 25.5 / 50)
    assert pck_mpjpe.mean_auc(curve) == pytest.approx(100 * 26 / 51)


# --- MPJPE and PA-MPJPE ---


def test_joint_errors_are_euclidean_distances() -> None:
    truth = np.zeros((1, 2, 3))
    predicted = np.array([[[1.0, 2.0, 2.0], [0.0, 3.0, 4.0]]])
    assert pck_mpjpe.joint_errors(predicted, truth).tolist() == [[3.0, 5.0]]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 100.0),
    st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3),
)
def test_alignment_takes_back_any_similarity_transform(seed: int, scale: float, shift: list[float]) -> None:
    truth = skeletons(seed)
    rotation = Rotation.random(4, random_state=seed % 2**31).as_matrix()
    moved = scale * truth @ rotation.transpose(0, 2, 1) + shift
    assert pck_mpjpe.joint_errors(pck_mpjpe.aligned(moved, truth), truth).max() < 1e-6


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1000.0), st.booleans())
def test_alignment_never_makes_the_squared_error_larger(seed: int, noise: float, mirrored: bool) -> None:
    truth = skeletons(seed)
    predicted = truth + noise * np.random.default_rng(seed + 1).normal(size=truth.shape)
    if mirrored:
        predicted = predicted * [-1, 1, 1]
    before, after = (
        (pck_mpjpe.joint_errors(p, truth) ** 2).sum(1)
        for p in (predicted, pck_mpjpe.aligned(predicted, truth))
    )
    assert (after <= before * (1 + 1e-9) + 1e-9).all()


def test_a_mirror_image_is_not_taken_back() -> None:
    truth = skeletons(3)
    assert pck_mpjpe.joint_errors(pck_mpjpe.aligned(truth * [-1, 1, 1], truth), truth).mean() > 50


def test_each_person_is_aligned_for_itself() -> None:
    truth, predicted = skeletons(1), skeletons(2)
    together = pck_mpjpe.aligned(predicted, truth)
    alone = np.concatenate([pck_mpjpe.aligned(predicted[[n]], truth[[n]]) for n in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-9)


def test_a_prediction_of_one_point_lies_at_the_middle_of_the_truth() -> None:
    truth = skeletons(5)
    found = pck_mpjpe.aligned(np.full(truth.shape, 7.0), truth)
    np.testing.assert_allclose(found, np.broadcast_to(truth.mean(1, keepdims=True), truth.shape))
