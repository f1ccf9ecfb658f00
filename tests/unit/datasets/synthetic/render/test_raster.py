"""The z-buffer: what is drawn has the size, depth, normals and order that geometry gives it."""

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.synthetic.people.props import box, in_camera_frame
from datasets.synthetic.render import raster
from datasets.synthetic.render.camera import Camera
from datasets.synthetic.render.raster import Buffer, Capsule, Ellipsoid, Face, Material, draw
from datasets.synthetic.render.rotations import about_x, about_y

CAMERA = Camera(focal=200.0, centre=(99.0, 99.0), height=1.0, pitch=0.0)
GREY, RED = Material((128.0, 128.0, 128.0)), Material((200.0, 0.0, 0.0))


def drawn(*solids):
    buffer = Buffer.empty(200, 200)
    for owner, solid in enumerate(solids):
        draw(buffer, CAMERA, [solid], owner)
    return buffer


def sphere(z, radius, material=GREY):
    return Ellipsoid(np.array([0.0, 0.0, z]), np.eye(3), (radius, radius, radius), material)


def same(a, b):
    return np.testing.assert_allclose(a, b, atol=2e-3)


def test_a_sphere_covers_its_disc_and_bulges_towards_the_camera():
    buffer = drawn(sphere(4.0, 1.0))
    assert (buffer.owner == 0).sum() == pytest.approx(np.pi * 50.0**2, rel=0.01)
    assert buffer.depth[99, 99] == pytest.approx(3.0, abs=1e-3)
    same(buffer.normal[:, 99, 99], [0, 0, -1])
    covered = buffer.owner == 0
    same(np.linalg.norm(buffer.normal[:, covered], axis=0), 1.0)
    assert (buffer.normal[2, covered] <= 0).all()
    assert np.isinf(buffer.depth[~covered]).all()


def test_a_capsule_without_length_is_a_sphere():
    end = np.array([0.0, 0.0, 4.0])
    capsule, ball = drawn(Capsule(end, end, 1.0, 1.0, GREY)), drawn(sphere(4.0, 1.0))
    both = (capsule.owner == 0) & (ball.owner == 0)
    same(capsule.depth[both], ball.depth[both])
    assert (capsule.owner == ball.owner).mean() > 0.999  # all but pixels on the rim itself


def test_an_open_capsule_ends_at_its_second_end():
    a, b = np.array([-0.5, 0.0, 4.0]), np.array([0.5, 0.0, 4.0])
    columns = np.flatnonzero((drawn(Capsule(a, b, 0.3, 0.3, GREY, open=True)).owner == 0).any(axis=0))
    assert columns[-1] == pytest.approx(CAMERA.image(b)[0], abs=1.0)
    assert columns[0] == pytest.approx(CAMERA.image(a)[0] - 15.0, abs=1.0)


def test_the_nearest_solid_is_seen_whatever_the_order_of_drawing():
    solids = [sphere(4.0, 1.0), sphere(3.0, 0.4, RED), Face(square(2.9, 0.2), GREY)]
    depths = [drawn(*order).depth for order in itertools.permutations(solids)]
    for depth in depths[1:]:
        np.testing.assert_array_equal(depth, depths[0])


def square(z, half):
    return np.array([[-half, -half, z], [-half, half, z], [half, half, z], [half, -half, z]])


def test_a_tilted_face_has_the_depth_of_its_plane():
    corners = np.array([[-1.0, -1.0, 4.0], [-1.0, 1.0, 4.0], [1.0, 1.0, 5.0], [1.0, -1.0, 5.0]])
    buffer = drawn(Face(corners, GREY))
    rows, columns = np.nonzero(buffer.owner == 0)
    depth = buffer.depth[rows, columns]
    x = (columns - 99.0) / 200.0 * depth
    same(depth, 4.5 + 0.5 * x)


def test_a_face_is_seen_from_one_side_only():
    assert (drawn(Face(square(4.0, 1.0), GREY)).owner == 0).any()
    assert not (drawn(Face(square(4.0, 1.0)[::-1], GREY)).owner == 0).any()


@pytest.mark.parametrize("turn", [0.0, 25.0, 80.0, 200.0])
def test_the_faces_of_a_box_look_outwards(turn):
    base = np.array([0.3, 0.0, 5.0])
    middle = base - [0.0, 0.4, 0.0]
    for face in box(base, (1.0, 0.8, 0.6), turn, GREY):
        outwards = np.cross(face.corners[1] - face.corners[0], face.corners[2] - face.corners[0])
        assert outwards @ (face.corners.mean(axis=0) - middle) > 0


def test_solids_behind_the_camera_are_left_out():
    ahead, behind = sphere(4.0, 0.5), sphere(-4.0, 0.5)
    assert len(in_camera_frame(CAMERA, [ahead, behind])) == 1


def test_what_lies_outside_the_picture_leaves_the_buffer_empty():
    aside = Ellipsoid(np.array([50.0, 0.0, 4.0]), np.eye(3), (1.0, 1.0, 1.0), GREY)
    assert (drawn(aside).owner == -1).all()


NUMBER = st.floats(-2.0, 2.0)
RADIUS = st.floats(0.01, 1.5)
PLACE = st.builds(lambda x, y, z: np.array([x, y, z]), NUMBER, NUMBER, st.floats(0.5, 6.0))
MATERIAL = st.sampled_from([GREY, Material((9.0, 9.0, 9.0), "checks", (0.0, 0.0, 0.0))])
CAPSULE = st.builds(Capsule, PLACE, PLACE, RADIUS, RADIUS, MATERIAL, st.booleans())
AXES = st.builds(lambda a, b: about_x(a) @ about_y(b), st.floats(-180, 180), st.floats(-180, 180))
ELLIPSOID = st.builds(
    Ellipsoid, PLACE, AXES, st.tuples(RADIUS, RADIUS, RADIUS), MATERIAL, st.tuples(NUMBER, NUMBER)
)


@given(solids=st.lists(CAPSULE | ELLIPSOID, min_size=1, max_size=4))
def test_compiled_code_draws_what_numpy_draws_bit_for_bit(solids):
    assert raster.compiled() is not None
    fast = drawn(*solids)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raster, "compiled", lambda: None)
        plain = drawn(*solids)
    assert fast.materials == plain.materials
    for ours, reference in zip(fast.arrays, plain.arrays, strict=True):
        np.testing.assert_array_equal(ours, reference)


def test_without_numba_pictures_are_drawn_by_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    raster.compiled.cache_clear()
    try:
        with pytest.warns(UserWarning, match="numba"):
            buffer = drawn(sphere(4.0, 1.0))
        assert (buffer.owner == 0).any()
    finally:
        raster.compiled.cache_clear()
