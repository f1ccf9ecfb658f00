"""The configuration, from files or generated people to an open data set."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.coco.sigmas import read_sigmas
from datasets.contract import DataPaths, Predictions
from datasets.keypoints import USUAL_SIGMA
from datasets.synthetic.people.people import People
from tests.support.errors import invalid, refused


def prepared(tree: Any, tmp_path: Path, **fields: Any) -> tuple[CocoKeypoints, DataPaths]:
    place = DataPaths(tmp_path / "cache", tree.root)
    data = CocoKeypoints(source=CocoFolder.bind(tree.root), size=(48, 36), **fields)
    data.prepare(place)
    return data, place


def test_cocos_names_are_the_default(tree: Any) -> None:
    bound = CocoFolder.bind(tree.root)
    assert bound == CocoFolder(digest=bound.digest, train_samples=bound.train_samples, title="set")


def test_what_is_bound_survives_json(tree: Any) -> None:
    data = CocoKeypoints(source=CocoFolder.bind(tree.root, sigmas={"nose": 0.5}))
    assert CocoKeypoints.model_validate_json(data.model_dump_json()) == data
    assert CocoKeypoints.model_validate_json('{"source": {"kind": "people"}}').source == People()


def test_an_unbound_folder_stands_for_coco_itself() -> None:
    data = CocoKeypoints(source=CocoFolder())
    assert (data.points, data.dim, data.name) == (17, 2, "coco")
    assert len(data.fingerprint()) == 16
    with refused("not-bound"):
        data.prepare(DataPaths(Path("cache"), Path()))


def test_other_keypoints_get_sigmas_from_the_file_or_the_user_or_by_default(tree: Any) -> None:
    for split in ("train", "val"):
        tree.edit(split, lambda d: d["categories"][0]["keypoints"].__setitem__(0, "beak"))
    guessed = CocoFolder.bind(tree.root)
    assert guessed.oks_sigmas[:2] == (USUAL_SIGMA, 0.025)
    assert guessed.assumed[1].startswith("no OKS constant is known of beak: 0.067 stands in")
    assert "AP with an OKS constant of 0.067" in CocoKeypoints(source=guessed).caveat
    given = CocoFolder.bind(tree.root, sigmas={"beak": 0.04})
    assert given.oks_sigmas[:2] == (0.04, 0.025)
    assert given.assumed == guessed.assumed[:1]
    assert "AP" not in CocoKeypoints(source=given).caveat
    tree.edit("train", lambda d: d["categories"][0].update(sigmas=[0.1] * 17))
    assert CocoFolder.bind(tree.root, sigmas={"beak": 0.04}).oks_sigmas[:2] == (0.04, 0.1)
    with refused("unknown-sigma"):
        CocoFolder.bind(tree.root, sigmas={"bill": 0.04})


def test_a_file_of_sigmas_is_an_object_of_positive_numbers(tmp_path: Path) -> None:
    path = tmp_path / "sigmas.json"
    path.write_text('{"beak": 0.04}')
    assert read_sigmas(path) == {"beak": 0.04}
    for text, code in (("[0.1]", "not-an-object"), ('{"beak": 0}', "out-of-range"), ("beak", "not-json")):
        path.write_text(text)
        with refused(code):
            read_sigmas(path)


def test_sigmas_that_do_not_fit_are_refused() -> None:
    with invalid("value_error"):
        CocoFolder(keypoints=("nose",), skeleton=(), sigmas=(0.1, 0.2))
    with invalid("value_error"):
        CocoFolder(keypoints=("beak",), skeleton=())


def test_fingerprints_tell_sources_apart_and_nothing_else(tree: Any, tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps([{"image_id": 101, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]))
    bound = CocoFolder.bind(tree.root)
    different = [bound, CocoFolder.bind(tree.root, sigmas={"nose": 1}), CocoFolder.bind(tree.root, path)]
    assert len({source.fingerprint() for source in different}) == 3
    same = CocoFolder.bind(tree.root, path.rename(tree.root / "moved.json"))
    assert same.detections == "moved.json"
    assert same.fingerprint() == different[2].fingerprint()
    assert CocoKeypoints(source=bound, size=(48, 36)).fingerprint() == bound.fingerprint()


def test_preparing_reports_what_it_found(tree: Any, tmp_path: Path) -> None:
    tree.edit("train", lambda d: d["annotations"][0].update(iscrowd=1))
    source = CocoFolder.bind(tree.root)
    report = CocoKeypoints(source=source).prepare(DataPaths(tmp_path, tree.root))
    assert (report.train.pictures, report.train.samples, report.train.left_out) == (4, 7, {"crowds": 1})
    assert report.sentence() == (
        "7 people in 4 pictures for training (left out: 1 crowds); 8 people in 4 pictures for validation"
    )


def test_preparing_twice_decodes_once(tree: Any, tmp_path: Path) -> None:
    data, place = prepared(tree, tmp_path)
    before = {p: p.stat().st_mtime_ns for p in place.cache.rglob("*") if p.is_file()}
    calls: list[tuple[int, int]] = []
    data.prepare(place, lambda *now: calls.append(now))
    assert {p: p.stat().st_mtime_ns for p in place.cache.rglob("*") if p.is_file()} == before
    assert calls == []


def test_packs_are_shared_where_the_crops_are_the_same(tree: Any, tmp_path: Path) -> None:
    data, place = prepared(tree, tmp_path)
    count = len(list((place.cache / "packs").iterdir()))
    data.model_copy(update={"size": (256, 192)}).prepare(place)
    data.model_copy(update={"augment": data.augment.model_copy(update={"flip": 0.0})}).prepare(place)
    assert len(list((place.cache / "packs").iterdir())) == count == 2
    data.model_copy(update={"padding": 1.5}).prepare(place)
    assert len(list((place.cache / "packs").iterdir())) == 4


def test_files_that_have_changed_are_refused(tree: Any, tmp_path: Path) -> None:
    data, place = prepared(tree, tmp_path)
    tree.edit("val", lambda d: d["annotations"][0].update(area=1.5))
    with refused("files-changed"):
        data.prepare(place)


def test_data_that_are_not_prepared_say_so(tree: Any, tmp_path: Path) -> None:
    data = CocoKeypoints(source=CocoFolder.bind(tree.root))
    with refused("not-prepared"):
        data.open(DataPaths(tmp_path / "cache", tree.root), seed=0)


def test_a_broken_picture_stops_preparing(tree: Any, tmp_path: Path) -> None:
    path = tree.root / "val" / "0102.png"
    path.write_bytes(path.read_bytes()[:2000])
    with refused("broken-picture"):
        prepared(tree, tmp_path)


def test_once_prepared_the_pictures_are_not_needed(tree: Any, tmp_path: Path) -> None:
    data, place = prepared(tree, tmp_path)
    shutil.rmtree(tree.root)
    assert len(data.open(DataPaths(place.cache), seed=0).val) == 8


def test_without_a_pack_every_batch_has_the_same_bits(tree: Any, tmp_path: Path) -> None:
    data, place = prepared(tree, tmp_path)
    unpacked = DataPaths(place.cache, place.root, pack=False)
    with refused("not-prepared"):
        data.open(unpacked, seed=1)
    assert data.prepare(unpacked) == data.prepare(place)
    assert not list((place.cache / "indexes").rglob("pixels.bin"))
    for split in ("train", "val"):
        packed, files = (getattr(data.open(where, seed=1), split) for where in (place, unpacked))
        keys = [(epoch, index) for index in range(len(packed)) for epoch in (0, 1)]
        batches = packed.__getitems__(keys), files.__getitems__(keys)
        assert all(torch.equal(one, other) for one, other in zip(*batches, strict=True))


def test_an_index_of_a_set_that_moved_is_made_anew(tree: Any, tmp_path: Path) -> None:
    data, place = prepared(tree, tmp_path)
    data.prepare(DataPaths(place.cache, tree.root, pack=False))
    moved = DataPaths(place.cache, tree.root.rename(tmp_path / "moved"), pack=False)
    data.prepare(moved)
    assert data.open(moved, seed=0).val.__getitems__([(0, 0)]).image.any()


def test_loaders_get_a_path_and_no_pictures(tree: Any, tmp_path: Path) -> None:
    data, place = prepared(tree, tmp_path)
    unpacked = DataPaths(place.cache, place.root, pack=False)
    data.prepare(unpacked)
    assert len(pickle.dumps(data.open(unpacked, seed=0).train)) < 2000


def test_generated_people_give_samples(tmp_path: Path) -> None:
    data = CocoKeypoints(source=People(train=8, val=4), size=(48, 36))
    report = data.prepare(DataPaths(tmp_path))
    opened = data.open(DataPaths(tmp_path), seed=0)
    assert (len(opened.train), len(opened.val)) == (report.train.samples, report.val.samples)
    batch = opened.train.__getitems__([(0, 0), (0, 1)])
    assert batch.image.shape == (2, 48, 36, 3)
    assert batch.target.shape == batch.weight.shape == (2, 17, 2)


def truth(opened: Any) -> Predictions:
    """The annotations themselves, as predictions."""
    batch = opened.val.__getitems__([(0, index) for index in range(len(opened.val))])
    mu = batch.target.numpy()
    return Predictions(batch.id.numpy(), mu, None, np.ones(mu.shape[:2], np.float32))


@pytest.mark.parametrize(("name", "K"), [("coco_sample", 17), ("lspet_sample", 14)])
def test_real_sets_load_and_score_100_with_the_truth(
    samples: Path, tmp_path: Path, name: str, K: int
) -> None:
    place = DataPaths(tmp_path, samples / name)
    data = CocoKeypoints(source=CocoFolder.bind(samples / name), size=(64, 48))
    data.prepare(place)
    opened = data.open(place, seed=0)
    assert data.points == K
    assert len(opened.flip_pairs or ()) == {17: 8, 14: 6}[K]
    exact = truth(opened)
    assert opened.metrics(exact)["AP"] == pytest.approx(100)
    off = Predictions(exact.id, exact.mu + np.float32(0.05), None, exact.score)
    assert 0 < opened.metrics(off)["AP"] < 80
    batch = opened.train.__getitems__([(1, index) for index in range(16)])
    assert np.isfinite(batch.target.numpy()).all()
    assert pickle.loads(pickle.dumps(opened)).train.ids.tolist() == opened.train.ids.tolist()


def test_real_detections_load_and_score(samples: Path, tmp_path: Path) -> None:
    files, root = samples / "real_formats" / "coco", tmp_path / "set"
    shutil.copytree(files, root / "images", ignore=shutil.ignore_patterns("*.json"))
    (root / "annotations").mkdir()
    for split in ("train", "val"):
        shutil.copy(files / "test_coco.json", root / "annotations" / f"{split}.json")
    source = CocoFolder.bind(root, files / "test_coco_det_AP_H_56.json")
    data, place = CocoKeypoints(source=source, size=(64, 48)), DataPaths(tmp_path, root)
    assert data.prepare(place).val.samples > 100
    opened = data.open(place, seed=0)
    mean = np.zeros((len(opened.val), 17, 2), np.float32)  # every joint in the middle of its box
    found = opened.metrics(Predictions(opened.val.ids, mean, None, mean[..., 0]))
    assert 0 <= found["AP"] < 5
    assert "PCK@0.1" not in found
