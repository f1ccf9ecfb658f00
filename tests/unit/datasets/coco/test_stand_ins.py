"""Whoever lacks an area or a box is measured all the same, and whoever is no sample is not asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths, Predictions
from datasets.keypoints import KEYPOINTS
from tests.support.errors import refused
from tests.support.published import SIDE, Published, edit

ZERO_KEYPOINTS = {"keypoints": [0] * 51}


def opened(root: Path, cache: Path) -> tuple[CocoKeypoints, Any]:
    data = CocoKeypoints(source=CocoFolder.bind(root), size=(64, 48))
    data.prepare(DataPaths(cache, root))
    return data, data.open(DataPaths(cache, root), 0)


def perfect(data: Any) -> dict[str, float]:
    batch = data.val.__getitems__([(0, index) for index in range(len(data.val))])
    mu = batch.target.numpy()
    return dict(data.metrics(Predictions(batch.id.numpy(), mu, None, np.ones(mu.shape[:2], np.float32))))


def level(ident: int = 0) -> dict[str, Any]:
    """Two keypoints at one height and their own box, which has none."""
    points = [20.0, 30.0, 2, 50.0, 30.0, 2, *([0] * 45)]
    return {"keypoints": points, "bbox": [20.0, 30.0, 30.0, 0.0], "num_keypoints": 2}


def single() -> dict[str, Any]:
    return {"keypoints": [20.0, 30.0, 2, *([0] * 48)], "bbox": [20.0, 30.0, 0.0, 0.0], "num_keypoints": 1}


ODD: dict[str, tuple[dict[str, Any], int, str]] = {
    "area 0": ({"area": 0}, 6, "have no area: 0.53 of the box's area"),
    "area null": ({"area": None}, 6, "have no area"),
    "level": (level(), 6, "no box with an extent: a square about the keypoints"),
    "level, no area": ({**level(), "area": 0}, 6, "no box with an extent"),
    "single": ({**single(), "area": 0}, 6, "neither box nor keypoints with an extent: the whole picture"),
    "box 0": ({"bbox": [0, 0, 0, 0]}, 6, "a square about the keypoints"),
    "no box": ({"bbox": None}, 6, "a square about the keypoints"),
    "no labels": ({**ZERO_KEYPOINTS, "num_keypoints": 3}, 3, ""),
    "crowds": ({"iscrowd": 1}, 3, ""),
}


@pytest.mark.parametrize("name", ODD)
def test_perfect_answers_score_everything_whoever_lacks_what(name: str, tmp_path: Path) -> None:
    fields, samples, said = ODD[name]
    root = Published(KEYPOINTS).write(tmp_path / "set")
    for split in ("train", "val"):
        edit(
            root / "annotations" / f"{split}.json",
            lambda d: [one.update(fields) for one in d["annotations"][:3]],
        )
    data, split = opened(root, tmp_path / "cache")
    assert len(split.val) == samples
    metrics = perfect(split)
    assert metrics["AP"] == metrics["AP50"] == metrics["AP75"] == metrics["AR"] == pytest.approx(100)
    assert (
        any(said in sentence and "6 " in sentence for sentence in data.assumed) if said else not data.assumed
    )


def test_what_stands_in_for_boxes_and_areas(tmp_path: Path) -> None:
    root = Published(KEYPOINTS).write(tmp_path / "set")
    path = root / "annotations" / "val.json"
    changes = ({**level(), "area": 0}, {**single(), "area": 0}, {**single(), "area": 400.0}, {"area": 0})
    edit(path, lambda d: [one.update(new) for one, new in zip(d["annotations"], changes, strict=False)])
    truth = CocoFolder.bind(root).read(root).val.annotations
    np.testing.assert_allclose(truth.box[0], [20.5 - 1, 15.5 - 0.5, 30, 30], atol=1)
    np.testing.assert_array_equal(truth.box[1], [0, 0, SIDE, SIDE])
    np.testing.assert_array_equal(truth.box[2], [10, 20, 21, 21])
    np.testing.assert_allclose(truth.area[[1, 2, 3]], [0.53 * SIDE * SIDE, 400, 0.53 * 3600])


def test_a_set_of_one_keypoint_each_with_boxes_of_a_point(tmp_path: Path) -> None:
    root = Published(("ball",)).write(tmp_path / "set")
    for split in ("train", "val"):
        edit(
            root / "annotations" / f"{split}.json",
            lambda d: [one.update(bbox=[*one["keypoints"][:2], 0, 0], area=0) for one in d["annotations"]],
        )
    data, split = opened(root, tmp_path / "cache")
    assert perfect(split)["AP"] == pytest.approx(100)
    assert any("12 people have neither box nor keypoints" in sentence for sentence in data.assumed)


@pytest.mark.parametrize("number", [0, 6, 17])
def test_numbers_of_keypoints_that_are_the_same_everywhere_are_counted(tmp_path: Path, number: int) -> None:
    root = Published(KEYPOINTS).write(tmp_path)
    path = root / "annotations" / "train.json"

    def change(document: Any) -> None:
        for index, one in enumerate(document["annotations"]):
            one["num_keypoints"] = number
            one["keypoints"][2 : 3 * index + 2 : 3] = [0] * index

    edit(path, change)
    bound = CocoFolder.bind(root)
    assert bound.train_samples == 6
    assert bound.read(root).train.annotations.count.tolist() == [17, 16, 15, 14, 13, 12]
    assert bound.assumed[0].startswith("train.json: num_keypoints is 0 or the same everywhere")


def test_who_is_said_to_have_no_keypoints_beside_others_is_left_out(tmp_path: Path) -> None:
    root = Published(KEYPOINTS).write(tmp_path)
    edit(root / "annotations" / "train.json", lambda d: d["annotations"][0].update(num_keypoints=0))
    bound = CocoFolder.bind(root)
    assert (bound.train_samples, bound.assumed) == (5, ())


@pytest.mark.parametrize("value", ["0", "1", 2, -1, 0.5, [0]])
def test_what_is_neither_a_crowd_nor_none_is_named(tmp_path: Path, value: Any) -> None:
    root = Published(KEYPOINTS).write(tmp_path)
    edit(root / "annotations" / "train.json", lambda d: d["annotations"][0].update(iscrowd=value))
    with refused("out-of-range") as caught:
        CocoFolder.bind(root)
    assert "iscrowd" in str(caught.value)


@pytest.mark.parametrize("value", [0, False, None])
def test_no_crowd_is_written_in_several_ways(tmp_path: Path, value: Any) -> None:
    root = Published(KEYPOINTS).write(tmp_path)
    edit(root / "annotations" / "train.json", lambda d: d["annotations"][0].update(iscrowd=value))
    assert CocoFolder.bind(root).train_samples == 6


def test_what_was_assumed_changes_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Published(KEYPOINTS, absent=("area",)).write(tmp_path)
    before = CocoFolder.bind(root).digest
    monkeypatch.setattr("datasets.base.annotated.ASSUMPTIONS", 0)
    assert CocoFolder.bind(root).digest != before
