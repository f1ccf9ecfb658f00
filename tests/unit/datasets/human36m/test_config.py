"""Human3.6M opened: targets with depth, the way back to mm, its evaluation, the mixture with MPII."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from datasets.contract import DataPaths, Predictions, PredictionsError
from datasets.crops.crop import STILL, Augment
from datasets.crops.lazy_pictures import LazyPictures
from datasets.human36m.config import POINTS, Human36MFolder, Human36MPose
from datasets.human36m.dataset import DEPTH, FROM_MPII, MIXED_ID, Human36MData, MixedSplit
from datasets.mpii.config import MpiiPose
from datasets.mpii.samples import JOINTS as MPII_JOINTS
from datasets.synthetic.people.people import People
from datasets.synthetic.people.scene import Framing
from datasets.synthetic.people.write_human36m import Human36MPeople
from datasets.synthetic.people.write_mpii import MpiiPeople
from tests.support.errors import invalid, refused

SIZE = (64, 64)
OWN = Human36MPose(source=Human36MPeople(train=2, val=8, side=64), size=SIZE)
SCENES = People(train=10, val=4, framing=Framing(width=96, height=96, figure=(50, 70)))
MIXED = OWN.model_copy(update={"mix": MpiiPose(source=MpiiPeople(scenes=SCENES), size=SIZE)})
K = 17


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> DataPaths:
    return DataPaths(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def data(place: DataPaths) -> Human36MData:
    OWN.prepare(place)
    return OWN.open(place, seed=1)


@pytest.fixture(scope="module")
def mixed(place: DataPaths) -> Human36MData:
    MIXED.prepare(place)
    return MIXED.open(place, seed=1)


def predictions(data: Human36MData, mu: np.ndarray) -> Predictions:
    return Predictions(data.val.ids, mu.astype(np.float32), None, np.ones(mu.shape[:2], np.float32))


def joints(data: Human36MData) -> np.ndarray:
    return np.asarray(data.val.pack.arrays["joints"])


# --- targets ---


def test_a_target_is_the_place_in_the_crop_and_the_depth_from_the_pelvis_in_units_of_two_metres(
    data: Human36MData,
) -> None:
    z = data.val.targets()[..., 2]
    depth = joints(data)[..., 2]
    np.testing.assert_allclose(z * 2000, depth - depth[:, :1], atol=1e-9)


def test_the_box_is_cropped_without_more_padding(data: Human36MData) -> None:
    x1, y1, x2, y2 = (
        (data.val.to_picture(np.array([[[-0.5, -0.5], [0.5, 0.5]]] * len(data.val)))).reshape(-1, 4).T
    )
    np.testing.assert_allclose(x2 - x1, y2 - y1, atol=0.1)
    u = data.val.targets()[:, :K, :2]
    widest = np.ptp(u, axis=1).max(1)
    assert 0.75 < np.median(widest) < 0.9  # the files' boxes are a fifth larger than the joints' extent


def test_the_eighteenth_point_is_the_middle_of_the_shoulders(data: Human36MData) -> None:
    shoulders = joints(data)[:, [POINTS.index("left_shoulder"), POINTS.index("right_shoulder")]]
    np.testing.assert_allclose(joints(data)[:, POINTS.index("thorax")], shoulders.mean(1), atol=1e-9)


def test_a_joint_outside_the_crop_has_no_weight_in_any_coordinate(place: DataPaths) -> None:
    near = OWN.model_copy(update={"augment": Augment(scale=(0.4, 0.4), rotation=0, half_body=0)})
    near.prepare(place)
    batch = near.open(place, seed=0).train.__getitems__([(0, index) for index in range(20)])
    inside = (batch.target.abs() <= 0.5).all(2)
    assert 0.2 < inside.float().mean() < 0.9
    assert torch.equal(batch.weight, inside[:, :, None].expand(-1, -1, 3).float())


def test_mirroring_swaps_the_depths_of_left_and_right(data: Human36MData) -> None:
    flipped = replace(data.own, augment=STILL.model_copy(update={"flip": 1.0}))
    batch = flipped.__getitems__([(0, index) for index in range(6)])
    straight = data.own.targets()[:6]
    left, right = POINTS.index("left_wrist"), POINTS.index("right_wrist")
    np.testing.assert_allclose(batch.target[:, left, 1:], straight[:, right, 1:], atol=1e-6)
    np.testing.assert_allclose(batch.target[:, left, 0], -straight[:, right, 0], atol=1e-6)


# --- the way back ---


def test_a_target_leads_back_to_its_joints_to_a_micrometre(data: Human36MData) -> None:
    found = data.skeletons(data.val.targets())
    assert np.abs(found - data.truth).max() < 1e-3  # mm


def test_a_depth_common_to_all_joints_does_not_matter(data: Human36MData) -> None:
    mu = data.val.targets()
    np.testing.assert_allclose(data.skeletons(mu + np.array([0, 0, 0.1])), data.skeletons(mu), atol=1e-6)


def test_the_truth_has_no_error_but_rounding(data: Human36MData) -> None:
    found = data.metrics(predictions(data, data.val.targets()))
    assert max(found["MPJPE"], found["MPJPE without pelvis"], found["PA-MPJPE"]) < 1e-3


def test_one_joint_two_centimetres_too_deep_by_hand(data: Human36MData) -> None:
    """Its pixels stay, so it moves along its ray: by 20 mm / cos of the ray's angle to the axis."""
    mu, wrist = data.val.targets(), POINTS.index("right_wrist")
    mu[:, wrist, 2] += 20.0 / DEPTH
    ray = joints(data)[:, wrist]
    expected = (20.0 * np.linalg.norm(ray, axis=1) / ray[:, 2]).mean()
    found = data.metrics(predictions(data, mu))
    assert found["MPJPE"] == pytest.approx(expected / K, rel=1e-4)
    assert found["MPJPE without pelvis"] == pytest.approx(expected / (K - 1), rel=1e-4)


def test_alignment_takes_back_a_turn_but_the_plain_error_does_not(data: Human36MData) -> None:
    """Everybody turned by 40 degrees about the upright axis through the pelvis, then projected anew."""
    turn = Rotation.from_euler("y", 40, degrees=True).as_matrix()
    pelvis = joints(data)[:, :1]
    turned = (joints(data) - pelvis) @ turn.T + pelvis
    arrays = data.val.pack.arrays
    pixels = data._cameras.image(turned)
    ends = data.val.to_picture(np.array([[[-0.5, -0.5], [0.5, 0.5]]] * len(data.val)))
    uv = (pixels - ends[:, :1]) / (ends[:, 1:] - ends[:, :1]) - 0.5
    z = (turned[..., 2:] - arrays["joints"][:, :1, 2:]) / DEPTH
    found = data.metrics(predictions(data, np.concatenate([uv, z], axis=2)))
    assert found["MPJPE"] > 50
    assert found["PA-MPJPE"] < 1e-2


def test_an_error_of_the_pelvis_moves_all_others(data: Human36MData) -> None:
    mu = data.val.targets()
    mu[:, 0, 0] += 0.05
    found = data.metrics(predictions(data, mu))
    assert found["MPJPE"] == pytest.approx(found["MPJPE without pelvis"] * 16 / 17)
    assert found["MPJPE"] > 50


def test_the_thorax_is_not_scored(data: Human36MData) -> None:
    mu = data.val.targets()
    mu[:, POINTS.index("thorax")] += 0.2
    assert data.metrics(predictions(data, mu))["MPJPE"] < 1e-3


def test_predicting_the_mean_pose_scores_what_is_shown_beside(data: Human36MData) -> None:
    mean = np.tile(data.own.targets().mean(0), (len(data.val), 1, 1))
    found = data.metrics(predictions(data, mean))
    assert found["MPJPE"] == pytest.approx(found["MPJPE of the mean pose"], rel=1e-4)
    assert found["MPJPE"] > 100


def test_a_flat_skeleton_is_far_off(data: Human36MData) -> None:
    assert data.metrics(predictions(data, data.val.targets() * [1, 1, 0]))["MPJPE"] > 80


def test_predictions_in_two_dimensions_are_refused(data: Human36MData) -> None:
    with pytest.raises(PredictionsError):
        data.metrics(predictions(data, data.val.targets()[..., :2]))


# --- the mixture ---


def test_an_epoch_has_as_many_people_of_mpii_again(data: Human36MData, mixed: Human36MData) -> None:
    assert len(mixed.train) == 2 * len(data.train)
    assert len(set(mixed.train.ids.tolist())) == len(mixed.train)
    assert mixed.train.ids[len(data.train)] == MIXED_ID
    n = len(data.train)
    batch = mixed.train.__getitems__([(0, n + 3), (0, 2), (0, n), (1, n - 1)])
    assert batch.id.tolist() == mixed.train.ids[[n + 3, 2, n, n - 1]].tolist()
    assert ((batch.weight[..., 2].sum(1) > 0).tolist()) == [False, True, False, True]


def test_human36ms_half_is_the_same_samples_as_without_mpii(data: Human36MData, mixed: Human36MData) -> None:
    keys = [(3, 4), (0, 7)]
    pairs = zip(mixed.train.__getitems__(keys), data.train.__getitems__(keys), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_mpiis_joints_go_to_the_points_of_the_same_name() -> None:
    same = {"torso": None, "nose": None, "head": "head_top"}
    expected = [same.get(point, point) for point in POINTS]
    assert [None if joint is None else MPII_JOINTS[joint] for joint in FROM_MPII] == expected


def test_mixed_in_people_have_no_depth_torso_or_nose(mixed: Human36MData) -> None:
    n = len(mixed.own)
    weight = mixed.train.__getitems__([(0, n + index) for index in range(n)]).weight
    assert not weight[..., 2].any()
    assert not weight[:, [POINTS.index("torso"), POINTS.index("nose")]].any()
    assert weight[..., :2].mean() > 0.5


def test_who_is_mixed_in_depends_on_seed_epoch_and_place_alone(place: DataPaths, mixed: Human36MData) -> None:
    n = len(mixed.own)
    keys = [(2, n + index) for index in range(n)]
    together = mixed.train.__getitems__(keys)
    for index in (0, n - 1):
        alone = mixed.train.__getitems__([keys[index]])
        assert torch.equal(alone.image[0], together.image[index])
        assert torch.equal(alone.target[0], together.target[index])
    other = mixed.train.__getitems__([(3, key) for _, key in keys])
    assert not torch.equal(other.target, together.target)
    assert not torch.equal(MIXED.open(place, seed=2).train.__getitems__(keys).target, together.target)


def test_the_same_person_drawn_twice_looks_different(mixed: Human36MData) -> None:
    n, people = len(mixed.own), len(mixed.train.mpii)  # type: ignore[union-attr]
    assert n > people  # so that some are drawn twice
    images = mixed.train.__getitems__([(0, n + index) for index in range(n)]).image.numpy()
    assert len({image.tobytes() for image in images}) == n


def test_all_of_mpii_is_drawn_in_the_long_run(mixed: Human36MData) -> None:
    n, mpii = len(mixed.own), replace(mixed.train.mpii, augment=STILL)  # type: ignore[union-attr]
    still = MixedSplit(mixed.own, mpii)
    keys = [(epoch, n + index) for epoch in range(4) for index in range(n)]
    images = still.__getitems__(keys).image.numpy()
    assert len({image.tobytes() for image in images}) == len(mpii)


def test_the_mixture_is_part_of_the_fingerprint_and_needs_one_size() -> None:
    assert MIXED.fingerprint() != OWN.fingerprint()
    assert len(MIXED.fingerprint()) == 16
    assert Human36MPose.model_validate_json(MIXED.model_dump_json()) == MIXED
    with invalid("value_error"):
        Human36MPose(source=OWN.source, size=(32, 32), mix=MIXED.mix)


def test_the_mixture_travels_to_a_worker_without_pixels(mixed: Human36MData) -> None:
    assert len(pickle.dumps(mixed.train)) < 4000


# --- the config ---


def test_without_a_pack_every_batch_has_the_same_bits(place: DataPaths, mixed: Human36MData) -> None:
    unpacked = DataPaths(place.cache, pack=False)
    assert MIXED.prepare(unpacked) == MIXED.prepare(place)
    opened = MIXED.open(unpacked, seed=1)
    assert isinstance(opened.val.pack.pixels, LazyPictures)
    for packed, files in ((mixed.train, opened.train), (mixed.val, opened.val)):
        keys = [(epoch, index) for index in range(len(packed)) for epoch in (0, 1)]
        batches = packed.__getitems__(keys), files.__getitems__(keys)
        assert all(torch.equal(one, other) for one, other in zip(*batches, strict=True))


def test_preparing_reports_both_sets(place: DataPaths, mixed: Human36MData, data: Human36MData) -> None:
    report = MIXED.prepare(place)
    assert report.train.samples == len(data.train) + len(mixed.train.mpii)  # type: ignore[union-attr]
    assert "4 of excluded sequences" in report.sentence()


def test_files_are_bound_by_their_contents(
    place: DataPaths, data: Human36MData, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = next(place.cache.glob("human36m-*"))
    bound = Human36MPose(source=Human36MFolder.bind(root), size=SIZE)
    here = DataPaths(tmp_path_factory.mktemp("other"), root)
    bound.prepare(here)
    again = bound.open(here, seed=1)
    keys = [(0, index) for index in range(5)]
    assert all(
        torch.equal(a, b)
        for a, b in zip(again.train.__getitems__(keys), data.train.__getitems__(keys), strict=True)
    )
    with refused("not-bound"):
        Human36MPose(source=Human36MFolder()).prepare(here)


def test_opening_before_preparing_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    with refused("not-prepared"):
        OWN.open(DataPaths(tmp_path_factory.mktemp("empty")), seed=0)
