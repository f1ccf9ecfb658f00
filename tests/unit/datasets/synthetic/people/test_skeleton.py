"""The 3-D person: bones are rigid, left is left, and a sampled body has human proportions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from datasets.synthetic.people.poses import Poses, sample_person
from datasets.synthetic.people.skeleton import INDEX, JOINTS, PARENTS, forward_kinematics, sample_body
from datasets.synthetic.render.rotations import about_x, about_y, about_z

angles = st.floats(-180, 180)
rotations = st.builds(lambda a, b, c: about_x(a) @ about_y(b) @ about_z(c), angles, angles, angles)
poses = st.dictionaries(st.sampled_from(JOINTS), rotations)


def bones(joints: np.ndarray) -> np.ndarray:
    children = [index for index, parent in enumerate(PARENTS) if parent >= 0]
    return np.linalg.norm(joints[children] - joints[[PARENTS[c] for c in children]], axis=1)


@given(seed=st.integers(0, 2**32 - 1), rotations=poses)
@settings(max_examples=60)
def test_bones_keep_their_length_in_any_pose(seed, rotations):
    body = sample_body(np.random.default_rng(seed))
    person = forward_kinematics(body, rotations)
    np.testing.assert_allclose(bones(person.joints), body.lengths[1:], atol=1e-12)
    squares = person.frames @ person.frames.transpose(0, 2, 1)
    np.testing.assert_allclose(squares, np.broadcast_to(np.eye(3), squares.shape), atol=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_sampled_poses_keep_the_bones_of_the_body(seed):
    rng = np.random.default_rng(seed)
    body = sample_body(rng)
    everything = Poses(spread=1.0, walking=0.2, reaching=0.2, sitting=0.2, bending=0.2, lying=0.2)
    np.testing.assert_allclose(
        bones(sample_person(rng, body, everything).joints), body.lengths[1:], atol=1e-12
    )


@given(seed=st.integers(0, 2**32 - 1), rotation=rotations)
@settings(max_examples=30)
def test_a_rigid_motion_keeps_all_distances_and_turns_the_facing(seed, rotation):
    rng = np.random.default_rng(seed)
    person = sample_person(rng, sample_body(rng), Poses())
    moved = person.moved(rotation, np.array([1.0, -2.0, 3.0]))
    between = np.linalg.norm(person.joints[:, None] - person.joints[None], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(moved.joints[:, None] - moved.joints[None], axis=-1), between)
    np.testing.assert_allclose(moved.facing, rotation @ person.facing, atol=1e-12)


def test_every_parent_stands_before_its_children():
    assert PARENTS[0] == -1
    assert all(0 <= parent < index for index, parent in enumerate(PARENTS) if index)


def test_at_rest_a_person_faces_the_viewer_upright_with_left_at_image_right():
    person = forward_kinematics(sample_body(np.random.default_rng(0)), {})
    left, right = ([INDEX[n] for n in JOINTS if n.startswith(side)] for side in ("left_", "right_"))
    np.testing.assert_allclose(person.joints[left] * [-1, 1, 1], person.joints[right], atol=1e-12)
    assert (person.joints[left, 0] > 0).all()
    assert person.joint("nose")[2] < person.joint("head")[2]
    heights = [
        person.joint(n)[1] for n in ("head_top", "neck", "thorax", "pelvis", "left_knee", "left_ankle")
    ]
    assert heights == sorted(heights)
    np.testing.assert_allclose(person.facing, [0, 0, -1], atol=1e-12)


def test_head_top_to_sole_is_about_the_stature():
    for seed in range(50):
        body = sample_body(np.random.default_rng(seed))
        person = forward_kinematics(body, {})
        span = person.joint("left_toe")[1] - person.joint("head_top")[1]
        assert span / body.stature == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "wrong",
    [{"sitting": 0.6, "walking": 0.6}, {"from_back": 0.7, "from_side": 0.7}, {"lying": -0.1}, {"spread": -1}],
)
def test_impossible_probabilities_are_refused(wrong):
    with pytest.raises(ValidationError):
        Poses(**wrong)
