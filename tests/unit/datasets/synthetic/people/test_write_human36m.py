"""Human3.6M's generated twin: cameras that see what the files say, protocol 2's frames, always the same."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from datasets.base.annotated import AnnotatedSet
from datasets.human36m import annotation_files
from datasets.human36m.camera import Cameras
from datasets.human36m.samples import Frames
from datasets.io.image import decode
from datasets.synthetic.people import write_human36m as twin
from datasets.synthetic.people.write_human36m import Human36MPeople, write
from tests.support.errors import refused

SMALL = Human36MPeople(train=2, val=8, side=64)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "human36m"
    write(SMALL, folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def found(root: Path) -> AnnotatedSet[Frames]:
    return annotation_files.read(root, "posenet")


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


def test_the_world_projected_by_the_written_cameras_is_where_the_renderer_drew_it(
    found: AnnotatedSet[Frames],
) -> None:
    poses = [capture for capture in twin.captures(SMALL) if capture.subject in twin.TRAIN_SUBJECTS]
    points = found.train.cameras.image(found.train.cameras.view(found.train.world))
    drawn = []
    for capture in poses:
        person = twin.pose(SMALL, capture)
        for view in twin.studio_cameras(SMALL, capture.subject).values():
            before = person.moved(view.turn, -view.turn @ view.foot)
            drawn.append(view.lens.project(before.joints)[twin._SELECTED])
    assert np.abs(points - np.array(drawn)).max() < 1e-4


def test_the_written_camera_is_the_one_that_rendered(found: AnnotatedSet[Frames]) -> None:
    view = twin.studio_cameras(SMALL, 1)[1]
    np.testing.assert_allclose(found.train.cameras.rotation[0], view.rotation, atol=1e-12)
    np.testing.assert_allclose(found.train.cameras.position[0], view.position, atol=1e-6)
    np.testing.assert_allclose(view.rotation @ view.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view.rotation) == pytest.approx(1)


def test_four_cameras_stand_around_the_studio_at_eye_level_and_look_in() -> None:
    positions = np.array([view.position for view in twin.studio_cameras(SMALL, 5).values()])
    angles = np.sort(np.rad2deg(np.arctan2(positions[:, 1], positions[:, 0])))
    assert (np.abs(np.diff(angles) - 90) < 35).all()
    assert ((positions[:, 2] >= 1300) & (positions[:, 2] <= 1700)).all()
    ahead = np.array([view.rotation[2] for view in twin.studio_cameras(SMALL, 5).values()])
    middle = np.array([0, 0, 900.0]) - positions
    np.testing.assert_allclose(ahead, middle / np.linalg.norm(middle, axis=1, keepdims=True), atol=1e-9)


def test_cameras_keep_their_lens_and_move_between_subjects() -> None:
    first, other = twin.studio_cameras(SMALL, 1), twin.studio_cameras(SMALL, 9)
    assert [view.lens.focal for view in first.values()] == [view.lens.focal for view in other.values()]
    assert not np.allclose(first[1].position, other[1].position)


def test_a_subject_keeps_the_lengths_of_its_bones(found: AnnotatedSet[Frames]) -> None:
    thigh = np.linalg.norm(found.train.world[:, 1] - found.train.world[:, 2], axis=1)
    by_subject = thigh.reshape(5, -1)
    assert np.ptp(by_subject, axis=1).max() < 1e-3
    assert np.ptp(by_subject[:, 0]) > 5


def test_people_stand_on_the_floor_and_face_every_way(found: AnnotatedSet[Frames]) -> None:
    assert found.train.world[..., 2].min() > 0
    assert found.train.world[..., 2].min() < 150
    poses = [twin.pose(Human36MPeople(), capture) for capture in twin.captures(Human36MPeople())[:100]]
    facing = np.array([person.facing[[0, 2]] for person in poses])
    assert all(
        (np.sign(facing) == quadrant).all(1).sum() > 10 for quadrant in ([1, 1], [1, -1], [-1, 1], [-1, -1])
    )


def test_the_views_of_a_pose_differ_in_depth_which_a_flat_skeleton_would_miss(
    found: AnnotatedSet[Frames],
) -> None:
    depth = found.train.cameras.view(found.train.world)[..., 2]
    assert np.abs(depth - depth[:, :1]).mean() > 80  # mm


def test_everybody_is_whole_in_the_picture(found: AnnotatedSet[Frames]) -> None:
    points = found.val.cameras.image(found.val.cameras.view(found.val.world))
    assert ((points > 0) & (points < SMALL.side)).all(2).mean() > 0.99


def test_a_picture_shows_its_person_within_the_box(found: AnnotatedSet[Frames]) -> None:
    _, made = next(twin.draw(SMALL, twin.captures(SMALL)[0]))
    stored = decode(found.train.pictures[0].path).astype(float)
    assert np.abs(stored - made.image).mean() < 4  # JPEG
    x, y, width, height = made.observations[0].box
    drawn, written = np.array([x, y, x + width - 1, y + height - 1]), found.train.corners[0]
    assert np.abs(drawn - written).max() < 6


def test_frames_are_those_of_protocol_two_and_excluded_sequences_are_there(
    found: AnnotatedSet[Frames],
) -> None:
    assert len(found.train.id) == 5 * 2 * 4
    assert found.val.left_out == {"of excluded sequences": 4}  # subject 9, action 5, subaction 2
    assert len(found.val.id) == 2 * 8 * 4 - 4
    many = twin.captures(Human36MPeople(train=70, val=40))
    assert {t.frame for t in many if t.subject == 1} == {0, 5, 10}
    assert {t.frame for t in many if t.subject == 9} == {0, 64}
    assert len(many) == len(set(many))


def test_the_fingerprint_names_every_field() -> None:
    others = [{"seed": 1}, {"train": 3}, {"side": 65}, {"roaming": 0.1}, {"version": 2}]
    assert len({SMALL.model_copy(update=o).fingerprint() for o in [{}, *others]}) == 6


def test_a_folder_of_another_set_or_with_a_picture_less_is_refused(root: Path, tmp_path: Path) -> None:
    tiny = Human36MPeople(train=1, val=1, side=32)
    write(tiny, tmp_path / "set", workers=1)
    write(tiny, tmp_path / "set", workers=1)
    with refused("another-set"):
        write(tiny.model_copy(update={"seed": 4}), tmp_path / "set", workers=1)
    next((tmp_path / "set" / "images").rglob("*.jpg")).unlink()
    with refused("incomplete-set"):
        write(tiny, tmp_path / "set", workers=1)


def test_progress_counts_pictures(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    write(Human36MPeople(train=1, val=1, side=32), tmp_path / "s", 1, lambda *at: calls.append(at))
    assert calls == [(4 * n, 28) for n in range(1, 8)]


@pytest.mark.parametrize("wrong", [{"focal": (2.0, 1.0)}, {"distance": (1.0, 2.0)}, {"roaming": 4.5}])
def test_a_studio_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Human36MPeople(**wrong)  # type: ignore[arg-type]


def test_joints_are_written_to_a_nanometre(root: Path, found: AnnotatedSet[Frames]) -> None:
    document = json.loads((root / "annotations" / "Human36M_subject1_joint_3d.json").read_text())
    (first,) = [one for one in twin.captures(SMALL) if one.subject == 1 and one.number == 0]
    written = document[str(first.action)][str(first.subaction)][str(first.frame)]
    np.testing.assert_allclose(written, twin.studio_joints(twin.pose(SMALL, first)), atol=1e-6)
    assert isinstance(found.train.cameras, Cameras)
