"""MPII's original annotations: who is used, who validates, and what is said of a record that is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from datasets.base.annotated import AnnotatedSet
from datasets.mpii import annotation_files, release_mat
from datasets.mpii.samples import People
from tests.support.errors import refused

Fields = dict[str, Any]


def structs(records: list[Fields]) -> Any:
    """A MATLAB struct array."""
    array = np.empty((1, len(records)), [(key, object) for key in records[0]])
    for place, record in enumerate(records):
        for key, value in record.items():
            array[key][0, place] = value
    return array


def rectangle(seed: int, joints: int = 16) -> Fields:
    rng = np.random.default_rng(seed)
    marks = [
        {"x": x, "y": y, "id": float(k), "is_visible": np.zeros((0, 0))}
        for k, (x, y) in enumerate(rng.uniform(5, 95, (joints, 2)).tolist())
    ]
    return {
        **{"x1": 10.0, "y1": 20.0, "x2": 13.0, "y2": 24.0},
        "annopoints": {"point": structs(marks)} if marks else np.zeros((0, 0)),
        "scale": 0.5,
        "objpos": {"x": 51.0, "y": 61.0},
    }


def names(validates: bool, count: int) -> list[str]:
    every = (f"{i:09d}.jpg" for i in range(1000))
    return [name for name in every if release_mat.is_validation(name) == validates][:count]


class Release:
    """Two pictures to train on, one to validate, one to test on."""

    def __init__(self) -> None:
        self.names = [*names(False, 2), *names(True, 1), names(False, 3)[-1]]
        self.people: list[list[Fields]] = [[rectangle(1), rectangle(2)], [rectangle(3)], [rectangle(4)], []]
        self.training = [1.0, 1.0, 1.0, 0.0]
        self.single: list[list[int]] = [[1, 2], [1], [1], []]

    def read(self, folder: Path) -> AnnotatedSet[People]:
        single = np.empty((len(self.single), 1), object)
        single[:, 0] = [np.array(alone, float) if alone else np.zeros((0, 0)) for alone in self.single]
        rows = zip(self.names, self.people, strict=True)
        annolist = [
            {"image": {"name": n}, "annorect": structs(p) if p else np.zeros((0, 0))} for n, p in rows
        ]
        path = folder / "mpii_human_pose_v1_u12_1.mat"
        release = {"annolist": structs(annolist), "img_train": np.array([self.training])}
        savemat(path, {"RELEASE": {**release, "single_person": single}})
        return annotation_files.read(folder, "mat")


@pytest.fixture
def release() -> Release:
    return Release()


def test_pixels_count_from_one_in_the_file_and_from_zero_here(release: Release, tmp_path: Path) -> None:
    found = release.read(tmp_path)
    written = np.random.default_rng(3).uniform(5, 95, (16, 2))
    np.testing.assert_allclose(found.train.points[2] + 1, written)
    assert found.train.centre.tolist() == [[50.0, 60.0]] * 3
    assert found.val.heads.boxes.tolist() == [[[9.0, 19.0], [12.0, 23.0]]]


def test_the_split_is_by_picture_and_fixed(release: Release, tmp_path: Path) -> None:
    found = release.read(tmp_path)
    assert [path.name for path in found.train.pictures] == release.names[:2]
    assert [path.name for path in found.val.pictures] == release.names[2:3]
    assert names(True, 3) == ["000000008.jpg", "000000014.jpg", "000000019.jpg"]


def test_about_an_eighth_of_the_pictures_validates() -> None:
    assert len(names(True, 1000)) == pytest.approx(125, abs=30)


def test_ids_say_picture_and_person(release: Release, tmp_path: Path) -> None:
    assert release.read(tmp_path).train.id.tolist() == [1001, 1002, 2001]


def test_unlabelled_joints_have_no_weight_and_are_not_counted(release: Release, tmp_path: Path) -> None:
    release.people[2] = [rectangle(4, joints=13)]
    found = release.read(tmp_path)
    assert found.val.labelled[0].tolist() == found.val.heads.counted[0].tolist() == [True] * 13 + [False] * 3


def test_only_single_people_with_joints_in_training_pictures_are_used(
    release: Release, tmp_path: Path
) -> None:
    release.single[0] = [2]
    release.people[1].append(rectangle(9, joints=0))
    release.single[1] = [1, 2]
    release.people[3], release.single[3] = [rectangle(7)], [1]
    found = release.read(tmp_path)
    assert found.train.id.tolist() == [1002, 2001]
    assert found.train.left_out == {"not single": 1, "without labelled joints": 1}


WRONG: dict[str, tuple[Callable[[Fields], Any], str, str]] = {
    "no scale": (lambda p: p.update(scale=np.zeros((0, 0))), "", "missing-field"),
    "a scale of nothing": (lambda p: p.update(scale=0.0), "", "not-positive"),
    "no place": (lambda p: p.update(objpos=np.zeros((0, 0))), ".objpos", "missing-field"),
    "a head without a corner": (lambda p: p.update(x2=np.zeros((0, 0))), "", "missing-field"),
    "a head that is NaN": (lambda p: p.update(y1=np.nan), "", "not-finite"),
    "a 17th joint": (
        lambda p: p["annopoints"]["point"]["id"][0].__setitem__(4, 16.0),
        ".annopoints.point(5)",
        "unknown-joint",
    ),
    "a joint without x": (
        lambda p: p["annopoints"]["point"]["x"][0].__setitem__(4, np.zeros((0, 0))),
        ".annopoints.point(5)",
        "missing-field",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_person_is_named_as_matlab_would(release: Release, tmp_path: Path, case: str) -> None:
    change, where, code = WRONG[case]
    change(release.people[0][1])
    with refused(code) as caught:
        release.read(tmp_path)
    assert caught.value.record == f"RELEASE.annolist(1).annorect(2){where}"


def test_an_empty_head_box_of_somebody_who_validates_is_named(release: Release, tmp_path: Path) -> None:
    release.people[2][0].update(x2=10.0, y2=20.0)
    with refused("empty-head") as caught:
        release.read(tmp_path)
    assert caught.value.record == "RELEASE.annolist(3).annorect(1)"


def test_fields_of_other_lengths_are_named(release: Release, tmp_path: Path) -> None:
    release.training.pop()
    with refused("wrong-length"):
        release.read(tmp_path)


def test_nobody_to_validate_is_an_error(release: Release, tmp_path: Path) -> None:
    release.single[2] = []
    with refused("empty-split"):
        release.read(tmp_path)


def test_another_mat_file_is_no_release(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    savemat(path, {"preds": np.zeros(3)})
    with refused("missing-variable"):
        release_mat.parse_release(path, tmp_path)
