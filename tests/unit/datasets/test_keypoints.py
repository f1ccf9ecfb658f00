import pytest
from pycocotools.cocoeval import Params

from datasets.keypoints import KEYPOINTS, SKELETON, oks_sigmas, upper_body


def test_cocos_sigmas_are_those_of_pycocotools() -> None:
    assert oks_sigmas(KEYPOINTS) == pytest.approx(Params(iouType="keypoints").kpt_oks_sigmas)


def test_cocos_upper_body_is_the_first_eleven() -> None:
    assert upper_body(KEYPOINTS) == (True,) * 11 + (False,) * 6


def test_cocos_limbs_join_keypoints_that_exist() -> None:
    assert len(SKELETON) == 19
    assert {end for limb in SKELETON for end in limb} == set(range(1, 18))


@pytest.mark.parametrize("name", ["l_eye", "eye_l", "leftEye", "Right Eye"])
def test_sigmas_are_found_in_every_usual_spelling(name: str) -> None:
    assert oks_sigmas([name]) == (0.025,)


def test_an_unknown_name_without_a_sigma_is_named() -> None:
    with pytest.raises(ValueError, match="tail"):
        oks_sigmas(["nose", "tail"])


def test_given_sigmas_win_and_fill_gaps() -> None:
    assert oks_sigmas(["nose", "tail", "l_eye"], {"tail": 0.1, "nose": 0.5}) == (0.5, 0.1, 0.025)


def test_a_sigma_for_no_keypoint_is_refused() -> None:
    with pytest.raises(ValueError, match="trunk"):
        oks_sigmas(["nose"], {"trunk": 0.1})
