"""Drawings: where things are on the picture, and in which colour."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.human36m.config import Human36MFolder, Human36MPose
from datasets.mpii.config import MpiiFolder, MpiiPose
from datasets.sides import flip_pairs
from datasets.skeleton import Skeleton, sides
from orchestrator.inference.drawing import COLOURS, LEAST_SIDE, draw
from orchestrator.inference.estimator import PredictedPeople

GREY = np.full((LEAST_SIDE, LEAST_SIDE, 3), 100, np.uint8)
ONE_LIMB = Skeleton(("left_hip", "left_knee"), ((0, 1),), ("left", "left"))


def people(points: list[list[tuple[float, float]]], half: float | None = None) -> PredictedPeople:
    """People at points, the later the surer, with a spread of `half` pixels across and twice that down."""
    places = np.array(points, np.float64)
    spread = None if half is None else np.broadcast_to(np.array([half, 2 * half]), places.shape)
    N = len(places)
    return PredictedPeople(
        places, None, spread, spread, np.ones(places.shape[:2]), np.arange(N) / N, np.ones(N)
    )


def test_a_limb_is_drawn_between_its_ends_and_nowhere_else() -> None:
    drawn = draw(GREY, people([[(100, 200), (300, 200)]]), ONE_LIMB)
    assert tuple(drawn[200, 200]) == COLOURS["left"]
    changed = (drawn != GREY).any(2)
    assert changed[:, 98:303].any(0).all()
    rows, columns = changed.nonzero()
    assert (rows.min(), rows.max()) > (185, 185)
    assert rows.max() < 215
    assert columns.min() > 85
    assert columns.max() < 315


def test_an_ellipse_reaches_as_far_as_the_spread() -> None:
    ends = people([[(300, 300), (300, 302)]], half=40.0)
    changed = (draw(GREY, ends, Skeleton(ONE_LIMB.names, (), ONE_LIMB.sides)) != GREY).any(2)
    assert changed[300, 262:338].all()
    assert not changed[300, :258].any()
    assert not changed[300, 343:].any()
    assert changed[222:380, 300].all()
    assert not changed[:218, 300].any()


def test_a_region_is_a_ring_about_the_keypoint() -> None:
    ends = people([[(300, 300), (300, 302)]])
    wide = replace(ends, region=np.full((1, 2, 2), 60.0))
    changed = (draw(GREY, wide, Skeleton(ONE_LIMB.names, (), ONE_LIMB.sides)) != GREY).any(2)
    assert changed[300, [240, 360]].all()
    assert not changed[300, 250:280].any()
    assert not changed[300, 365:].any()


def test_the_picture_itself_stays_as_it_was() -> None:
    before = GREY.copy()
    draw(GREY, people([[(100, 200), (300, 200)]], half=20.0), ONE_LIMB)
    assert np.array_equal(GREY, before)


def test_the_surest_person_is_drawn_last() -> None:
    right = Skeleton(("a", "b"), ((0, 1),), ("right", "right"))
    both = people([[(100, 100), (300, 300)], [(100, 300), (300, 100)]])
    drawn = draw(GREY, both, right)
    along = np.arange(-20, 21)
    colour = np.array(COLOURS["right"])
    assert (drawn[200 - along, 200 + along] == colour).all()
    assert not (drawn[200 + along, 200 + along] == colour).all()  # the other's outline crosses it
    assert np.array_equal(draw(GREY, both.rows(np.array([1, 0])), right), drawn)


def test_small_pictures_are_enlarged_and_points_with_them() -> None:
    small = np.full((100, 160, 3), 100, np.uint8)
    drawn = draw(small, people([[(40, 50), (80, 50)]]), ONE_LIMB)
    assert drawn.shape == (400, 640, 3)
    assert tuple(drawn[202, 242]) == COLOURS["left"]


def test_limbs_of_wide_pictures_are_where_they_belong() -> None:
    wide = np.full((40, 30_000, 3), 100, np.uint8)
    drawn = draw(wide, people([[(29_000, 20), (29_500, 20)]]), ONE_LIMB)
    assert tuple(drawn[20, 29_250]) == COLOURS["left"]
    assert not (drawn[:, :28_900] != wide[:, :28_900]).any()


def test_points_far_outside_do_no_harm() -> None:
    drawn = draw(GREY, people([[(-1e9, 200), (1e9, 200)]], half=1e9), ONE_LIMB)
    assert drawn.shape == GREY.shape


@pytest.mark.parametrize(
    "data",
    [
        CocoKeypoints(source=CocoFolder()),
        MpiiPose(source=MpiiFolder()),
        Human36MPose(source=Human36MFolder()),
    ],
    ids=lambda data: data.name,
)
def test_every_skeleton_is_symmetric_and_leaves_no_point_out(data) -> None:
    bones = data.skeleton
    assert len(bones.names) == data.points
    mirror = dict(data.flip_pairs) | {right: left for left, right in data.flip_pairs}
    limbs = {frozenset(limb) for limb in bones.limbs}
    assert {frozenset(mirror.get(end, end) for end in limb) for limb in limbs} == limbs
    assert set().union(*limbs) == set(range(data.points))
    for name, side in zip(bones.names, bones.sides, strict=True):
        assert name.startswith(side) or side == "middle"
        assert (side == "middle") == ("left" not in name and "right" not in name)


@pytest.mark.parametrize(
    "names",
    [("left_eye", "right_eye"), ("r_eye", "l_eye"), ("eye_l", "eye_r"), ("RightEye", "LeftEye")],
)
def test_sides_are_read_in_every_spelling(names: tuple[str, str]) -> None:
    pairs = flip_pairs(("nose", *names))
    assert pairs == ((1, 2),)
    left = 1 if "l" in names[0].lower().replace("eye", "").replace("right", "") else 2
    found = sides(("nose", *names), pairs)
    assert found[0] == "middle"
    assert found[left] == "left"
    assert found[3 - left] == "right"


def test_a_limb_from_side_to_side_is_in_the_middle_and_one_from_the_middle_is_not() -> None:
    bones = Skeleton(("nose", "left_eye", "right_eye"), (), ("middle", "left", "right"))
    assert bones.side((1, 2)) == "middle"
    assert bones.side((0, 1)) == "left"
    assert bones.side((2, 0)) == "right"
    assert bones.side((0, 0)) == "middle"
