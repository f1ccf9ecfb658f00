"""How the start of a run grows with the samples of a set in COCO's layout: reading, checking, opening."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.contract import DataPaths
from datasets.crops.pack import open_pack
from datasets.keypoints import KEYPOINTS, SKELETON
from orchestrator.bench.growth_cost import Cost, cost
from orchestrator.bench.growth_plot import Panel, Series
from orchestrator.bench.result import Tell

SAMPLES = (1_000, 10_000, 100_000)
PICTURES = 64  # few, since it is the annotations that are counted
WIDTH, HEIGHT = 640, 480
STEPS = ("read and check", "open")


def measure(tell: Tell, samples: Sequence[int] = SAMPLES) -> tuple[Panel, Panel]:
    """Seconds and memory by samples."""
    found = {count: _costs(count, tell) for count in samples}

    def series(which: int) -> tuple[Series, ...]:
        return tuple(
            Series(step, tuple((count, costs[step][which]) for count, costs in found.items()))
            for step in STEPS
        )

    return Panel("samples", "start, s", series(0)), Panel("samples", "start, MB", series(1))


def _costs(count: int, tell: Tell) -> dict[str, Cost]:
    with tempfile.TemporaryDirectory(prefix="rle-lab-bench-") as folder:
        tell(f"a set of {count:,} samples")
        root = Path(folder) / "set"
        write(root, count)
        config, place = CocoKeypoints(source=CocoFolder.bind(root)), DataPaths(Path(folder) / "cache", root)
        config.prepare(place)
        return {
            "read and check": cost(lambda: config.prepare(place)),
            "open": cost(lambda: _open(config, place)),
        }


def _open(config: CocoKeypoints, place: DataPaths) -> None:
    open_pack.cache_clear()
    data = config.open(place, seed=0)
    data.train.__getitems__([(0, 0)])


def write(root: Path, count: int) -> None:
    """A set of `count` people in few grey pictures, in COCO's layout."""
    rng = np.random.default_rng(0)
    (root / "annotations").mkdir(parents=True)
    for split, people in (("train2017", count), ("val2017", PICTURES)):
        _pictures(root / split)
        path = root / "annotations" / f"person_keypoints_{split}.json"
        path.write_text(json.dumps(_document(rng, people)))


def _pictures(folder: Path) -> None:
    folder.mkdir()
    first = folder / _name(1)
    cv2.imwrite(str(first), np.full((HEIGHT, WIDTH, 3), 128, np.uint8))
    for number in range(2, PICTURES + 1):
        shutil.copy(first, folder / _name(number))


def _name(number: int) -> str:
    return f"{number:012d}.jpg"


def _document(rng: np.random.Generator, people: int) -> dict[str, Any]:
    ids = range(1, PICTURES + 1)
    category = {"id": 1, "name": "person", "keypoints": list(KEYPOINTS), "skeleton": list(SKELETON)}
    return {
        "images": [{"id": i, "file_name": _name(i), "width": WIDTH, "height": HEIGHT} for i in ids],
        "annotations": [_person(rng, index) for index in range(people)],
        "categories": [category],
    }


def _person(rng: np.random.Generator, index: int) -> dict[str, Any]:
    x, y = rng.uniform(0, (WIDTH - 120, HEIGHT - 240)).round(2).tolist()
    points = rng.uniform((x, y), (x + 100, y + 200), (len(KEYPOINTS), 2)).round(2)
    return {
        "id": index + 1,
        "image_id": index % PICTURES + 1,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [x, y, 100.0, 200.0],
        "area": 9000.0,
        "num_keypoints": len(KEYPOINTS),
        "keypoints": np.pad(points, ((0, 0), (0, 1)), constant_values=2).flatten().tolist(),
    }
