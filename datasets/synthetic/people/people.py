"""Generated people in COCO's format: they stand in where COCO's own pictures are too many or not at hand.

People are sampled in 3-D (skeleton.py, poses.py), put before a camera (scene.py), drawn (picture.py),
labelled as annotators would (label_noise.py), and written as COCO's own files (write_coco.py).
"""

import json
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from pydantic import Field

from datasets.config import Generator
from datasets.io.atomic_folder import publish
from datasets.io.errors import DataError
from datasets.keypoints import KEYPOINTS, SKELETON
from datasets.synthetic.people.image import Looks, Picture, render
from datasets.synthetic.people.label_noise import LabelNoise
from datasets.synthetic.people.poses import Poses
from datasets.synthetic.people.scene import Framing, sample_scene
from datasets.synthetic.people.write_coco import Record, annotations, file_name, write_annotations
from datasets.synthetic.workers import in_order

SPLITS = ("train2017", "val2017")

_LARGEST_SPLIT = 1_000_000


class People(Generator):
    """A set of generated pictures of people. Equal values give equal pictures and labels."""

    kind: Literal["people"] = "people"
    version: int = Field(1, ge=1)  # raised when the rendering changes
    train: int = Field(7000, ge=1, le=_LARGEST_SPLIT)  # pictures, not people
    val: int = Field(1000, ge=1, le=_LARGEST_SPLIT)
    seed: int = Field(0, ge=0, lt=2**32)  # train and val draw from different streams of it
    framing: Framing = Framing()
    poses: Poses = Poses()
    looks: Looks = Looks()
    labels: LabelNoise = LabelNoise()

    @property
    def keypoints(self) -> tuple[str, ...]:
        """COCO's 17 names, in COCO's order."""
        return KEYPOINTS

    @property
    def skeleton(self) -> tuple[tuple[int, int], ...]:
        """COCO's 19 limbs: pairs of keypoints, counted from 1."""
        return SKELETON


def picture(people: People, split: str, index: int) -> tuple[Picture, list[Record]]:
    """The picture `index` of a split and its COCO records without ids, whatever was generated before it.

    What is there in 3-D, how it looks and how it is labelled come from three streams of random numbers: other
    label noise leaves every pixel as it is.
    """
    entropy = (people.seed, SPLITS.index(split), index)
    bodies, looks, labels = (np.random.default_rng([*entropy, purpose]) for purpose in range(3))
    made = render(looks, sample_scene(bodies, people.framing, people.poses), people.framing, people.looks)
    return made, annotations(labels, people.labels, made)


def write(
    people: People, root: Path, workers: int = 0, progress: Callable[[int, int], None] | None = None
) -> None:
    """Generates both splits into `root`, in COCO's layout, all at once: `root` is complete or not there.

    Writes `annotations/person_keypoints_{train2017,val2017}.json`, the pictures in `train2017/` and
    `val2017/`, and `generator.json` with the parameters. Does nothing where `root` holds this very set.
    A picture takes about 10 KB and, on one core, 6-9 ms.

    Args:
        workers: processes; 0 takes one for each CPU. The bits written do not depend on it.
        progress: called in this process with the number of pictures done and in all.

    Raises:
        DataError: `root` holds something else, or part of this set.
    """
    publish(root.resolve(), partial(_fill, people, workers, progress), partial(_check, people))


def _fill(people: People, workers: int, progress: Callable[[int, int], None] | None, folder: Path) -> None:
    (folder / "annotations").mkdir()
    for split in SPLITS:
        (folder / split).mkdir()
    wanted = [(split, index) for split in SPLITS for index in range(_count(people, split))]
    pictures: dict[str, list[tuple[int, list[Record]]]] = {split: [] for split in SPLITS}
    with closing(in_order(partial(_write_picture, people, folder), wanted, workers)) as generated:
        for done, ((split, _), made) in enumerate(zip(wanted, generated, strict=True), 1):
            pictures[split].append(made)
            if progress is not None:
                progress(done, len(wanted))
    size = (people.framing.width, people.framing.height)
    for split in SPLITS:
        path = folder / "annotations" / f"person_keypoints_{split}.json"
        write_annotations(path, _info(people), size, pictures[split])
    (folder / "generator.json").write_text(json.dumps(_info(people), indent=1))


def _info(people: People) -> dict[str, Any]:
    return {
        "description": "Generated people",
        "version": str(people.version),
        "fingerprint": people.fingerprint(),
        "generator": people.model_dump(mode="json"),
    }


def _count(people: People, split: str) -> int:
    return people.train if split == "train2017" else people.val


def _write_picture(people: People, folder: Path, which: tuple[str, int]) -> tuple[int, list[Record]]:
    """Image id and records of a picture, once it is written; `which`: its split and its index there."""
    split, index = which
    made, records = picture(people, split, index)
    image_id = _LARGEST_SPLIT * SPLITS.index(split) + index + 1
    _, encoded = cv2.imencode(
        ".jpg", made.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, people.looks.jpeg_quality]
    )
    (folder / split / file_name(image_id)).write_bytes(encoded.tobytes())
    return image_id, records


def _check(people: People, root: Path) -> None:
    """Raises DataError unless `root` holds this set, complete."""
    elsewhere = "Name another folder, or remove this one"
    marker = root / "generator.json"
    try:
        fingerprint = json.loads(marker.read_text())["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(root, "exists and is not a set of generated people", remedy=elsewhere) from error
    if fingerprint != people.fingerprint():
        raise DataError(
            marker, f"is of another set ({fingerprint}, not {people.fingerprint()})", remedy=elsewhere
        )
    for split in SPLITS:
        found, expected = len(list((root / split).glob("*.jpg"))), _count(people, split)
        annotated = (root / "annotations" / f"person_keypoints_{split}.json").is_file()
        if found != expected or not annotated:
            problem = f"holds {found} of {expected} pictures" if annotated else "has no annotations"
            raise DataError(root / split, problem, remedy="Remove the folder, and it is generated anew")
