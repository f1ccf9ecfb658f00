"""What labelling tools write, at tiny size, by their own descriptions of it."""

import csv
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PAW = ("nose", "left_paw", "right_paw", "tail")
WIDTH, HEIGHT = 64, 48

Points = Mapping[str, tuple[float, float] | None]
"""What is labelled of an animal, by its bodyparts."""


def picture(path: Path) -> Path:
    """Noise, another one for each name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(zlib.crc32(f"{path.parent.name}/{path.name}".encode()))
    Image.fromarray(noise.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)).save(path)
    return path


def deeplabcut(
    project: Path,
    video: str,
    frames: Mapping[str, Mapping[str, Points]],
    *,
    apart: bool = True,
    scorer: str = "Ann",
) -> Path:
    """A table of labels as DeepLabCut saves it, beside its frames.

    Args:
        frames: by name, the animals of each by theirs; of one animal, called "", there is no such level.
        apart: whether the path of a frame is in three cells, as since version 2.2, or in one.
    """
    folder = project / "labeled-data" / video
    animals = next(iter(frames.values()))
    columns = [(animal, part, axis) for animal, points in animals.items() for part in points for axis in "xy"]
    first = ["", ""] if apart else []
    rows: list[Sequence[Any]] = [["scorer", *first, *[scorer] * len(columns)]]
    if any(animals):
        rows.append(["individuals", *first, *(animal for animal, _, _ in columns)])
    rows.append(["bodyparts", *first, *(part for _, part, _ in columns)])
    rows.append(["coords", *first, *(axis for _, _, axis in columns)])
    for name, here in frames.items():
        picture(folder / name)
        cells = [here[animal].get(part) for animal, part, axis in columns if axis == "x"]
        values = [value for cell in cells for value in (("", "") if cell is None else cell)]
        path = ["labeled-data", video, name]
        rows.append([*(path if apart else ["/".join(path)]), *values])
    file = folder / f"CollectedData_{scorer}.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return file


def document(names: Sequence[str], people: Sequence[dict[str, Any]], **category: Any) -> dict[str, Any]:
    """COCO's, each of the pictures with a person."""
    images = [
        {"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(names, 1)
    ]
    annotations = [
        {"id": n, "image_id": n, "category_id": category.get("id", 1), "iscrowd": 0, **people[n - 1]}
        for n in range(1, len(names) + 1)
    ]
    known = {"id": 1, "name": "mouse", "keypoints": list(PAW), "skeleton": [[1, 4]], **category}
    return {"images": images, "annotations": annotations, "categories": [known]}


def person(shift: int = 0, **fields: Any) -> dict[str, Any]:
    """Three of four keypoints."""
    points = [10 + shift, 10, 2, 20 + shift, 30, 2, 0, 0, 0, 40, 30, 1]
    return {"keypoints": points, "num_keypoints": 3, **fields}


def save(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def cvat(root: Path, names: Sequence[str]) -> Path:
    """`COCO Keypoints 1.0` of a task without subsets: labels of single points are categories too."""
    people = [person(bbox=[10, 10, 30, 20], area=600.0, attributes={"occluded": False}) for _ in names]
    content = document(names, people, supercategory="")
    content["categories"] += [
        {"id": 2 + n, "name": part, "supercategory": "mouse", "keypoints": [], "skeleton": []}
        for n, part in enumerate(PAW)
    ]
    for name in names:
        picture(root / "images" / "default" / name)
    save(root / "annotations" / "person_keypoints_default.json", content)
    return root


def label_studio(root: Path, names: Sequence[str]) -> Path:
    """`COCO with images`: one file, names of Windows, a box about the points, no area, ids from 0."""
    people = [person(bbox=[10, 10, 30, 20]) for _ in names]
    content = document([f"images\\{name}" for name in names], people, id=0, name="default", skeleton=[])
    for name in names:
        picture(root / "images" / name)
    save(root / "result.json", content)
    return root


def roboflow(root: Path, names: Mapping[str, Sequence[str]]) -> Path:
    """`COCO Keypoint`: annotations beside the pictures of each split, and a category of the project."""
    for split, listed in names.items():
        people = [person(bbox=[8, 8, 40, 30], area=1200, segmentation=[]) for _ in listed]
        content = document(listed, people)
        content["categories"].insert(0, {"id": 0, "name": "mice", "supercategory": "none"})
        for name in listed:
            picture(root / split / name)
        save(root / split / "_annotations.coco.json", content)
    return root
