"""COCO's person keypoints: the annotation records and the files that hold them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasets.keypoints import KEYPOINTS, SKELETON
from datasets.synthetic.people.image import Observation, RenderedScene
from datasets.synthetic.people.label_noise import LabelNoise, label_observation
from datasets.synthetic.people.skeleton import INDEX

Record = dict[str, Any]

_SELECTED = [INDEX[name] for name in KEYPOINTS]
SMALLEST_AREA, FEWEST_KEYPOINTS = 150.0, 5
"""px² and keypoints: of whom less is visible or labelled has no annotation."""


def file_name(image_id: int) -> str:
    """`000000000001.jpg`."""
    return f"{image_id:012d}.jpg"


def annotations(rng: np.random.Generator, noise: LabelNoise, rendered: RenderedScene) -> list[Record]:
    """COCO records, without ids, of the people of whom enough is visible.

    Beside COCO's keys, `clean_keypoints` holds the truth, 17 x (x, y, v): exact positions, also of joints
    outside the image; v is 2 where the joint is visible, 1 where it is occluded and 0 where it is outside.
    """
    height, width = rendered.image.shape[:2]
    records = (_annotation(rng, noise, one, (width, height)) for one in rendered.observations)
    return [record for record in records if record is not None]


def _annotation(
    rng: np.random.Generator, noise: LabelNoise, observation: Observation, size: tuple[int, int]
) -> Record | None:
    clean, labelled = label_observation(rng, noise, KEYPOINTS, _SELECTED, observation, size)
    count = int((labelled[:, 2] > 0).sum())
    if observation.area < SMALLEST_AREA or count < FEWEST_KEYPOINTS:
        return None
    return {
        "category_id": 1,
        "iscrowd": 0,
        "bbox": list(observation.box),
        "area": observation.area,
        "num_keypoints": count,
        "keypoints": _flat(labelled),
        "clean_keypoints": _flat(clean),
    }


def _flat(keypoints: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float | int]:
    """51 numbers, as COCO writes them: hundredths of a pixel are enough."""
    return [number for x, y, v in keypoints.tolist() for number in (round(x, 2), round(y, 2), int(v))]


def write_annotations(
    path: Path,
    info: Mapping[str, Any],
    size: tuple[int, int],
    people: Iterable[tuple[int, list[Record]]],
) -> None:
    """Writes one `person_keypoints_*.json`.

    Args:
        size: (width, height) px of every image.
        people: image id and the records of its people.
    """
    images: list[Record] = []
    records: list[Record] = []
    for image_id, in_image in people:
        name = file_name(image_id)
        images.append({"id": image_id, "file_name": name, "width": size[0], "height": size[1]})
        for number, person in enumerate(in_image):
            records.append({"id": 10 * image_id + number, "image_id": image_id, **person})
    category = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(KEYPOINTS),
        "skeleton": [list(pair) for pair in SKELETON],
    }
    document = {
        "info": dict(info),
        "licenses": [],
        "images": images,
        "annotations": records,
        "categories": [category],
    }
    path.write_text(json.dumps(document))
