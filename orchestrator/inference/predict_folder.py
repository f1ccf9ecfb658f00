"""People in a series of pictures: found, written as COCO results and drawn.

Shapes: N people of a picture, P points.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from datasets.io.errors import DataError
from datasets.io.image import decode
from datasets.io.problems import Problem, parse_each
from orchestrator.inference.boxes import BoxPlan, PictureBoxes, corners
from orchestrator.inference.drawing import draw
from orchestrator.inference.estimator import Estimator, PredictedPeople
from orchestrator.inference.model_store import Trained
from orchestrator.training.precision import exact_convolutions
from orchestrator.training.runtime import SingleProcess

Result = dict[str, Any]

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Of the files in a folder that count as pictures."""

RESULTS, DRAWINGS = "keypoints.json", "drawings"

DECIMALS = 4
QUALITY = 92  # of JPEG


@dataclass(frozen=True, eq=False)
class PredictedPicture:
    """A picture and the people that were predicted in it."""

    pixels: NDArray[np.uint8]  # (height, width, 3) RGB
    boxes: NDArray[np.float64]  # (N, 4) x1, y1, x2, y2
    people: PredictedPeople | None  # None for a picture without boxes


def find_pictures(inputs: Sequence[Path]) -> tuple[Path, ...]:
    """Pictures and the pictures in folders, each once, those of a folder by name.

    Raises:
        DataError: a folder has none.
    """
    found: list[Path] = []
    for given in (path.expanduser() for path in inputs):
        inside = sorted(_pictures_in(given)) if given.is_dir() else [given]
        if not inside:
            remedy = f"Pictures are called *{', *'.join(SUFFIXES)}"
            raise DataError(given, "holds no pictures", remedy=remedy, code="no-pictures")
        found.extend(inside)
    return tuple(dict.fromkeys(found))


def _runtime() -> SingleProcess:
    """The GPU if there is one, with the precision that the model was evaluated in."""
    exact_convolutions()
    return SingleProcess(torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def predict(
    trained: Trained, plan: BoxPlan, pictures: Iterable[PictureBoxes], out: Path
) -> tuple[list[Result], list[Problem]]:
    """Write `keypoints.json`, and of each picture a drawing, into `out`.

    Args:
        pictures: those of the plan, in its order; iterating over them may show progress.

    Returns:
        the results, and the pictures that can't be read.

    Raises:
        DataError: the model does not predict poses, or `out` can't be written to.
    """
    estimator = Estimator.of(trained, _runtime())
    names = drawing_names([one.picture for one in plan.pictures])
    results: list[Result] = []

    def one(boxes: PictureBoxes) -> None:
        found = predict_picture(estimator, boxes)
        results.extend(records(boxes, found, plan.category))
        drawn = found.pixels
        if found.people is not None:
            drawn = draw(drawn, found.people, estimator.data.skeleton)
        Image.fromarray(drawn).save(out / DRAWINGS / names[boxes.picture], quality=QUALITY)

    try:
        (out / DRAWINGS).mkdir(parents=True, exist_ok=True)
        _, broken = parse_each(one, pictures)
        (out / RESULTS).write_text(json.dumps(results))
    except OSError as error:
        raise DataError(
            out,
            f"can't be written to ({error})",
            remedy="Name another folder with --out",
            code="not-writable",
        ) from error
    return results, broken


def predict_picture(estimator: Estimator, one: PictureBoxes) -> PredictedPicture:
    """The people of a picture.

    Raises:
        DataError: the picture is missing, broken or too large.
    """
    pixels = decode(one.picture)
    boxes = corners(one.boxes, pixels.shape[:2])
    detected = np.array([0.0] if one.boxes is None else [box.score for box in one.boxes])
    kept = (boxes[:, 2:] > boxes[:, :2]).all(1)
    boxes, detected = boxes[kept], detected[kept]
    if not len(boxes):
        return PredictedPicture(pixels, boxes, None)
    try:
        people = estimator.predict(pixels, boxes, detected)
    except cv2.error as error:
        raise DataError(
            one.picture,
            f"this picture is too large ({error.err})",
            remedy="Cut it into pieces",
            code="picture-too-large",
        ) from error
    rows = np.arange(len(boxes))
    if detected.any():
        rows = estimator.data.distinct_people(people.points, people.total, people.area)
    return PredictedPicture(pixels, boxes[rows], people.rows(rows))


def records(one: PictureBoxes, found: PredictedPicture, category: int) -> list[Result]:
    """COCO results, with more fields than COCO has.

    Point by point, `keypoints` are x and y in pixels and a confidence, `sigma` is the predicted scale of x
    and y in pixels, and `spread` half the interval that holds 68 % of the errors by the density that was
    learned. Models with depth give `z` too, mm behind the pelvis, and sigma and spread have a third number
    for it. `bbox` is x, y, width and height of the box.
    """
    people = found.people
    if people is None:
        return []
    keypoints = np.concatenate([people.points, people.score[:, :, None]], axis=2)
    size = found.boxes[:, 2:] - found.boxes[:, :2] + 1
    columns = {
        "bbox": np.hstack([found.boxes[:, :2], size]),
        "keypoints": _flat(keypoints),
        "score": people.total,
        "z": people.z,
        "sigma": None if people.sigma is None else _flat(people.sigma),
        "spread": None if people.spread is None else _flat(people.spread),
    }
    known = {name: values.round(DECIMALS).tolist() for name, values in columns.items() if values is not None}
    who = {"image_id": one.image_id, "category_id": category, "file_name": one.picture.name}
    return [who | dict(zip(known, values, strict=True)) for values in zip(*known.values(), strict=True)]


def drawing_names(pictures: Iterable[Path]) -> dict[Path, str]:
    """The name of each picture's drawing, each another: `street.jpg`, `street-2.jpg`."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for picture in pictures:
        number, name = 1, f"{picture.stem}.jpg"
        while name in taken:
            number += 1
            name = f"{picture.stem}-{number}.jpg"
        taken.add(name)
        names[picture] = name
    return names


def _pictures_in(folder: Path) -> list[Path]:
    found = (path for path in folder.iterdir() if not path.name.startswith("."))  # macOS leaves ._1.jpg
    return [path for path in found if path.suffix.lower() in SUFFIXES]


def _flat(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(len(values), -1)
