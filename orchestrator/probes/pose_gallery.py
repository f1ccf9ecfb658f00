"""Predictions on people of a validation set whom annotations chose (supplement, section G, Figures 3-5)."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from orchestrator.probes import sigma_scale
from orchestrator.probes.base import Probe, ProbeResult, TrainedModel
from orchestrator.probes.pose_samples import Posed, posed
from orchestrator.probes.pose_selection import choose
from orchestrator.probes.sigma_scale import mean
from orchestrator.training.evaluation import predictions
from orchestrator.training.runtime import SingleProcess
from orchestrator.util.jpeg_text import to_text

Floats = NDArray[np.float64]

_DIGITS = 4  # of coordinates: a hundredth of a pixel


class Gallery(Probe):
    """People with their predicted and their labelled joints, and how good the predictions are.

    Fields:
        each: how many people of every kind; `chosen.py` says which.
    """

    kind: Literal["gallery"] = "gallery"
    each: PositiveInt = 3

    def measure(self, subject: TrainedModel) -> ProbeResult:
        """Look at a trained model of people.

        The metrics: `people` is how many are shown; `error shown` their mean error and `error` that of the
        whole set, over joints, in the benchmark's unit: percent of √area on COCO, percent of the head size on
        MPII, mm on Human3.6M. `in ellipse` is the percentage of the set's labelled joints that lie in the
        ellipse drawn for them, which half of the joints of training samples do. What has nothing to be
        computed from, an error on boxes without labels or an ellipse without a scale, is left out.

        Raises:
            TypeError: the data set shows no people.
            ValueError: a prediction is not finite.
        """
        seen = predictions(subject.net, subject.data, SingleProcess(device=subject.device), subject.bf16)
        found = posed(subject, seen)
        rows = choose(found.kinds, self.each)
        shown = [row for some in rows.values() for row in some]
        factor = _factor(subject)
        metrics = {
            "people": float(len(shown)),
            "error shown": mean(found.errors[shown]),
            "error": mean(found.errors),
            "in ellipse": _in_ellipse(found, factor),
        }
        people = [_person(found, row, kind, factor) for kind, some in rows.items() for row in some]
        measured = {name: value for name, value in metrics.items() if np.isfinite(value)}
        return ProbeResult(measured, {**_common(found), "metrics": measured, "people": people})


def _factor(subject: TrainedModel) -> float:
    """How many scales hold half of a training sample's joints in the picture's plane; NaN without a scale."""
    training = sigma_scale.on_training(subject)
    if training is None:
        return float("nan")
    error, sigma, weight = (values[..., :2] for values in training)
    live = weight.all(-1)
    return sigma_scale.half(error[live], sigma[live])


def _in_ellipse(found: Posed, factor: float) -> float:
    if found.sigma is None:
        return float("nan")
    distance = sigma_scale.distances(found.mu - found.truth, found.sigma)
    return 100 * mean((distance <= factor)[found.labelled].astype(float))


def _common(found: Posed) -> dict[str, Any]:
    skeleton = found.skeleton
    return {
        "unit": found.unit,
        "limbs": [list(limb) for limb in skeleton.limbs],
        "sides": list(skeleton.sides),
    }


def _person(found: Posed, row: int, kind: str, factor: float) -> dict[str, Any]:
    """All that a drawing of one person needs."""
    ordered = np.sort(found.score[found.labelled]) if found.labelled.any() else np.sort(found.score.ravel())
    person: dict[str, Any] = {
        "id": int(found.split.ids[row]),
        "kind": kind,
        "picture": to_text(found.picture(row)),
        "mu": _plain(found.mu[row]),
        "truth": _plain(found.truth[row]),
        "labelled": found.labelled[row].tolist(),
        # The share of the set's joints that the model is less sure of.
        "surer": _plain(np.searchsorted(ordered, found.score[row]) / len(ordered)),
    }
    if found.sigma is not None and np.isfinite(factor):
        person["ellipse"] = _plain(factor * found.sigma[row])
    if np.isfinite(error := mean(found.errors[row])):
        person["error"] = round(error, 2)
    if found.bodies is not None:
        person["body"] = {
            "mu": found.bodies.predicted[row].round(1).tolist(),
            "truth": found.bodies.truth[row].round(1).tolist(),
        }
    return person


def _plain(values: Floats) -> list[Any]:
    plain: list[Any] = values.round(_DIGITS).tolist()
    return plain
