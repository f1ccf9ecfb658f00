"""Sets that are odd but readable are trained on, and what was trained predicts a video."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from orchestrator.config.vary import vary
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.runtime import SingleProcess
from orchestrator.training.trainer import fit
from tests.support.predicting import results
from tests.support.published import HAND, MOUSE, Published, edit
from tests.support.videos import pictures, write_video


def partly(document: dict[str, Any]) -> None:
    """The first person has all labels but one, the second all but two, and so on; the last has one."""
    for number, one in enumerate(document["annotations"], 1):
        left = min(number, len(one["keypoints"]) // 3 - 1)
        one["keypoints"][: 3 * left] = [0] * 3 * left
        one["num_keypoints"] = len(one["keypoints"]) // 3 - left


@pytest.mark.parametrize(
    ("keypoints", "change", "mirrored"),
    [
        (("ball",), None, True),  # one alone is its own mirror image
        (HAND, None, False),  # no left and right
        (("nose", "left_paw", "tail"), None, False),  # a side without its partner
        (MOUSE, partly, True),
        (("1", "2"), partly, False),
    ],
)
def test_an_odd_set_is_trained_on_and_predicts_a_video(
    experiment, run, tmp_path: Path, keypoints, change, mirrored: bool
) -> None:
    root = Published(keypoints, pictures="{split}").write(tmp_path / "set")
    for split in ("train", "val"):
        edit(root / "annotations" / f"{split}.json", change or (lambda document: None))
    data = CocoKeypoints(source=CocoFolder.bind(root), size=(32, 32))
    place = DataPaths(tmp_path / "cache", root)
    data.prepare(place)
    trained = vary(experiment, data=data, schedule=vary(experiment.schedule, epochs=2, batch=4))
    opened = data.open(place, 0)
    assert (opened.flip_pairs is not None) == mirrored
    outcome = fit(trained, opened, SingleProcess(), Checkpoints(str(tmp_path / "store")))
    assert all(map(math.isfinite, outcome.metrics.values()))
    model = tmp_path / "store" / trained.fingerprint() / "checkpoint.pt"
    code, out = run(model, write_video(tmp_path / "walk.mp4", pictures(2)))
    with (out / "walk.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert code == 0
    assert [(row["frame"], row["keypoint"]) for row in rows] == [
        (str(frame), name) for frame in range(2) for name in keypoints
    ]
    assert all(math.isfinite(float(row[axis])) for row in rows for axis in ("x", "y", "sigma_x"))


@pytest.mark.parametrize("size", [(2_048, 1_536), (10_000, 8_800)])
def test_a_large_picture_has_the_numbers_of_its_part(
    experiment, save, run, tmp_path: Path, size: tuple[int, int]
) -> None:
    """Of 3 and of 88 megapixels; the part lies on the grid of JPEG's blocks, amid black."""
    part = np.zeros((160, 160, 3), np.uint8)
    part[48:112, 48:112] = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    left, top = size[0] - 320, size[1] - 640
    large = Image.new("RGB", size)
    large.paste(Image.fromarray(part), (left, top))
    found = []
    for name, picture, corner in (("1.jpg", Image.fromarray(part), (0, 0)), ("2.jpg", large, (left, top))):
        picture.save(tmp_path / name, quality=95, subsampling=0)
        box = [corner[0] + 48, corner[1] + 48, 64, 64]
        boxes = tmp_path / f"{name}.json"
        boxes.write_text(
            json.dumps([{"image_id": int(name[0]), "category_id": 1, "score": 0.5, "bbox": box}])
        )
        code, out = run(save(experiment), tmp_path / name, "--boxes", boxes)
        assert code == 0
        (one,) = results(out)
        points = np.array(one["keypoints"]).reshape(-1, 3)
        found.append(np.column_stack([points[:, :2] - corner, points[:, 2]]))
    np.testing.assert_allclose(found[1], found[0], atol=2e-3)
