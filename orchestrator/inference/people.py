"""People of one picture: predicted in their boxes, written as COCO results, drawn.

Shapes: N people of a picture, P points.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.io.errors import DataError
from orchestrator.inference.boxes import PictureBoxes, corners
from orchestrator.inference.drawing import Picture, draw
from orchestrator.inference.estimator import Estimator, PredictedPeople
from orchestrator.inference.found import Found, Line, Result, rounded
from orchestrator.inference.model_store import Trained
from orchestrator.training.runtime import SingleProcess

AXES = ("x", "y", "z")
FIELDS = ("sigma", "spread", "region")
"""Of results, that have a number for each axis."""


@dataclass(frozen=True, eq=False)
class PredictedPicture:
    """A picture and the people that were predicted in it."""

    pixels: NDArray[np.uint8]  # (height, width, 3) RGB
    boxes: NDArray[np.float64]  # (N, 4) x1, y1, x2, y2
    people: PredictedPeople | None  # None for a picture without boxes


@dataclass(frozen=True, eq=False)
class PeopleFinder:
    """A model of people, asked picture by picture. Make it with `of`."""

    estimator: Estimator
    category: int
    file = "keypoints.json"
    noun = "people"

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the same as CSV."""
        place = ("file_name", "person", "score", "keypoint", *AXES, "confidence")
        return (*place, *(name for field in FIELDS for name in _axes(field)))

    def lines(self, results: Sequence[Result]) -> Iterator[Line]:
        """Results as lines of the CSV file, a keypoint each; people are counted from 1 in each picture."""
        names = self.estimator.data.names
        people: Counter[str] = Counter()
        for one in results:
            people[one["file_name"]] += 1
            who = (one["file_name"], people[one["file_name"]], one["score"])
            depth = one.get("z", [""] * len(names))
            for point, name in enumerate(names):
                x, y, confidence = one["keypoints"][3 * point : 3 * point + 3]
                wide = [_of_point(one.get(field), point, len(names)) for field in FIELDS]
                yield (
                    *who,
                    name,
                    x,
                    y,
                    depth[point],
                    confidence,
                    *(value for part in wide for value in part),
                )

    @classmethod
    def of(cls, trained: Trained, runtime: SingleProcess, category: int) -> Self:
        """Raises DataError for a model that does not predict poses."""
        return cls(Estimator.of(trained, runtime), category)

    @property
    def promise(self) -> str:
        """What `spread` and `region` in the results are worth."""
        units = self.estimator.units
        return units.promise + units.promise_of_regions

    def find(self, one: PictureBoxes, name: str) -> Found:
        """The people of a picture, which results call `name`.

        Raises:
            DataError: the picture is missing, broken or too large.
        """
        found = predict_picture(self.estimator, one)

        def drawn() -> Picture:
            if found.people is None:
                return found.pixels
            return draw(found.pixels, found.people, self.estimator.data.skeleton)

        return Found(records(one, found, self.category, name), drawn)


def predict_picture(estimator: Estimator, one: PictureBoxes) -> PredictedPicture:
    """The people of a picture.

    Raises:
        DataError: the picture is missing, broken or too large.
    """
    pixels = one.pixels()
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


def records(one: PictureBoxes, found: PredictedPicture, category: int, name: str) -> list[Result]:
    """COCO results, with more fields than COCO has.

    Point by point, `keypoints` are x and y in pixels and a confidence, `sigma` is the predicted scale of x
    and y in pixels, and `spread` half the interval that is to hold 68 % of the errors: by the errors of the
    validation set where they were measured, else by the density that was learned. `region` are the half axes
    of the ellipse that is to hold 90 % of the truths, by errors of the validation set alone. Models with
    depth give `z` too, mm behind the pelvis, and all three have a third number for it. `bbox` is x, y, width
    and height of the box.
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
        "region": None if people.region is None else _flat(people.region),
    }
    known = {field: rounded(values) for field, values in columns.items() if values is not None}
    who = {"image_id": one.image_id, "category_id": category, "file_name": name}
    return [who | dict(zip(known, values, strict=True)) for values in zip(*known.values(), strict=True)]


def _axes(name: str) -> tuple[str, ...]:
    return tuple(f"{name}_{axis}" for axis in AXES)


def _of_point(values: Sequence[float] | None, point: int, points: int) -> list[object]:
    """A point's numbers, one an axis; empty where there is none."""
    each = 0 if values is None else len(values) // points
    own: list[object] = [] if values is None else list(values[each * point : each * (point + 1)])
    return own + [""] * (len(AXES) - each)


def _flat(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.reshape(len(values), -1)
