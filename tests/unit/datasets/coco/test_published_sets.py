"""Sets as they are published, and as people make them: read, prepared, measured, with what was assumed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths, Predictions
from datasets.keypoints import KEYPOINTS, USUAL_SIGMA
from tests.support import published
from tests.support.errors import refused
from tests.support.published import Published, edit

ANIMALS = tuple({"id": ident, "name": name} for ident, name in ((1, "antelope"), (2, "bison"), (7, "cow")))
SETS = {
    "CrowdPose": Published(
        published.CROWDPOSE,
        ({"id": 1, "name": "person", "skeleton": published.COCO_SKELETON},),
        "json/crowdpose_{split}.json",
        absent=("area",),
    ),
    "AP-10K": Published(published.AP10K, ANIMALS, "annotations/ap10k-{split}-split1.json", "data"),
    "PoseTrack": Published(published.POSETRACK, files="annotations/posetrack18_{split}.json"),
    "MPII's names": Published(published.MPII, files="annotations/mpii_{split}.json"),
    "hands": Published(published.HAND, ({"id": 1, "name": "hand"},)),
    "COCO and feet": Published((*KEYPOINTS, *published.FEET), files="annotations/foot_{split}_v1.json"),
    "a mouse": Published(published.MOUSE, ({"id": 3, "name": "mouse"},)),
    "a ball": Published(("ball",), ({"id": 3, "name": "ball"},)),
}


def perfect(data: Any) -> dict[str, float]:
    """The metrics of the truth itself."""
    batch = data.val.__getitems__([(0, index) for index in range(len(data.val))])
    mu = batch.target.numpy()
    return dict(data.metrics(Predictions(batch.id.numpy(), mu, None, np.ones(mu.shape[:2], np.float32))))


def prepared(root: Path, cache: Path) -> tuple[CocoKeypoints, Any]:
    place = DataPaths(cache, root)
    data = CocoKeypoints(source=CocoFolder.bind(root), size=(64, 48))
    data.prepare(place)
    return data, data.open(place, 0)


@pytest.mark.parametrize("name", SETS)
def test_a_published_set_is_prepared_and_the_truth_scores_everything(name: str, tmp_path: Path) -> None:
    data, opened = prepared(SETS[name].write(tmp_path / "set"), tmp_path / "cache")
    assert data.source.train_samples == 6
    metrics = perfect(opened)
    assert metrics["AP"] == metrics["AP50"] == metrics["AR"] == pytest.approx(100)


def test_crowdpose_draws_its_own_limbs_and_takes_areas_from_boxes(tmp_path: Path) -> None:
    data, opened = prepared(SETS["CrowdPose"].write(tmp_path / "set"), tmp_path / "cache")
    names = [{data.names[a], data.names[b]} for a, b in data.skeleton.limbs]
    assert {"left_ankle", "left_knee"} in names
    assert {"left_shoulder", "right_shoulder"} in names
    assert len(names) == 12
    np.testing.assert_allclose(opened.val.pack.arrays["area"], 0.53 * 60 * 60)
    arms_and_legs = (0.079, 0.072, 0.062, 0.107, 0.087, 0.089)
    assert data.sigmas == (*np.repeat(arms_and_legs, 2), 0.079, 0.079)
    assert set(data.assumed) == {
        "coco: the skeleton is that of COCO's 17 keypoints: its limbs are drawn by their names",
        "coco: 12 people have no area: 0.53 of the box's area stands in",
    }


def test_categories_with_the_same_keypoints_are_one(tmp_path: Path) -> None:
    data = CocoKeypoints(source=CocoFolder.bind(SETS["AP-10K"].write(tmp_path)))
    assert "coco: 3 categories have the same keypoints: they are taken for one" in data.assumed
    assert data.flip_pairs == ((0, 1), (5, 8), (6, 9), (7, 10), (11, 14), (12, 15), (13, 16))


def test_unknown_constants_are_the_usual_one_and_known_ones_stay(tmp_path: Path) -> None:
    data = CocoKeypoints(source=CocoFolder.bind(SETS["COCO and feet"].write(tmp_path)))
    assert data.sigmas[:2] == (0.026, 0.025)
    assert data.sigmas[17:] == (USUAL_SIGMA,) * 6
    assert any("left_big_toe" in sentence and "--sigmas" in sentence for sentence in data.assumed)
    assert "AP with an OKS constant of 0.067" in data.caveat


def test_a_mouse_is_mirrored_with_its_sides_and_a_hand_is_not_mirrored(tmp_path: Path) -> None:
    mouse = CocoKeypoints(source=CocoFolder.bind(SETS["a mouse"].write(tmp_path / "mouse")))
    assert mouse.flip_pairs == ((1, 2), (4, 5))
    hand = CocoKeypoints(source=CocoFolder.bind(SETS["hands"].write(tmp_path / "hand")))
    assert hand.flip_pairs is None
    assert any("not mirrored" in sentence and "thumb1" in sentence for sentence in hand.assumed)


@pytest.mark.parametrize("where", ["in the file", "in the other split"])
def test_a_category_without_names_takes_those_of_its_twin(tmp_path: Path, where: str) -> None:
    root = SETS["AP-10K"].write(tmp_path)
    which = slice(1, 2) if where == "in the file" else slice(None)
    path = root / "annotations" / "ap10k-val-split1.json"
    edit(path, lambda d: [one.pop("keypoints") for one in d["categories"][which]])
    bound = CocoFolder.bind(root)
    assert len(bound.read(root).val) == 6
    assert any("names no keypoints" in sentence for sentence in bound.assumed)


def test_other_keypoints_of_other_categories_are_counted(tmp_path: Path) -> None:
    root = SETS["AP-10K"].write(tmp_path)
    path = root / "annotations" / "ap10k-train-split1.json"
    edit(path, lambda d: d["categories"][0].update(keypoints=["a"]))
    with refused("no-single-category"):
        CocoFolder.bind(root)
    edit(path, lambda d: d["categories"][1].update(name="person"))
    edit(path, lambda d: d["categories"][2].update(name="person"))
    bound = CocoFolder.bind(root)
    assert bound.read(root).train.left_out == {"of categories with other keypoints": 2}


def test_a_category_that_the_file_does_not_list_is_named(tmp_path: Path) -> None:
    root = SETS["a mouse"].write(tmp_path)
    edit(root / "annotations" / "train.json", lambda d: d["annotations"][2].update(category_id=9))
    with refused("unknown-category") as caught:
        CocoFolder.bind(root)
    assert "annotations[2] (id 3)" in str(caught.value)


@pytest.mark.parametrize(
    ("skeleton", "limbs", "said"),
    [
        ([[0, 1], [4, 5]], ((0, 1), (4, 5)), "counts keypoints from 0"),
        ([[1, 2], [7, 2], [2, 3, 4], "x", [1, None]], ((0, 1),), "4 limbs of the skeleton join"),
        ([["nose", "earL"], ["nose", "tail"]], ((0, 1),), "1 limb of the skeleton joins"),
        ({"a": 1}, (), ""),
        (None, (), ""),
    ],
)
def test_a_skeleton_never_refuses_a_set(tmp_path: Path, skeleton: Any, limbs: Any, said: str) -> None:
    root = SETS["a mouse"].write(tmp_path)
    for split in ("train", "val"):
        path = root / "annotations" / f"{split}.json"
        edit(path, lambda d: d["categories"][0].update(skeleton=skeleton))
    data = CocoKeypoints(source=CocoFolder.bind(root))
    assert data.skeleton.limbs == limbs
    assert any(said in sentence for sentence in data.assumed)


@pytest.mark.parametrize(
    ("sigmas", "code"),
    [
        ([0.1] * 5, "wrong-length"),
        ({"nose": 0.1}, "not-numbers"),
        ([0] * 6, "out-of-range"),
        (3, "wrong-length"),
    ],
)
def test_wrong_constants_in_a_category_are_named(tmp_path: Path, sigmas: Any, code: str) -> None:
    root = SETS["a mouse"].write(tmp_path)
    edit(root / "annotations" / "train.json", lambda d: d["categories"][0].update(sigmas=sigmas))
    with refused(code):
        CocoFolder.bind(root)
