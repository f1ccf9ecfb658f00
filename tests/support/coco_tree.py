"""A small set in COCO's layout, whole, for tests to spoil."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets.keypoints import KEYPOINTS, SKELETON

WIDTH, HEIGHT = 120, 90


@dataclass(frozen=True)
class CocoTree:
    """A folder with `annotations/person_keypoints_{train,val}.json`, `train/` and `val/`."""

    root: Path

    def annotations(self, split: str) -> Path:
        return self.root / "annotations" / f"person_keypoints_{split}.json"

    def read(self, split: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.annotations(split).read_text())
        return document

    def edit(self, split: str, change: Callable[[dict[str, Any]], object]) -> None:
        document = self.read(split)
        change(document)
        self.annotations(split).write_text(json.dumps(document))


def person(ident: int, image: int, rng: np.random.Generator) -> dict[str, Any]:
    """An annotation with a random box and keypoints inside the picture, a quarter of them unlabelled."""
    x, y = rng.uniform(0, 40, 2)
    w, h = rng.uniform(30, 50, 2)
    points = np.column_stack(
        [rng.uniform(x, x + w, 17), rng.uniform(y, y + h, 17), rng.choice([0, 1, 2, 2], 17)]
    )
    points[points[:, 2] == 0] = 0
    points[0] = (x + w / 2, y + h / 2, 2)
    return {
        "id": ident,
        "image_id": image,
        "category_id": 1,
        "bbox": [x, y, w, h],
        "area": 0.6 * w * h,
        "iscrowd": 0,
        "num_keypoints": int((points[:, 2] > 0).sum()),
        "keypoints": points.reshape(-1).tolist(),
    }


def write_split(root: Path, split: str, first: int) -> None:
    rng = np.random.default_rng(first)
    (root / split).mkdir(parents=True)
    images, people = [], []
    for ident in range(first, first + 4):
        name = f"{ident:04d}.png"
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / split / name)
        images.append({"id": ident, "file_name": name, "width": WIDTH, "height": HEIGHT})
        people += [person(10 * ident + number, ident, rng) for number in range(2)]
    category = {
        "id": 1,
        "name": "person",
        "keypoints": list(KEYPOINTS),
        "skeleton": [list(p) for p in SKELETON],
    }
    document = {"images": images, "annotations": people, "categories": [category]}
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"person_keypoints_{split}.json").write_text(json.dumps(document))


@pytest.fixture
def tree(tmp_path: Path) -> CocoTree:
    """Four pictures of noise and eight people in each split."""
    root = tmp_path / "set"
    write_split(root, "train", 1)
    write_split(root, "val", 101)
    return CocoTree(root)
