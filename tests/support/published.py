"""Small sets that look like published ones: their fields, names and folders, with generated contents."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 96

CROWDPOSE = (
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "head", "neck"),
)
COCO_SKELETON = [
    *([16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7], [6, 8], [7, 9], [8, 10]),
    *([9, 11], [2, 3], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 7]),
]
AP10K = (
    *("left_eye", "right_eye", "nose", "neck", "root_of_tail", "left_shoulder", "left_elbow"),
    *("left_front_paw", "right_shoulder", "right_elbow", "right_front_paw", "left_hip", "left_knee"),
    *("left_back_paw", "right_hip", "right_knee", "right_back_paw"),
)
POSETRACK = (
    *("nose", "head_bottom", "head_top", "left_ear", "right_ear", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee"),
    *("right_knee", "left_ankle", "right_ankle"),
)
MPII = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax"),
    *("upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder"),
    *("left_elbow", "left_wrist"),
)
HAND = ("wrist", *(f"{finger}{n}" for finger in ("thumb", "forefinger", "pinky_finger") for n in (1, 2, 3)))
FEET = ("left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel")
MOUSE = ("nose", "earL", "earR", "tail_base", "front_left_paw", "front_right_paw")


@dataclass(frozen=True)
class Published:
    """A set to write: whose keypoints, in which categories, in which folders."""

    keypoints: Sequence[str]
    categories: tuple[dict[str, Any], ...] = ({"id": 1, "name": "person"},)
    files: str = "annotations/{split}.json"
    pictures: str = "images"
    absent: tuple[str, ...] = ()  # fields that annotations lack
    people: int = 6

    def write(self, root: Path) -> Path:
        """Both splits, of one picture a person."""
        for number, split in enumerate(("train", "val")):
            self._write_split(root, split, 100 * number)
        return root

    def _write_split(self, root: Path, split: str, first: int) -> None:
        rng = np.random.default_rng(first)
        path, folder = root / self.files.format(split=split), root / self.pictures.format(split=split)
        path.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        images, people = [], []
        for ident in range(first + 1, first + 1 + self.people):
            name = f"{ident:06d}.jpg"
            Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(folder / name)
            images.append({"id": ident, "file_name": name, "width": SIDE, "height": SIDE})
            kind = self.categories[ident % len(self.categories)]["id"]
            people.append(self._person(ident, kind, rng))
        named = [{"keypoints": list(self.keypoints), "skeleton": [], **one} for one in self.categories]
        document = {"images": images, "annotations": people, "categories": named}
        path.write_text(json.dumps(document))

    def _person(self, ident: int, kind: int, rng: np.random.Generator) -> dict[str, Any]:
        low, K = rng.uniform(5, 20, 2), len(self.keypoints)
        points = np.column_stack([low + rng.uniform(0, 60, (K, 2)), np.full(K, 2)])
        person = {
            "id": ident,
            "image_id": ident,
            "category_id": kind,
            "bbox": [*low.tolist(), 60.0, 60.0],
            "area": 1800.0,
            "iscrowd": 0,
            "num_keypoints": K,
            "keypoints": points.reshape(-1).tolist(),
        }
        return {key: value for key, value in person.items() if key not in self.absent}


def edit(path: Path, change: Any) -> None:
    """A file of annotations, changed in place."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
