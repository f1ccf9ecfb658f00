"""Camera and placement: a pinhole, and people who stand on the floor and in the picture."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets.synthetic.people.poses import Poses
from datasets.synthetic.people.scene import Framing, sample_scene
from datasets.synthetic.render.camera import Camera
from tests.support.errors import invalid

MARGIN = 5.0  # px between the joints and the edge of the picture
cameras = st.builds(
    Camera,
    focal=st.floats(100, 500),
    centre=st.tuples(st.floats(0, 200), st.floats(0, 200)),
    height=st.floats(0.5, 2.0),
    pitch=st.floats(-20, 20),
)
points = st.tuples(st.floats(-2, 2), st.floats(-2, 0), st.floats(4, 9)).map(np.array)


@example(
    camera=Camera(focal=334.0, centre=(5e-324, 0.0), height=1.0, pitch=0.0),
    point=np.array([5e-324, 0.0, 4.0]),
)
@given(camera=cameras, point=points)
def test_projection_is_that_of_the_intrinsic_and_extrinsic_matrices(camera, point):
    intrinsic = np.array(
        [[camera.focal, 0, camera.centre[0]], [0, camera.focal, camera.centre[1]], [0, 0, 1]]
    )
    extrinsic = np.column_stack([camera.rotation, -camera.rotation @ camera.position])
    u, v, w = intrinsic @ extrinsic @ np.append(point, 1.0)
    np.testing.assert_allclose(camera.project(point), [u / w, v / w], atol=1e-9)  # pixels


@given(camera=cameras, points=st.lists(points, min_size=3, max_size=3))
def test_straight_lines_stay_straight(camera, points):
    a, b, _ = points
    u = camera.project(np.array([a, 0.3 * a + 0.7 * b, b]))
    area = np.linalg.det(np.column_stack([u, np.ones(3)]))
    assert abs(area) < 1e-6 * (1 + np.abs(u).max()) ** 2


@given(camera=cameras, point=points, factor=st.integers(1, 4))
def test_a_scaled_camera_refines_every_pixel_about_its_centre(camera, point, factor):
    coarse, fine = camera.project(point), camera.scaled(factor).project(point)
    np.testing.assert_allclose((fine + 0.5) / factor, coarse + 0.5, rtol=1e-9, atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_people_touch_the_floor_and_never_sink_into_it(seed):
    scene = sample_scene(np.random.default_rng(seed), Framing(people=(0.4, 0.3, 0.3)), Poses(spread=1.0))
    for person in scene.people:
        lowest = person.joints[:, 1].max()
        assert -0.25 < lowest < 0.0


@given(seed=st.integers(0, 2**32 - 1))
@example(seed=350)
@example(seed=368)
@example(seed=1300)
@example(seed=386090)
@settings(max_examples=50)
def test_a_person_who_is_not_truncated_lies_inside_but_for_the_parallax_of_the_move_sideways(seed):
    framing = Framing(truncated=0.0, figure=(70.0, 90.0), people=(1.0,))
    scene = sample_scene(np.random.default_rng(seed), framing, Poses())
    camera, (person,) = scene.camera, scene.people
    points = camera.project(person.joints)
    moved = camera.project(person.joint("pelvis"))[0] - camera.centre[0]
    depths = camera.view(person.joints)[:, 2]
    points[:, 0] -= moved * (camera.view(person.joint("pelvis"))[2] / depths - 1.0)
    assert (points >= MARGIN - 1e-6).all()
    assert (points <= np.array([framing.width, framing.height]) - 1 - MARGIN + 1e-6).all()


def test_truncation_always_cuts_somebody_off_when_asked():
    framing = Framing(truncated=1.0, people=(1.0,))
    for seed in range(30):
        scene = sample_scene(np.random.default_rng(seed), framing, Poses())
        points = scene.camera.project(scene.people[0].joints)
        assert ((points < 0) | (points > [framing.width - 1, framing.height - 1])).any()


def test_upright_people_span_the_pixels_asked_for():
    framing = Framing(figure=(100.0, 100.0), pitch=(0.0, 0.0), people=(1.0,), truncated=0.0)
    still = Poses(spread=0.0, walking=0, reaching=0, sitting=0, bending=0, lying=0)
    for seed in range(10):
        scene = sample_scene(np.random.default_rng(seed), framing, still)
        person = scene.people[0]
        top, sole = person.joint("pelvis").copy(), person.joint("pelvis").copy()
        top[1], sole[1] = -person.body.stature, 0.0
        span = scene.camera.project(sole)[1] - scene.camera.project(top)[1]
        assert span == pytest.approx(100.0, rel=1e-6)


def test_the_number_of_people_follows_its_probabilities():
    framing = Framing(people=(0.5, 0.3, 0.2))
    rng = np.random.default_rng(0)
    counts = [len(sample_scene(rng, framing, Poses()).people) for _ in range(400)]
    np.testing.assert_allclose(np.bincount(counts, minlength=4)[1:] / 400, framing.people, atol=0.08)


@pytest.mark.parametrize(
    "wrong",
    [{"people": (0.5, 0.2)}, {"figure": (90.0, 80.0)}, {"camera_height": (0.0, 1.0)}, {"pitch": (0.0, 60.0)}],
)
def test_impossible_framing_is_refused(wrong):
    with invalid("value_error"):
        Framing(**wrong)
