"""How the start of a run grows with the samples of a COCO-style data set: reading, checking, opening."""

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
from datasets.keypoints import KEYPOINTS
from datasets.synthetic.people.write_coco import file_name, write_annotations
from orchestrator.bench.growth_plot import Panel, time_and_memory
from orchestrator.bench.result import Tell
from orchestrator.bench.timing import cost

SAMPLES = (1_000, 10_000, 100_000)
PICTURES = 64  # few, since the number of annotations is what matters
WIDTH, HEIGHT = 640, 480


def measure(tell: Tell, samples: Sequence[int] = SAMPLES) -> tuple[Panel, Panel]:
    """Seconds and memory by samples."""
    return time_and_memory("start", "samples", {count: _costs(count, tell) for count in samples})


def _costs(count: int, tell: Tell) -> dict[str, tuple[float, float]]:
    with tempfile.TemporaryDirectory(prefix="rle-lab-bench-") as folder:
        tell(f"a set of {count:,} samples")
        root = Path(folder) / "set"
        write(root, count)
        config, paths = CocoKeypoints(source=CocoFolder.bind(root)), DataPaths(Path(folder) / "cache", root)
        config.prepare(paths)
        return {
            "read and check": cost(lambda: config.prepare(paths)),
            "open": cost(lambda: _open(config, paths)),
        }


def _open(config: CocoKeypoints, paths: DataPaths) -> None:
    open_pack.cache_clear()
    config.open(paths, seed=0).train.__getitems__([(0, 0)])


def write(root: Path, count: int) -> None:
    """A set of `count` people in few grey images, in COCO's layout."""
    rng = np.random.default_rng(0)
    (root / "annotations").mkdir(parents=True)
    for split, people in (("train2017", count), ("val2017", PICTURES)):
        _images(root / split)
        ids = range(1, people + 1)
        annotations = [(i + 1, [_person(rng, one) for one in ids[i::PICTURES]]) for i in range(PICTURES)]
        path = root / "annotations" / f"person_keypoints_{split}.json"
        write_annotations(path, {}, (WIDTH, HEIGHT), annotations)


def _images(folder: Path) -> None:
    folder.mkdir()
    first = folder / file_name(1)
    cv2.imwrite(str(first), np.full((HEIGHT, WIDTH, 3), 128, np.uint8))
    for number in range(2, PICTURES + 1):
        shutil.copy(first, folder / file_name(number))


def _person(rng: np.random.Generator, ident: int) -> dict[str, Any]:
    x, y = rng.uniform(0, (WIDTH - 120, HEIGHT - 240)).round(2).tolist()
    points = rng.uniform((x, y), (x + 100, y + 200), (len(KEYPOINTS), 2)).round(2)
    return {
        "id": ident,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [x, y, 100.0, 200.0],
        "area": 9000.0,
        "num_keypoints": len(KEYPOINTS),
        "keypoints": np.pad(points, ((0, 0), (0, 1)), constant_values=2).flatten().tolist(),
    }
