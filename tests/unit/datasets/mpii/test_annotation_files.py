"""MPII's list JSON and gt_valid.mat: what they mean, and what is said of one that is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat, savemat

from datasets.contract import DataPaths
from datasets.mpii import annotation_files, samples
from datasets.mpii.config import MpiiFolder, MpiiPose
from datasets.mpii.samples import JOINTS
from tests.support.errors import refused

K = len(JOINTS)
NAMES = [
    *("rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor", "neck", "head"),
    *("rwri", "relb", "rsho", "lsho", "lelb", "lwri"),
]


def person(image: str, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    joints = rng.uniform(10, 90, (K, 2)).round(2).tolist()
    return {"image": image, "center": [51.0, 41.0], "scale": 0.4, "joints": joints, "joints_vis": [1] * K}


def truth(people: list[dict[str, Any]]) -> dict[str, Any]:
    places = np.array([p["joints"] for p in people])
    boxes = np.tile([[10.0, 10.0], [13.0, 14.0]], (len(people), 1, 1))
    return {
        "pos_gt_src": places.transpose(1, 2, 0),
        "headboxes_src": boxes.transpose(1, 2, 0),
        "jnt_missing": np.array([np.equal(p["joints_vis"], 0) for p in people]).T.astype(np.uint8),
        "dataset_joints": np.array(NAMES, object)[None],
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three people to train on and two to validate, in 100 x 80 pictures."""
    (tmp_path / "annot").mkdir()
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        Image.new("RGB", (100, 80)).save(tmp_path / "images" / name)
    val = [person("c.jpg", 3), person("c.jpg", 4)]
    save(tmp_path, "train.json", [person("b.jpg", 0), person("a.jpg", 1), person("b.jpg", 2)])
    save(tmp_path, "valid.json", val)
    savemat(tmp_path / "annot" / "gt_valid.mat", truth(val))
    return tmp_path


def save(root: Path, name: str, people: Any) -> None:
    (root / "annot" / name).write_text(json.dumps(people))


def edit(root: Path, change: Callable[[list[dict[str, Any]]], Any], name: str = "train.json") -> None:
    people = json.loads((root / "annot" / name).read_text())
    change(people)
    save(root, name, people)


# --- what the files mean ---


def test_pixels_count_from_one_in_the_list_and_from_zero_here(root: Path) -> None:
    found = annotation_files.read(root, "list").train
    listed = json.loads((root / "annot" / "train.json").read_text())
    np.testing.assert_allclose(found.points + 1, [p["joints"] for p in listed])
    assert found.centre.tolist() == [[50.0, 40.0]] * 3
    assert [found.pictures[i].name for i in found.picture] == ["b.jpg", "a.jpg", "b.jpg"]


def test_heads_and_counted_joints_come_from_gt_valid(root: Path) -> None:
    val = json.loads((root / "annot" / "valid.json").read_text())
    variables = truth(val)
    variables["jnt_missing"][5, 1] = 1
    savemat(root / "annot" / "gt_valid.mat", variables)
    heads = annotation_files.read(root, "list").val.heads
    assert np.argwhere(~heads.counted).tolist() == [[1, 5]]
    np.testing.assert_allclose(heads.points + 1, [p["joints"] for p in val])
    assert heads.boxes[0].tolist() == [[9.0, 9.0], [12.0, 13.0]]


def test_people_without_labels_do_not_train_but_stay_in_validation(root: Path) -> None:
    edit(root, lambda people: people[1].update(joints_vis=[0] * K))
    edit(root, lambda people: people[1].update(joints_vis=[0] * K), "valid.json")
    found = annotation_files.read(root, "list")
    assert found.train.id.tolist() == [0, 2]
    assert found.train.left_out == {"without labelled joints": 1}
    assert found.val.id.tolist() == [0, 1]


def test_one_person_is_enough_to_validate(root: Path) -> None:
    val = [person("c.jpg", 3)]
    save(root, "valid.json", val)
    savemat(root / "annot" / "gt_valid.mat", truth(val))
    assert annotation_files.read(root, "list").val.heads.points.shape == (1, K, 2)


def test_mmposes_names_of_the_files_are_found_too(root: Path) -> None:
    (root / "annot").rename(root / "annotations")
    for old, new in [("train.json", "mpii_train.json"), ("valid.json", "mpii_val.json")]:
        (root / "annotations" / old).rename(root / "annotations" / new)
    (root / "annotations" / "gt_valid.mat").rename(root / "annotations" / "mpii_gt_val.mat")
    assert annotation_files.find_format(root) == "list"
    assert len(annotation_files.read(root, "list").train.id) == 3


def test_the_digest_knows_annotations_and_pictures_but_not_the_place(root: Path, tmp_path: Path) -> None:
    def digest(folder: Path) -> str:
        return annotation_files.read(folder, "list").digest()

    before = digest(root)
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for name in ("annot", "images"):
        shutil.copytree(root / name, copy / name)
    assert digest(copy) == before
    Image.new("RGB", (99, 80)).save(copy / "images" / "a.jpg", quality=10)
    assert digest(copy) != before
    edit(root, lambda people: people[0].update(scale=0.5))
    assert digest(root) != before


# --- what is wrong ---

WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no picture": (lambda p: p.pop("image"), "missing-field"),
    "no centre": (lambda p: p.pop("center"), "missing-field"),
    "a centre of nowhere": (lambda p: p.update(center=[-1.0, -1.0]), "out-of-range"),
    "a centre in 3-D": (lambda p: p.update(center=[1.0, 2.0, 3.0]), "wrong-length"),
    "a scale of nothing": (lambda p: p.update(scale=0.0), "out-of-range"),
    "a scale that is a word": (lambda p: p.update(scale="big"), "not-numbers"),
    "15 joints": (lambda p: p["joints"].pop(), "wrong-length"),
    "no joints": (lambda p: p.pop("joints"), "missing-field"),
    "a joint that is not a number": (lambda p: p["joints"].__setitem__(3, [1.0, None]), "not-numbers"),
    "a joint that is NaN": (lambda p: p["joints"].__setitem__(3, [1.0, float("nan")]), "not-finite"),
    "15 flags": (lambda p: p["joints_vis"].pop(), "wrong-length"),
    "a flag of 2": (lambda p: p["joints_vis"].__setitem__(0, 2), "bad-visibility"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_record_is_named_with_its_file_and_field(root: Path, case: str) -> None:
    change, code = WRONG[case]
    edit(root, lambda people: change(people[1]))
    with refused(code) as caught:
        annotation_files.read(root, "list")
    assert caught.value.path.endswith("train.json")
    assert caught.value.record == "people[1]"


def shorter(variables: dict[str, Any]) -> None:
    variables["pos_gt_src"] = variables["pos_gt_src"][..., :1]


def shuffled(variables: dict[str, Any]) -> None:
    variables["pos_gt_src"] = variables["pos_gt_src"] + 40


def renamed(variables: dict[str, Any]) -> None:
    variables["dataset_joints"] = np.array(NAMES[::-1], object)[None]


def headless(variables: dict[str, Any]) -> None:
    variables["headboxes_src"][..., 1] = 5.0


def nowhere(variables: dict[str, Any]) -> None:
    variables["headboxes_src"][0, 0, 0] = np.nan


@pytest.mark.parametrize(
    ("change", "record", "code"),
    [
        (lambda v: v.pop("headboxes_src"), "headboxes_src", "missing-variable"),
        (shorter, "pos_gt_src", "wrong-shape"),
        (nowhere, "person 1", "not-finite"),
        (shuffled, "pos_gt_src", "other-people"),
        (renamed, "dataset_joints", "other-joints"),
        (headless, "person 2", "empty-head"),
    ],
)
def test_a_wrong_truth_is_named_with_its_variable(
    root: Path, change: Callable[[dict[str, Any]], Any], record: str, code: str
) -> None:
    path = root / "annot" / "gt_valid.mat"
    variables = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    change(variables)
    savemat(path, variables)
    with refused(code) as caught:
        annotation_files.read(root, "list")
    assert (caught.value.path, caught.value.record) == (str(path), record)


def test_missing_files_are_named(root: Path) -> None:
    (root / "annot" / "gt_valid.mat").unlink()
    with refused("missing-file"):
        annotation_files.read(root, "list")
    (root / "annot" / "valid.json").unlink()
    with refused("no-annotations"):
        annotation_files.find_format(root)


def test_a_damaged_mat_is_named(root: Path) -> None:
    (root / "annot" / "gt_valid.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with refused("not-mat"):
        annotation_files.read(root, "list")


def test_a_list_that_is_something_else_is_named(root: Path) -> None:
    save(root, "train.json", {"images": []})
    with refused("not-a-list"):
        annotation_files.read(root, "list")


def test_a_missing_picture_is_named(root: Path) -> None:
    (root / "images" / "a.jpg").unlink()
    found = annotation_files.read(root, "list")
    for check in (found.digest, lambda: samples.picture_files(found.train)):
        with refused("missing-picture"):
            check()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda p: p.update(center=[120.0, 40.0]), "centre-outside"),
        (lambda p: p["joints"].__setitem__(9, [250.0, 10.0]), "keypoint-outside"),
    ],
)
def test_somebody_outside_the_picture_is_named(
    root: Path, change: Callable[[dict[str, Any]], Any], code: str
) -> None:
    edit(root, lambda people: change(people[2]))
    with refused(code) as caught:
        samples.picture_files(annotation_files.read(root, "list").train)
    assert caught.value.record == "people[2]"


# --- going on without it ---


def test_skipping_leaves_out_records_pictures_and_people_who_lie_outside_and_keeps_the_truth_in_step(
    root: Path, tmp_path: Path
) -> None:
    edit(root, lambda people: people[0].update(center=[120.0, 40.0]))
    edit(root, lambda people: people[0].pop("scale"), "valid.json")
    edit(root, lambda people: people.append(person("lost.jpg", 5)))
    with refused("missing-field"):
        MpiiFolder.bind(root)
    source = MpiiFolder.bind(root, skip_broken=True)
    assert source.broken_pictures == ("images/lost.jpg",)
    found = source.read(root)
    assert found.train.id.tolist() == [1, 2]
    assert found.train.left_out == {"in broken pictures": 1, "broken records": 1}
    assert (found.val.id.tolist(), found.val.left_out) == ([1], {"broken records": 1})
    np.testing.assert_allclose(found.val.heads.points, found.val.points)
    report = MpiiPose(source=source, size=(32, 32)).prepare(DataPaths(tmp_path / "cache", root))
    assert (report.train.samples, report.val.samples) == (2, 1)


def test_skipping_changes_nothing_where_nothing_is_broken(root: Path) -> None:
    assert MpiiFolder.bind(root, skip_broken=True) == MpiiFolder.bind(root)
