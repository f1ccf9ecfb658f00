"""Projection, against itself and against Human3.6M's own calibrations and joints."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from datasets.human36m.camera import Cameras


def cameras(seed: int, count: int = 3, distorted: bool = False) -> Cameras:
    rng = np.random.default_rng(seed)
    return Cameras(
        rotation=Rotation.random(count, random_state=seed % 2**31).as_matrix(),
        position=rng.normal(0, 3000, (count, 3)),
        focal=rng.uniform(1100, 1200, (count, 2)),
        centre=rng.uniform(480, 520, (count, 2)),
        radial=np.array([-0.2, 0.24, -0.003]) * distorted * np.ones((count, 1)),
        tangential=np.array([-0.0014, -0.001]) * distorted * np.ones((count, 1)),
    )


def before_the_lens(seed: int, count: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.uniform(-1500, 1500, (count, 18, 2)), rng.uniform(3000, 7000, (count, 18, 1))], 2
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_lifting_a_projected_point_to_its_depth_gives_it_back_to_a_micrometre(seed: int, bent: bool) -> None:
    lens, points = cameras(seed, distorted=bent), before_the_lens(seed)
    found = lens.lift(lens.image(points), points[..., 2])
    assert np.abs(found - points).max() < 1e-3  # mm


def test_the_principal_point_is_straight_ahead() -> None:
    lens = cameras(0, distorted=True)
    ahead = np.tile([0.0, 0.0, 4000.0], (3, 1, 1))
    np.testing.assert_allclose(lens.image(ahead)[:, 0], lens.centre)


def test_a_camera_sees_itself_at_the_origin_and_keeps_lengths() -> None:
    lens = cameras(1)
    here = np.stack([lens.position, lens.position + np.array([0.0, 0.0, 100.0])], axis=1)
    viewed = lens.view(here)
    np.testing.assert_allclose(viewed[:, 0], 0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(viewed[:, 1], axis=1), 100)


def test_rows_take_their_cameras_along() -> None:
    lens, points = cameras(2), before_the_lens(2)
    rows = np.array([2, 0, 2])
    np.testing.assert_array_equal(lens[rows].image(points[rows]), lens.image(points)[rows])


# --- Human3.6M ---


@pytest.fixture
def real(samples: Path) -> tuple[Cameras, dict[str, np.ndarray]]:
    """The calibrations of four frames, in metres. This file's R goes from the camera to the world."""
    folder = samples / "real_formats" / "h36m"
    everything = json.loads((folder / "cameras.json").read_text())
    frames = dict(np.load(folder / "test_h36m_body3d.npz"))
    names = [name.split("/") for name in frames["imgname"].tolist()]
    chosen = [everything[f"{subject}_{sequence.split('.')[1]}"] for subject, sequence, _ in names]
    rows = {
        key: np.array([np.ravel(camera[key]) for camera in chosen]) for key in ("R", "T", "f", "c", "k", "p")
    }
    rotation = rows["R"].reshape(-1, 3, 3).transpose(0, 2, 1)
    document = json.loads((folder / "h36m_coco.json").read_text())
    frames["world"] = np.array([a["keypoints_3d"] for a in document["annotations"]]).reshape(4, 17, 4)
    return Cameras(rotation, rows["T"], rows["f"], rows["c"], rows["k"], rows["p"]), frames


def test_real_joints_project_to_their_annotated_pixels(real: tuple[Cameras, dict[str, np.ndarray]]) -> None:
    lens, frames = real
    found = lens.image(frames["S"][..., :3])
    assert np.linalg.norm(found - frames["part"][..., :2], axis=2).max() < 0.1


def test_real_joints_in_the_world_project_through_the_calibration(
    real: tuple[Cameras, dict[str, np.ndarray]],
) -> None:
    lens, frames = real
    found = lens.image(lens.view(frames["world"][..., :3]))
    assert np.linalg.norm(found - frames["part"][..., :2], axis=2).max() < 0.1


def test_lens_distortion_is_worth_pixels_there(real: tuple[Cameras, dict[str, np.ndarray]]) -> None:
    lens, frames = real
    straight = Cameras(**{**vars(lens), "radial": 0 * lens.radial, "tangential": 0 * lens.tangential})
    apart = straight.image(frames["S"][..., :3]) - frames["part"][..., :2]
    assert np.linalg.norm(apart, axis=2).max() > 1.0
