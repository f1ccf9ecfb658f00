"""Label noise: of the size its parameters say, along limbs where hidden, and none where switched off."""

import numpy as np
import pytest

from datasets.keypoints import SIGMAS
from datasets.synthetic.people.label_noise import LabelNoise, joint_kind, label
from datasets.synthetic.people.write_coco import KEYPOINTS

NONE = LabelNoise(visible=0, outliers=0, hidden=0, slide=0, swapped=0, unlabelled=0, unlabelled_face=0)
AREA = 2500.0
UNIT = np.array([SIGMAS[joint_kind(name)] for name in KEYPOINTS])[:, None] * 50.0
POINTS = np.random.default_rng(3).uniform(20, 120, (17, 2))
VISIBLE, HIDDEN = np.full(17, 2), np.full(17, 1)


def labels(noise, seen, n=1500, from_behind=False):
    """(n, 17, 3)"""
    rng = np.random.default_rng(0)
    return np.array([label(rng, noise, KEYPOINTS, POINTS, seen, AREA, from_behind) for _ in range(n)])


def errors(noise, seen, n=1500):
    """(n, 17, 2) in units of sigma_k sqrt(area)"""
    return (labels(noise, seen, n)[..., :2] - POINTS) / UNIT


def test_sigmas_are_those_of_the_coco_evaluation():
    from pycocotools.cocoeval import Params

    np.testing.assert_allclose(
        [SIGMAS[joint_kind(name)] for name in KEYPOINTS], Params("keypoints").kpt_oks_sigmas
    )


def test_without_noise_the_label_is_the_truth():
    seen = np.array([0, 1, 2] * 5 + [0, 1])
    written = labels(NONE, seen, n=3)
    np.testing.assert_array_equal(written[0, :, 2], seen)
    np.testing.assert_allclose(written[0, seen > 0, :2], POINTS[seen > 0])
    assert (written[:, seen == 0] == 0).all()


def test_visible_joints_err_by_the_standard_deviation_asked_for():
    found = errors(NONE.model_copy(update={"visible": 0.2}), VISIBLE)
    np.testing.assert_allclose(found.std(axis=(0, 2)), 0.2, rtol=0.06)
    np.testing.assert_allclose(found.mean(axis=(0, 2)), 0.0, atol=0.02)


def test_outliers_widen_the_variance_as_a_mixture_does():
    found = errors(NONE.model_copy(update={"visible": 0.2, "outliers": 0.06, "outlier_factor": 5.0}), VISIBLE)
    assert found.std() == pytest.approx(0.2 * np.sqrt(0.94 + 0.06 * 25.0), rel=0.03)


def test_hidden_joints_slide_along_their_limb_only():
    found = errors(NONE.model_copy(update={"slide": 1.0}), HIDDEN)
    elbow, shoulder = KEYPOINTS.index("left_elbow"), KEYPOINTS.index("left_shoulder")
    along = POINTS[elbow] - POINTS[shoulder]
    along /= np.linalg.norm(along)
    assert np.abs(found[:, elbow] @ along).mean() == pytest.approx(1.0, rel=0.1)  # a Laplace's mean deviation
    np.testing.assert_allclose(found[:, elbow] @ [-along[1], along[0]], 0.0, atol=1e-9)
    np.testing.assert_allclose(found[:, KEYPOINTS.index("nose")], 0.0, atol=1e-9)


def test_hidden_joints_have_the_quantiles_of_students_t():
    from scipy.stats import t

    found = errors(NONE.model_copy(update={"hidden": 0.7, "tail": 2.5}), HIDDEN)[..., 0].ravel()
    for probability in (0.75, 0.9, 0.98):
        assert np.quantile(found, probability) == pytest.approx(0.7 * t.ppf(probability, 2.5), rel=0.06)


def test_unlabelled_shares_hold_for_face_and_body_and_for_hidden_joints_only():
    noise = NONE.model_copy(update={"unlabelled": 0.3, "unlabelled_face": 0.8})
    missing = (labels(noise, HIDDEN)[..., 2] == 0).mean(axis=0)
    np.testing.assert_allclose(missing[:5], 0.8, atol=0.05)
    np.testing.assert_allclose(missing[5:], 0.3, atol=0.05)
    assert (labels(noise, VISIBLE, n=50)[..., 2] == 2).all()


def swaps(noise, from_behind):
    written = labels(noise, VISIBLE, from_behind=from_behind)
    return {
        joint: (
            written[:, KEYPOINTS.index(f"left_{joint}"), :2] == POINTS[KEYPOINTS.index(f"right_{joint}")]
        ).all(1)
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "ear")
    }


def test_arms_and_legs_are_swapped_as_wholes_and_twice_as_often_from_behind():
    noise = NONE.model_copy(update={"swapped": 0.1})
    front, back = swaps(noise, False), swaps(noise, True)
    np.testing.assert_array_equal(front["elbow"], front["wrist"])
    np.testing.assert_array_equal(front["knee"], front["ankle"])
    assert front["elbow"].mean() == pytest.approx(0.1, abs=0.025)
    assert back["elbow"].mean() == pytest.approx(0.2, abs=0.03)
    assert not front["shoulder"].any()
    assert back["shoulder"].mean() == pytest.approx(0.2, abs=0.03)
    assert not back["ear"].any()


def test_a_swap_moves_the_flag_with_the_place():
    seen = np.where([name.startswith("left") for name in KEYPOINTS], 2, 1)
    written = labels(NONE.model_copy(update={"swapped": 1.0}), seen, n=1)[0]
    left, right = KEYPOINTS.index("left_wrist"), KEYPOINTS.index("right_wrist")
    np.testing.assert_array_equal(written[left], [*POINTS[right], 1])
    np.testing.assert_array_equal(written[right], [*POINTS[left], 2])
