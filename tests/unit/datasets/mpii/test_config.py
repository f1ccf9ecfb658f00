"""MPII opened: crops as the widely used code cuts them, its evaluation, real pictures."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from scipy.io import savemat

from datasets.contract import DataPaths, Predictions, PredictionsError
from datasets.crops.crop import Augment
from datasets.crops.lazy_pictures import LazyPictures
from datasets.mpii.config import MpiiData, MpiiFolder, MpiiPose
from datasets.synthetic.people.people import People
from datasets.synthetic.people.scene import Framing
from datasets.synthetic.people.write_mpii import SHORT_NAMES, MpiiPeople
from tests.support.errors import invalid, refused

PEOPLE = MpiiPeople(scenes=People(train=10, val=8, framing=Framing(width=96, height=96, figure=(50, 70))))
DATA = MpiiPose(source=PEOPLE, size=(64, 64))
HEAD_TOP, PELVIS = 9, 6


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> DataPaths:
    return DataPaths(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def data(place: DataPaths) -> MpiiData:
    DATA.prepare(place)
    return DATA.open(place, seed=1)


def predictions(data: MpiiData, mu: Any) -> Predictions:
    mu = np.asarray(mu, np.float32)
    return Predictions(data.val.ids, mu, None, np.ones(mu.shape[:2], np.float32))


def moved(data: MpiiData, heads: float) -> np.ndarray:
    """The truth, each joint off by so many head sizes to the right."""
    arrays = data.val.pack.arrays
    one = data.val.to_picture(np.array([[[0.0, 0.0], [1.0, 0.0]]] * len(data.val)))
    width = (one[:, 1] - one[:, 0])[:, 0]  # of a crop, in pixels of the picture
    u = data.val.targets()
    u[..., 0] += (heads * arrays["head"] / width)[:, None]
    return u


# --- samples ---


def test_a_crop_is_the_one_of_the_widely_used_code(data: MpiiData, place: DataPaths) -> None:
    """Centre 15 scale lower, a square of 1.25 x 200 scale around it, both from pixels that count from 1."""
    root = next(place.cache.glob("mpii-*"))
    listed = json.loads((root / "annot" / "valid.json").read_text())
    target = data.val.__getitems__([(0, index) for index in range(len(listed))]).target.numpy()
    for person, found in zip(listed, target, strict=True):
        centre = np.array(person["center"]) + np.array([0, 15 * person["scale"]]) - 1
        corner = centre - 125 * person["scale"]
        expected = (np.array(person["joints"]) - 1 - corner) / (250 * person["scale"]) - 0.5
        labelled = np.array(person["joints_vis"]) > 0
        np.testing.assert_allclose(found[labelled], expected[labelled], atol=2e-3)


def test_batches_have_the_shapes_of_the_contract(data: MpiiData) -> None:
    batch = data.train.__getitems__([(0, 0), (3, 1), (0, 2)])
    shapes = [tuple(tensor.shape) for tensor in batch]
    assert shapes == [(3, 64, 64, 3), (3, 16, 2), (3, 16, 2), (3,)]
    assert data.flip_pairs == ((2, 3), (1, 4), (0, 5), (12, 13), (11, 14), (10, 15))


def test_equal_keys_give_equal_samples_in_any_company_and_other_epochs_others(data: MpiiData) -> None:
    alone, again = data.train.__getitems__([(2, 3)]), data.train.__getitems__([(0, 1), (2, 3)])
    assert (alone.image[0] == again.image[1]).all()
    assert not (alone.image[0] == data.train.__getitems__([(3, 3)]).image[0]).all()


def test_joints_outside_the_crop_keep_their_weight(data: MpiiData, place: DataPaths) -> None:
    near = DATA.model_copy(update={"augment": Augment(scale=(0.3, 0.3), rotation=0, half_body=0)})
    near.prepare(place)
    batch = near.open(place, seed=0).train.__getitems__([(0, index) for index in range(8)])
    outside = (batch.target.abs() > 0.5).any(2)
    assert (batch.weight[outside] == 1).float().mean() > 0.8


def test_a_split_travels_to_a_worker_without_its_pixels(data: MpiiData) -> None:
    assert len(pickle.dumps(data.train)) < 2000
    assert len(pickle.loads(pickle.dumps(data.val))) == len(data.val)


# --- metrics ---


def test_the_truth_scores_full_marks(data: MpiiData) -> None:
    found = data.metrics(predictions(data, data.val.targets()))
    # Within the rounding of float32, so not at threshold 0.
    assert found == pytest.approx(
        {"PCKh@0.5": 100, "PCKh@0.1": 100, "PCKh@0.11": 100, "AUC": 99, "AUC mean": 100 * 50 / 51}
    )


@pytest.mark.parametrize(
    ("heads", "hits"),
    [(0.095, [100, 100, 100]), (0.105, [100, 0, 100]), (0.2, [100, 0, 0]), (0.6, [0, 0, 0])],
)
def test_each_threshold_is_where_its_name_says(data: MpiiData, heads: float, hits: list[float]) -> None:
    found = data.metrics(predictions(data, moved(data, heads)))
    assert [found[name] for name in ("PCKh@0.5", "PCKh@0.1", "PCKh@0.11")] == hits


def test_auc_of_people_off_by_a_quarter_head(data: MpiiData) -> None:
    found = data.metrics(predictions(data, moved(data, 0.255)))
    assert (found["AUC"], found["AUC mean"]) == pytest.approx((100 * 24.5 / 50, 100 * 25 / 51))


def test_pelvis_and_thorax_do_not_count(data: MpiiData) -> None:
    mu = data.val.targets()
    mu[:, [PELVIS, 7]] += 3.0
    assert data.metrics(predictions(data, mu))["PCKh@0.5"] == 100
    mu[:, HEAD_TOP] += 3.0
    assert data.metrics(predictions(data, mu))["PCKh@0.5"] < 95


def test_the_order_of_predictions_does_not_matter(data: MpiiData) -> None:
    mu = moved(data, 0.1) * np.linspace(0.9, 1.1, len(data.val))[:, None, None]
    given, order = predictions(data, mu), np.random.default_rng(0).permutation(len(mu))
    turned = Predictions(given.id[order], given.mu[order], None, given.score[order])
    assert data.metrics(turned) == data.metrics(given)


@pytest.mark.parametrize("what", ["missing", "repeated", "nan", "3-D"])
def test_predictions_that_do_not_fit_are_refused(data: MpiiData, what: str) -> None:
    good = predictions(data, data.val.targets())
    bad = {
        "missing": lambda: Predictions(good.id[1:], good.mu[1:], None, good.score[1:]),
        "repeated": lambda: Predictions(np.roll(good.id, 1) * 0, good.mu, None, good.score),
        "nan": lambda: predictions(data, good.mu * np.nan),
        "3-D": lambda: predictions(data, np.zeros((*good.mu.shape[:2], 3))),
    }
    with pytest.raises(PredictionsError):
        data.metrics(bad[what]())


# --- the config ---


def test_without_a_pack_every_batch_has_the_same_bits(place: DataPaths, data: MpiiData) -> None:
    unpacked = DataPaths(place.cache, pack=False)
    assert DATA.prepare(unpacked) == DATA.prepare(place)
    opened = DATA.open(unpacked, seed=1)
    assert isinstance(opened.val.pack.pixels, LazyPictures)
    for packed, files in ((data.train, opened.train), (data.val, opened.val)):
        keys = [(epoch, index) for index in range(len(packed)) for epoch in (0, 1)]
        batches = packed.__getitems__(keys), files.__getitems__(keys)
        assert all(torch.equal(one, other) for one, other in zip(*batches, strict=True))


def test_preparing_reports_and_is_not_done_twice(place: DataPaths, data: MpiiData) -> None:
    calls: list[int] = []
    report = DATA.prepare(place, lambda done, total: calls.append(done))
    assert not calls
    assert (report.train.samples, report.val.samples) == (len(data.train), len(data.val))
    assert report.sentence().startswith(f"{len(data.train)} people in 10 pictures for training")


def test_files_are_bound_by_their_contents_and_the_original_says_that_its_split_is_not_the_papers(
    place: DataPaths, tmp_path: Path
) -> None:
    root = tmp_path / "mpii"
    shutil.copytree(next(place.cache.glob("mpii-*")), root)
    lists = MpiiFolder.bind(tmp_path)
    assert (lists.format, MpiiPose(source=lists).caveat) == ("list", "")
    (root / "annot" / "valid.json").unlink()
    original = MpiiFolder.bind(root)
    assert original.format == "mat"
    assert MpiiPose(source=original).caveat
    assert original.fingerprint() != lists.fingerprint()
    with refused("missing-file"):
        lists.read(tmp_path)


def test_a_set_that_changed_or_is_not_at_hand_is_refused(place: DataPaths, tmp_path: Path) -> None:
    root = tmp_path / "mpii"
    shutil.copytree(next(place.cache.glob("mpii-*")), root)
    bound = MpiiPose(source=MpiiFolder.bind(root), size=(64, 64))
    here = DataPaths(tmp_path / "cache", root)
    assert bound.prepare(here).val.samples == len(bound.open(here, 0).val)
    people = json.loads((root / "annot" / "train.json").read_text())
    (root / "annot" / "train.json").write_text(json.dumps(people[1:]))
    with refused("files-changed"):
        bound.prepare(here)
    with refused("not-bound"):
        MpiiPose(source=MpiiFolder()).prepare(here)


def test_json_brings_a_config_back_and_an_unknown_field_is_refused() -> None:
    assert MpiiPose.model_validate_json(DATA.model_dump_json()) == DATA
    with invalid("extra_forbidden"):
        MpiiPose(source=PEOPLE, padding=2.0)  # type: ignore[call-arg]


# --- real pictures ---


@pytest.fixture
def real(samples: Path, tmp_path: Path) -> Path:
    """Five real people, as both halves, with head boxes made from neck and head top: the sample has none."""
    root = tmp_path / "mpii"
    (root / "annot").mkdir(parents=True)
    shutil.copytree(samples / "real_formats" / "mpii", root / "images")
    people = json.loads((root / "images" / "test_mpii.json").read_text())
    for name in ("train.json", "valid.json"):
        (root / "annot" / name).write_text(json.dumps(people))
    joints = np.array([person["joints"] for person in people])
    heads = np.stack([joints[:, 8:10].min(1), joints[:, 8:10].max(1)], axis=1)
    missing = np.array([np.equal(person["joints_vis"], 0) for person in people])
    truth = {
        "pos_gt_src": joints.transpose(1, 2, 0),
        "headboxes_src": heads.transpose(1, 2, 0),
        "jnt_missing": missing.T.astype(np.uint8),
        "dataset_joints": np.array(SHORT_NAMES, object)[None],
    }
    savemat(root / "annot" / "gt_valid.mat", truth)
    return root


def test_real_people_are_read_and_cropped_where_they_are(real: Path, tmp_path: Path) -> None:
    config = MpiiPose(source=MpiiFolder.bind(real))
    here = DataPaths(tmp_path / "cache", real)
    config.prepare(here)
    data = config.open(here, seed=0)
    batch = data.val.__getitems__([(0, index) for index in range(5)])
    inside = (batch.target.abs() < 0.5).all(2)
    assert inside[batch.weight[..., 0] > 0].float().mean() > 0.9
    picture = cv2.cvtColor(cv2.imread(str(real / "images" / "052475643.jpg")), cv2.COLOR_BGR2RGB)
    for joint in (HEAD_TOP, 8, 12):
        x, y = np.array(json.loads((real / "annot" / "valid.json").read_text())[1]["joints"][joint]) - 1
        u, v = ((batch.target[1, joint].numpy() + 0.5) * 256).round().astype(int)
        patch = picture[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4].mean((0, 1))
        crop = batch.image[1].numpy()[max(v - 2, 0) : v + 3, max(u - 2, 0) : u + 3].mean((0, 1))
        assert np.abs(patch - crop).max() < 25
    assert data.metrics(predictions(data, data.val.targets()))["PCKh@0.1"] == 100
