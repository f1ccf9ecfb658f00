"""Errors where boxes show part of the person (supplement, section C and Figure 2).

Shapes: N people, K keypoints.
"""

from typing import Any, Literal, Self

import cv2
import numpy as np
import torch
from pydantic import Field, NonNegativeInt, model_validator
from pydantic_core import PydanticCustomError

from datasets.coco.config import CocoKeypoints
from datasets.coco.dataset import CocoData
from datasets.crops import crop
from orchestrator.probes.base import Probe, ProbeError, ProbeResult, TrainedModel
from orchestrator.probes.pose_selection import evenly
from orchestrator.probes.truncated_boxes import (
    Bools,
    Edge,
    Floats,
    People,
    Rows,
    TruncatedBoxes,
    annotated_people,
    crop_maps,
    crops,
    is_cut_off,
    truncate,
)
from orchestrator.training.evaluation import batches, predict
from orchestrator.util.jpeg_text import Picture, to_text

TALLEST = 192
"""Pixels of a figure's picture: enough at the width of a page."""

LABELLED = 0.75
"""The share of keypoints that must be labelled where a person is drawn, so that there is a truth to see."""

HIDDEN = 2
"""Labelled keypoints beyond the cut that a person has at least who is drawn."""


class Truncation(Probe):
    """Predictions for boxes that are cut at one edge: "only the contents inside the bounding boxes are fed".

    Errors are distances in percent of the whole box's diagonal, so that they compare across cuts and people.
    A keypoint is outside if it lies beyond the cut, and inside if not; unlabelled ones do not count.
    See `truncate` for what of the picture a cut box shows.

    Raises:
        pydantic.ValidationError: the model was not trained on COCO keypoints, or cuts are not 0 and then
            larger ones.
    """

    kind: Literal["truncation"] = "truncation"
    edge: Edge = "below"
    cuts: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # of the box's height or width
    drawn_cut: float = Field(0.4, gt=0, lt=1)  # of the people in pictures
    drawn_people: NonNegativeInt = 5

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.of.data.kind != "coco":
            raise PydanticCustomError("not-coco", "truncation is measured on COCO keypoints")
        if self.cuts[:1] != (0.0,) or list(self.cuts) != sorted(set(self.cuts)) or self.cuts[-1] >= 1:
            raise PydanticCustomError("cuts", "cuts are 0 and then larger ones below 1")
        return self

    def measure(self, model: TrainedModel) -> ProbeResult:
        """`inside/40` and `outside/40`: mean errors where 40 % are cut off; `past/40`: percent of the
        keypoints outside that are predicted outside. A key is missing where there is no keypoint to count.

        The detail has the same by cut, and for the keypoints outside also their error in the whole box and
        how far they lie from the crop: no heatmap can come closer.

        Raises:
            DataError: boxes are detected ones.
            ProbeError: a prediction is not finite.
        """
        assert isinstance(model.data, CocoData)
        whole = annotated_people(model.data, self._config.padding)
        everyone = np.arange(len(whole.split))
        all_boxes = [truncate(whole, self.edge, share) for share in self.cuts]
        predicted = [predict_points(model, whole, boxes, everyone) for boxes in all_boxes]
        means = [
            _means(whole, boxes, points, predicted[0])
            for boxes, points in zip(all_boxes, predicted, strict=True)
        ]
        return ProbeResult(
            _metrics(self.cuts, means),
            {
                "edge": self.edge,
                "people": len(everyone),
                "cuts": list(self.cuts),
                **{name: [mean[name] for mean in means] for name in means[0]},
                "drawn": self._drawn(model, whole),
            },
        )

    @property
    def _config(self) -> CocoKeypoints:
        assert self.of.data.kind == "coco"
        return self.of.data

    def _drawn(self, model: TrainedModel, whole: People) -> dict[str, Any]:
        """Everything that pictures are made of. Coordinates are shares of the whole box's crop."""
        boxes = truncate(whole, self.edge, self.drawn_cut)
        rows = select_people(whole, boxes, self.drawn_people)
        points = predict_points(model, whole, boxes, rows)
        bones = self._config.skeleton
        return {
            "cut": self.drawn_cut,
            "limbs": [list(limb) for limb in bones.limbs],
            "sides": list(bones.sides),
            "people": [
                _person(whole, boxes, row, predicted) for row, predicted in zip(rows, points, strict=True)
            ],
        }


def select_people(whole: People, boxes: TruncatedBoxes, count: int) -> Rows:
    """Who is drawn: at most `count`, evenly spaced in the set among those who are well labelled, lose
    keypoints to the cut and needn't be enlarged. Predictions have no part in it."""
    lost = (whole.labelled & is_cut_off(whole.points, boxes)).sum(1)
    large = whole.placements[:, 3] >= whole.split.size[0]
    fit = np.flatnonzero((whole.labelled.mean(1) >= LABELLED) & (lost >= HIDDEN) & large)
    return np.array(evenly(fit, count), np.int64)


def predict_points(model: TrainedModel, whole: People, boxes: TruncatedBoxes, rows: Rows) -> Floats:
    """Predictions for the people in `rows` from their cut boxes: (B, K, 2) in pixels of the picture.

    Raises:
        ProbeError: a prediction is not finite.
    """
    size = whole.split.size
    points = np.empty((len(rows), *whole.points.shape[1:]))
    for some in batches(range(len(rows)), whole.split):
        image = torch.from_numpy(crops(whole, boxes, rows[some], size)).to(model.device)
        with torch.autocast(model.device.type, torch.bfloat16, enabled=model.bf16):
            mu = predict(model.net, image, model.data.flip_pairs).mu
        points[some] = crop.to_picture(crop_maps(boxes, rows[some], size), mu.double().cpu().numpy(), size)
    if not np.isfinite(points).all():
        raise ProbeError(f"with {boxes.share:.0%} cut off, predictions are not finite", code="not-finite")
    return points


def _means(
    whole: People, boxes: TruncatedBoxes, predicted: Floats, predicted_uncut: Floats
) -> dict[str, float | None]:
    """Over the labelled keypoints of all people together; None where there are none."""
    past = is_cut_off(whole.points, boxes)
    inside, outside = whole.labelled & ~past, whole.labelled & past
    centre, half = np.split(boxes.placements[:, None] / (1, 1, 2, 2), 2, axis=2)
    nearest = whole.points.clip(centre - half, centre + half)
    return {
        "inside": _mean(_errors(whole, predicted), inside),
        "outside": _mean(_errors(whole, predicted), outside),
        "outside, uncut": _mean(_errors(whole, predicted_uncut), outside),
        "past": _mean(100 * is_cut_off(predicted, boxes).astype(np.float64), outside),
        "off crop": _mean(_errors(whole, nearest), outside),
    }


def _errors(whole: People, points: Floats) -> Floats:
    """(N, K) distances of points (N, K, 2) to the labels, in percent of the whole box's diagonal."""
    distance = np.linalg.norm(points - whole.points, axis=2)
    return np.asarray(100 * distance / whole.diagonal[:, None])


def _mean(values: Floats, counted: Bools) -> float | None:
    return float(values[counted].mean()) if counted.any() else None


def _metrics(shares: tuple[float, ...], means: list[dict[str, float | None]]) -> dict[str, float]:
    return {
        f"{name}/{round(100 * share, 3):g}": value
        for share, mean in zip(shares, means, strict=True)
        for name in ("inside", "outside", "past")
        if (value := mean[name]) is not None
    }


def _person(whole: People, boxes: TruncatedBoxes, row: int, predicted: Floats) -> dict[str, Any]:
    """One person in a figure; `predicted` (K, 2) in pixels of the picture."""
    low = whole.placements[row, :2] - whole.placements[row, 2:] / 2

    def shares(points: Floats) -> list[list[float]]:
        return np.round((points - low) / whole.placements[row, 2:], 4).tolist()  # type: ignore[no-any-return]

    return {
        "id": int(whole.split.ids[row]),
        "picture": to_text(_picture(whole, row)),
        "box": shares(boxes.corners[row].reshape(2, 2)),
        "truth": shares(whole.points[row]),
        "labelled": whole.labelled[row].tolist(),
        "found": shares(predicted),
    }


def _picture(whole: People, row: int) -> Picture:
    """What evaluation's crop shows of a person, (h, w, 3): as fine as the picture is, or `TALLEST` high."""
    width, height = np.ceil(whole.placements[row, 2:]).astype(int).tolist()
    pixels: Picture = crops(whole, truncate(whole, "below", 0), np.array([row]), (height, width))[0]
    if height > TALLEST:
        smaller = (width * TALLEST // height, TALLEST)
        pixels = np.asarray(cv2.resize(pixels, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels
