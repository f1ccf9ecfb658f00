"""Spoiled annotations: each is an error that names file, record and remedy, or is left out and counted."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.coco.annotation_files import Annotations, parse_annotations, parse_detections
from datasets.coco.layout import find_annotations
from datasets.io.errors import DataError
from datasets.io.problems import raise_if_any
from datasets.keypoints import KEYPOINTS, SKELETON
from tests.support.errors import refused

Change = Callable[[dict[str, Any]], object]


def put(where: str, index: int, **fields: Any) -> Change:
    return lambda document: document[where][index].update(fields)


def drop(where: str, index: int, key: str) -> Change:
    return lambda document: document[where][index].pop(key)


def read_annotations(root: Path, path: Path, split: str) -> Annotations:
    found, broken = parse_annotations(root, path, split)
    raise_if_any(broken)
    return found


def read(tree: Any, split: str = "train") -> Any:
    return read_annotations(tree.root, tree.annotations(split), split)


def test_a_file_is_read_as_it_stands(tree: Any) -> None:
    found, document = read(tree), tree.read("train")
    assert found.category.keypoints == KEYPOINTS
    assert found.category.skeleton == SKELETON
    assert found.id.tolist() == [a["id"] for a in document["annotations"]]
    np.testing.assert_array_equal(found.box, [a["bbox"] for a in document["annotations"]])
    np.testing.assert_array_equal(
        found.keypoints.reshape(8, -1), [a["keypoints"] for a in document["annotations"]]
    )
    assert all(picture.path.is_file() for picture in found.pictures)


SPOILED: dict[str, tuple[Change, str]] = {
    "no images": (lambda d: d.pop("images"), "missing-field"),
    "empty images": (lambda d: d.update(images=[]), "no-images"),
    "no annotations": (lambda d: d.pop("annotations"), "missing-field"),
    "annotations no list": (lambda d: d.update(annotations={}), "not-a-list"),
    "annotation no object": (lambda d: d["annotations"].append(7), "not-an-object"),
    "no categories": (lambda d: d.update(categories=[]), "no-single-category"),
    "no keypoint names": (drop("categories", 0, "keypoints"), "no-single-category"),
    "names no texts": (put("categories", 0, keypoints=[1, 2]), "not-a-text"),
    "a name twice": (put("categories", 0, keypoints=["a", "a"]), "repeated-name"),
    "no file name": (drop("images", 1, "file_name"), "missing-field"),
    "width 0": (put("images", 1, width=0), "out-of-range"),
    "width no number": (put("images", 1, width="640"), "not-whole"),
    "image id twice": (put("images", 1, id=1), "broken-records"),
    "annotation id twice": (put("annotations", 1, id=10), "repeated-id"),
    "annotation id text": (put("annotations", 1, id="x"), "not-whole"),
    "unknown image": (put("annotations", 1, image_id=99), "unknown-image"),
    "no category": (drop("annotations", 1, "category_id"), "missing-field"),
    "no keypoints": (drop("annotations", 1, "keypoints"), "missing-field"),
    "a keypoint short": (put("annotations", 1, keypoints=[1, 2, 2] * 16), "wrong-length"),
    "keypoints nested": (put("annotations", 1, keypoints=[[1, 2, 2]] * 17), "not-numbers"),
    "a NaN": (put("annotations", 1, keypoints=[float("nan"), 2, 2] * 17), "not-finite"),
    "an infinity": (put("annotations", 1, keypoints=[1, 2, 2] * 16 + [float("inf"), 2, 2]), "not-finite"),
    "visibility 3": (put("annotations", 1, keypoints=[1, 2, 3] * 17), "bad-visibility"),
    "box of three": (put("annotations", 1, bbox=[1, 2, 3]), "wrong-length"),
    "negative box": (put("annotations", 1, bbox=[1, 2, -3, 4]), "out-of-range"),
    "negative area": (put("annotations", 1, area=-1), "out-of-range"),
    "num_keypoints text": (put("annotations", 1, num_keypoints="3"), "not-whole"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_record_is_named(tree: Any, name: str) -> None:
    change, code = SPOILED[name]
    tree.edit("train", change)
    with refused(code) as caught:
        read(tree)
    assert "person_keypoints_train.json" in str(caught.value)
    assert caught.value.remedy


@given(st.data())
def test_whatever_replaces_a_field_gives_annotations_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    point = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [0, 0, 9, 9],
        "area": 5,
        "keypoints": [1, 1, 2],
    }
    document: Any = {
        "images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}],
        "annotations": [{**point, "num_keypoints": 1, "iscrowd": 0}],
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose"], "skeleton": [[1, 1]]}],
    }
    part = data.draw(st.sampled_from(["images", "annotations", "categories"]))
    key = data.draw(st.sampled_from(sorted(document[part][0])))
    scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3)
    document[part][0][key] = data.draw(scalars | st.lists(scalars, max_size=4) | st.lists(st.lists(scalars)))
    root = tmp_path_factory.mktemp("set")
    (root / "images").mkdir()
    path = root / "person_keypoints_train.json"
    path.write_text(json.dumps(document))
    try:
        assert read_annotations(root, path, "train").keypoints.shape[1:] == (1, 3)
    except DataError as error:
        assert "person_keypoints_train.json" in str(error)  # noqa: PT017


def test_annotations_of_other_categories_are_not_looked_at(tree: Any) -> None:
    tree.edit("train", lambda d: d["categories"].append({"id": 2, "name": "dog"}))
    tree.edit("train", put("annotations", 0, category_id=2, keypoints=None, bbox="none"))
    assert len(read(tree).id) == 7


def test_of_several_categories_with_keypoints_people_are_meant(tree: Any) -> None:
    tree.edit("train", lambda d: d["categories"].append({"id": 2, "name": "dog", "keypoints": ["tail"]}))
    assert read(tree).category.ids == {1}
    tree.edit("train", put("categories", 0, name="cat"))
    with refused("no-single-category"):
        read(tree)


def test_fields_that_exporters_leave_out_are_filled_in(tree: Any) -> None:
    tree.edit("train", drop("annotations", 0, "num_keypoints"))
    tree.edit("train", drop("annotations", 0, "iscrowd"))
    tree.edit("train", drop("categories", 0, "skeleton"))
    found = read(tree)
    assert found.count[0] == (found.keypoints[0, :, 2] > 0).sum()
    assert not found.crowd[0]
    assert found.category.skeleton == ()


@pytest.mark.parametrize("layout", ["train2017", "images/train2017", "train", "images/train", "images"])
def test_pictures_are_found_in_the_usual_folders(tree: Any, layout: str) -> None:
    path = tree.annotations("train").rename(tree.root / "annotations" / "person_keypoints_train2017.json")
    staged = (tree.root / "train").rename(tree.root / "staged")
    (tree.root / layout).parent.mkdir(exist_ok=True)
    staged.rename(tree.root / layout)
    found = read_annotations(tree.root, path, "train")
    assert all(picture.path.is_file() for picture in found.pictures)


def test_a_folder_of_the_right_name_without_the_pictures_is_passed_over(tree: Any) -> None:
    (tree.root / "train").rename(tree.root / "images")
    (tree.root / "train").mkdir()
    assert all(picture.path.is_file() for picture in read(tree).pictures)


def test_no_folder_of_pictures_is_an_error_that_says_where_they_may_be(tree: Any) -> None:
    shutil.rmtree(tree.root / "train")
    with refused("no-pictures"):
        read(tree)


def names(folder: Path, *files: str) -> Path:
    (folder / "annotations").mkdir()
    for file in files:
        (folder / "annotations" / file).touch()
    return folder


def test_in_cocos_own_folder_the_keypoint_files_are_found(tmp_path: Path) -> None:
    kinds, years = ("captions", "instances", "person_keypoints"), ("train2017", "val2017")
    names(tmp_path, *(f"{kind}_{year}.json" for kind in kinds for year in years))
    found = {split: path.name for split, path in find_annotations(tmp_path).items()}
    assert found == {"train": "person_keypoints_train2017.json", "val": "person_keypoints_val2017.json"}


def test_files_of_any_name_are_found_by_train_and_val_in_it(tmp_path: Path) -> None:
    names(tmp_path, "my_Train.json", "validation.json", "test.json", "trainval.json")
    found = {split: path.name for split, path in find_annotations(tmp_path).items()}
    assert found == {"train": "my_Train.json", "val": "validation.json"}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ((), "no-annotations"),
        (("a.json",), "ambiguous-annotations"),
        (("train.json",), "ambiguous-annotations"),
        (("train1.json", "train2.json", "val.json"), "ambiguous-annotations"),
    ],
)
def test_missing_and_ambiguous_files_are_listed(tmp_path: Path, files: tuple[str, ...], code: str) -> None:
    with refused(code):
        find_annotations(names(tmp_path, *files))


BOX = {"image_id": 101, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5}


def detections(tree: Any, content: Any) -> Any:
    path = tree.root / "detections.json"
    path.write_text(json.dumps(content))
    found, broken = parse_detections(path, read(tree, "val"))
    raise_if_any(broken)
    return found


def test_detections_of_the_category_are_read(tree: Any) -> None:
    found = detections(tree, [BOX, {**BOX, "category_id": 2}, {**BOX, "image_id": 103, "score": 1}])
    assert found.picture.tolist() == [0, 2]
    assert found.score.tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"annotations": []}, "not-a-list"),
        ([], "no-boxes"),
        ([{**BOX, "category_id": 2}], "no-boxes"),
        ([BOX, {**BOX, "image_id": 5}], "unknown-image"),
        ([{**BOX, "bbox": [1, 2, 3]}], "wrong-length"),
        ([{**BOX, "bbox": [1, 2, 3, -4]}], "out-of-range"),
        ([{**BOX, "score": float("nan")}], "not-finite"),
        ([{k: v for k, v in BOX.items() if k != "score"}], "missing-field"),
    ],
)
def test_spoiled_detections_are_named(tree: Any, content: Any, code: str) -> None:
    with refused(code) as caught:
        detections(tree, content)
    assert "detections.json" in str(caught.value)
