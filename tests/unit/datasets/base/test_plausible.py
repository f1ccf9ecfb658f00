"""Labels that can't be meant as they are read refuse a set; real ones never do."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.base import plausible
from datasets.coco.config import CocoFolder
from datasets.human36m.config import Human36MFolder
from datasets.mpii.config import MpiiFolder
from datasets.synthetic.people.people import People
from datasets.synthetic.people.write_human36m import Human36MPeople
from datasets.synthetic.people.write_human36m import write as write_human36m
from datasets.synthetic.people.write_mpii import MpiiPeople
from datasets.synthetic.people.write_mpii import write as write_mpii
from tests.support.errors import refused
from tests.support.published import edit

REAL = ("coco_sample", "lspet", "lspet_sample")


def real(root: Path, name: str, split: str) -> tuple[Any, Any, Any, Any]:
    """Keypoints, labels, boxes and sizes of pictures of a real set."""
    (path,) = (root / name / "annotations").glob(f"*_{split}*.json")
    document = json.loads(path.read_text())
    size = {one["id"]: (one["width"], one["height"]) for one in document["images"]}
    used = [one for one in document["annotations"] if any(one["keypoints"]) and not one["iscrowd"]]
    points = np.array([one["keypoints"] for one in used], float).reshape(len(used), -1, 3)
    boxes = np.array([one["bbox"] for one in used], float)
    sides = np.array([size[one["image_id"]] for one in used], float)
    return points[..., :2], points[..., 2] > 0, boxes, sides


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("name", REAL)
def test_real_sets_are_plausible_and_spoiled_ones_are_not(samples: Path, name: str, split: str) -> None:
    points, labelled, boxes, sides = real(samples, name, split)
    plausible.check(Path("a.json"), points, labelled, boxes, sides)
    scale = np.concatenate([sides, sides], axis=1)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    middles = np.concatenate([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)
    spoiled = {
        "fractions": (points / sides[:, None], boxes),
        "boxes in fractions": (points, boxes / scale),
        "both": (points / sides[:, None], boxes / scale),
        "percent": (100 * points / sides[:, None], boxes),
        "x and y swapped": (points[..., ::-1], boxes),
        "corners": (points, corners),
        "middles": (points, middles),
        "boxes swapped": (points, boxes[:, [1, 0, 3, 2]]),
    }
    for kind, (new_points, new_boxes) in spoiled.items():
        with refused("implausible-labels") as caught:
            plausible.check(Path("a.json"), new_points, labelled, new_boxes, sides)
        assert caught.value.problem, kind


def moved(one: dict[str, Any], change: Any) -> list[float]:
    """A person's keypoints with other coordinates where they are labelled."""
    rows = np.array(one["keypoints"]).reshape(-1, 3)
    rows[rows[:, 2] > 0, :2] = change(rows[rows[:, 2] > 0, :2])
    return [float(value) for value in rows.reshape(-1)]


def spoil(tree: Any, change: Any) -> None:
    tree.edit("train", lambda document: [one.update(change(one)) for one in document["annotations"]])


def test_a_set_whose_labels_are_fractions_is_refused_before_anything_is_packed(tree: Any) -> None:
    spoil(tree, lambda one: {"keypoints": moved(one, lambda points: points / 120)})
    for skip in (False, True):
        with refused("implausible-labels") as caught:
            CocoFolder.bind(tree.root, skip_broken=skip)
    assert "between 0 and 1" in caught.value.problem
    assert "--skip-broken" not in str(caught.value)


def test_corners_for_boxes_are_recognised(tree: Any) -> None:
    def change(one: dict[str, Any]) -> dict[str, Any]:
        x, y, width, height = one["bbox"]
        return {"bbox": [x, y, min(x + width, 119), min(y + height, 89)]}

    spoil(tree, lambda one: {"keypoints": moved(one, lambda points: np.minimum(points + 20, (119, 89)))})
    spoil(tree, lambda one: {"bbox": [one["bbox"][0] + 20, one["bbox"][1] + 20, *one["bbox"][2:]]})
    spoil(tree, change)
    with refused("implausible-labels") as caught:
        CocoFolder.bind(tree.root)
    assert "corners" in caught.value.problem


def test_corners_for_boxes_of_human36m_are_recognised(tmp_path: Path) -> None:
    write_human36m(Human36MPeople(train=20, val=20, side=32), tmp_path, workers=1)
    Human36MFolder.bind(tmp_path)

    def corners(document: Any) -> None:
        for one in document["annotations"]:
            x, y, width, height = one["bbox"]
            one["bbox"] = [x, y, x + width, y + height]

    for path in (tmp_path / "annotations").glob("*_data.json"):
        edit(path, corners)
    with refused("implausible-labels"):
        Human36MFolder.bind(tmp_path)


@pytest.mark.parametrize("kind", ["fractions", "swapped"])
def test_joints_of_mpii_that_are_far_from_their_people_are_refused(tmp_path: Path, kind: str) -> None:
    write_mpii(MpiiPeople(scenes=People(train=20, val=8)), tmp_path, workers=1)
    MpiiFolder.bind(tmp_path)
    path = tmp_path / "annot" / "train.json"
    people = json.loads(path.read_text())
    for one in people:
        one["joints"] = [
            [x / 500, y / 500] if kind == "fractions" else [y + 200, x - 200] for x, y in one["joints"]
        ]
    path.write_text(json.dumps(people))
    with refused("implausible-labels"):
        MpiiFolder.bind(tmp_path)
