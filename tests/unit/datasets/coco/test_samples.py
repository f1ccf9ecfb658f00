import json
from typing import Any

import numpy as np
import pytest

from datasets.coco.samples import read
from tests.support.errors import refused


def change(tree: Any, index: int, split: str = "train", **fields: Any) -> None:
    tree.edit(split, lambda document: document["annotations"][index].update(fields))


def test_what_the_benchmark_leaves_out_is_left_out_and_counted(tree: Any) -> None:
    change(tree, 0, iscrowd=1)
    change(tree, 1, keypoints=[0] * 51, num_keypoints=0)
    change(tree, 2, num_keypoints=0)
    change(tree, 3, area=0)
    change(tree, 4, bbox=[10, 10, 1, 40])  # x2 = x + width - 1 = x
    change(tree, 5, bbox=[-0.5, 10, 1, 40])  # a part of a pixel is inside
    samples = read(tree.root).train.samples
    assert samples.left_out == {
        "crowds": 1,
        "without labelled keypoints": 2,
    }
    assert samples.id.tolist() == [21, 30, 31, 40, 41]


@pytest.mark.parametrize("box", [[-50, 10, 40, 40], [120, 10, 5, 5], [5, -9, 9, 9], [5, 90, 9, 9]])
def test_a_box_with_nothing_in_its_picture_names_its_annotation(tree: Any, box: list[float]) -> None:
    change(tree, 5, bbox=box)
    with refused("box-outside"):
        read(tree.root)


def test_a_box_partly_outside_its_picture_is_clipped(tree: Any) -> None:
    change(tree, 0, bbox=[-10, 5, 200, 300])
    np.testing.assert_array_equal(read(tree.root).train.samples.corners[0], [0, 5, 119, 89])


def test_visible_and_occluded_keypoints_both_count(tree: Any) -> None:
    change(tree, 0, keypoints=[5, 6, 1, 7, 8, 2, *([0] * 45)])
    samples = read(tree.root).train.samples
    assert samples.labelled[0].tolist() == [True, True, *([False] * 15)]
    np.testing.assert_array_equal(samples.points[0, :2], [[5, 6], [7, 8]])


def test_a_keypoint_outside_the_picture_stays_where_it_is(tree: Any) -> None:
    change(tree, 0, keypoints=[-100, 170, 2, *([0] * 48)])
    np.testing.assert_array_equal(read(tree.root).train.samples.points[0, 0], [-100, 170])


@pytest.mark.parametrize("place", [(-121, 5), (5, 181), (1e6, 5)])
def test_a_keypoint_far_outside_names_its_annotation(tree: Any, place: tuple[float, float]) -> None:
    change(tree, 3, keypoints=[*([0] * 3), *place, 2, *([0] * 45)])
    with refused("keypoint-outside"):
        read(tree.root)


def test_a_keypoint_far_outside_that_nobody_uses_is_no_error(tree: Any) -> None:
    change(tree, 3, keypoints=[1, 1, 2, 9999, 9999, 0, *([0] * 45)])
    change(tree, 4, keypoints=[9999, 1, 2, *([0] * 48)], iscrowd=1)
    assert len(read(tree.root).train.samples.id) == 7


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_without_people_is_an_error_that_counts_why(tree: Any, split: str) -> None:
    tree.edit(split, lambda d: [a.update(iscrowd=1) for a in d["annotations"]])
    with refused("empty-split") as caught:
        read(tree.root)
    assert "8 crowds" in caught.value.problem


def test_splits_with_other_keypoints_are_refused(tree: Any) -> None:
    tree.edit("val", lambda d: d["categories"][0]["keypoints"].reverse())
    with refused("other-keypoints"):
        read(tree.root)


def test_a_root_that_is_no_folder_is_an_error(tree: Any) -> None:
    with refused("no-annotations"):
        read(tree.root / "nowhere")


def test_detected_boxes_take_the_place_of_annotated_ones(tree: Any) -> None:
    boxes = [
        {"image_id": 102, "category_id": 1, "bbox": [-5, 2, 30, 40], "score": 0.5},
        {"image_id": 102, "category_id": 1, "bbox": [5, 2, 0, 40], "score": 0.5},
        {"image_id": 101, "category_id": 1, "bbox": [5, 2, 10, 40], "score": 0.9},
    ]
    path = tree.root / "detections.json"
    path.write_text(json.dumps(boxes))
    samples = read(tree.root, path).val.samples
    assert samples.id.tolist() == [0, 2]
    assert samples.score.tolist() == [0.5, 0.9]
    assert samples.corners[0].tolist() == [0, 2, 24, 41]
    assert not samples.labelled.any()
    assert samples.left_out == {"detections with an empty box": 1}


def test_detected_boxes_as_corners_are_refused(tree: Any) -> None:
    boxes = [[50, 40, 110, 80], [60, 20, 100, 85], [5, 50, 30, 70]]
    found = [{"image_id": 102, "category_id": 1, "bbox": box, "score": 0.5} for box in boxes]
    path = tree.root / "detections.json"
    path.write_text(json.dumps(found))
    with refused("implausible-labels") as caught:
        read(tree.root, path)
    assert "detections.json" in str(caught.value)


def test_the_digest_knows_the_files_by_their_content_and_not_by_their_place(tree: Any) -> None:
    before = read(tree.root).digest()
    assert read(tree.root.rename(tree.root.parent / "elsewhere")).digest() == before


@pytest.mark.parametrize("what", ["annotations", "picture", "detections"])
def test_the_digest_changes_with(tree: Any, what: str) -> None:
    path = tree.root / "detections.json"
    path.write_text(json.dumps([{"image_id": 101, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]))
    before = read(tree.root, path).digest()
    if what == "annotations":
        change(tree, 0, area=77)
    elif what == "picture":
        with (tree.root / "train" / "0001.png").open("ab") as file:
            file.write(b"more")
    else:
        path.write_text(path.read_text() + " ")
    assert read(tree.root, path).digest() != before


def test_a_missing_picture_is_an_error_only_where_it_is_needed(tree: Any) -> None:
    (tree.root / "train" / "0002.png").unlink()
    with refused("missing-picture"):
        read(tree.root).digest()
    tree.edit("train", lambda d: [d["annotations"].pop(2), d["annotations"].pop(2)])
    assert len(read(tree.root).digest()) == 16
