import pytest
from pycocotools.cocoeval import Params

from datasets.keypoints import KEYPOINTS, SKELETON, flip_pairs, oks_sigmas, upper_body


def test_cocos_sigmas_are_those_of_pycocotools() -> None:
    assert oks_sigmas(KEYPOINTS) == pytest.approx(Params(iouType="keypoints").kpt_oks_sigmas)


def test_cocos_pairs_are_neighbours() -> None:
    assert flip_pairs(KEYPOINTS) == tuple((i, i + 1) for i in range(1, 17, 2))


def test_cocos_upper_body_is_the_first_eleven() -> None:
    assert upper_body(KEYPOINTS) == (True,) * 11 + (False,) * 6


def test_cocos_limbs_join_keypoints_that_exist() -> None:
    assert len(SKELETON) == 19
    assert {end for limb in SKELETON for end in limb} == set(range(1, 18))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("left_eye", "right_eye"),
        ("l_eye", "r_eye"),
        ("eye_l", "eye_r"),
        ("eye_left", "eye_right"),
        ("leftEye", "rightEye"),
        ("LeftEye", "RightEye"),
        ("Left Eye", "Right Eye"),
        ("L-eye", "R-eye"),
        ("left_big_toe", "right_big_toe"),
    ],
)
def test_sides_are_read_in_every_usual_spelling(left: str, right: str) -> None:
    assert flip_pairs(["nose", right, left]) == ((1, 2),)


@pytest.mark.parametrize("name", ["l_eye", "eye_l", "leftEye", "Right Eye"])
def test_sigmas_are_found_in_every_usual_spelling(name: str) -> None:
    assert oks_sigmas([name]) == (0.025,)


def test_a_word_that_begins_like_a_side_is_none() -> None:
    assert flip_pairs(["lip", "leftover", "right", "neck"]) == ()


def test_a_side_without_partner_forbids_mirroring() -> None:
    assert flip_pairs(["left_eye", "right_eye", "left_ear"]) is None


def test_an_unknown_name_without_a_sigma_is_named() -> None:
    with pytest.raises(ValueError, match="tail"):
        oks_sigmas(["nose", "tail"])


def test_given_sigmas_win_and_fill_gaps() -> None:
    assert oks_sigmas(["nose", "tail", "l_eye"], {"tail": 0.1, "nose": 0.5}) == (0.5, 0.1, 0.025)


def test_a_sigma_for_no_keypoint_is_refused() -> None:
    with pytest.raises(ValueError, match="trunk"):
        oks_sigmas(["nose"], {"trunk": 0.1})
