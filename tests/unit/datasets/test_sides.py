"""Sides in names: found in every usual spelling, and never taken for the middle."""

import pytest

from datasets.keypoints import KEYPOINTS
from datasets.sides import flip_pairs, unpaired
from datasets.skeleton import sides


def test_cocos_pairs_are_neighbours() -> None:
    assert flip_pairs(KEYPOINTS) == tuple((i, i + 1) for i in range(1, 17, 2))


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
        ("front_left_paw", "front_right_paw"),
        ("L_F_Paw", "R_F_Paw"),
        ("earL", "earR"),
        ("LEar", "REar"),
        ("leftear", "rightear"),
        ("lear", "rear"),
        ("fl_paw", "fr_paw"),
        ("RLpaw", "RRpaw"),
        ("Ear_left_1", "Ear_right_1"),
        ("l_ear", "right_ear"),
        ("left_ear", "ear_r"),
    ],
)
def test_sides_are_read_in_every_usual_spelling(left: str, right: str) -> None:
    names = ("nose", right, left)
    assert flip_pairs(names) == ((1, 2),)
    assert sides(names, ((1, 2),)) == ("middle", "right", "left")


def test_two_spellings_in_one_set_are_two_pairs() -> None:
    assert flip_pairs(["l_ear", "left_ear", "r_ear", "right_ear"]) == ((0, 2), (1, 3))


def test_legs_in_front_and_behind_keep_to_themselves() -> None:
    assert flip_pairs(["fl", "fr", "rl", "rr"]) == ((0, 1), (2, 3))


@pytest.mark.parametrize(
    ("names", "lacking"),
    [
        (["left_eye", "right_eye", "left_ear"], ["left_ear"]),
        (["nose", "earR"], ["earR"]),
        (["l_ear", "left_ear", "right_ear"], ["l_ear"]),
        (["nose", "kp1", "kp2"], ["kp1", "kp2"]),
        (["1", "2"], ["1", "2"]),
        (["left_eye", "right_eye", "face-0", "face-1"], ["face-0", "face-1"]),
        (["wrist", "thumb1", "thumb2"], ["wrist", "thumb1", "thumb2"]),
        (["leftover", "right"], ["leftover", "right"]),
    ],
)
def test_nothing_is_mirrored_where_partners_are_not_known(names: list[str], lacking: list[str]) -> None:
    assert unpaired(names) == tuple(lacking)
    assert flip_pairs(names) is None


@pytest.mark.parametrize("names", [["nose", "neck", "tail_base"], ["ball"], ["spine1", "spine2", "head"]])
def test_what_lies_in_the_middle_has_no_partner(names: list[str]) -> None:
    assert flip_pairs(names) == ()
