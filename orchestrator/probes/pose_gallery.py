"""Predictions on people of a validation set, selected by annotations (supplement, section G, Figures 3-5)."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from orchestrator.probes.base import Probe, ProbeResult, TrainedModel, known_mean
from orchestrator.probes.pose_samples import PoseSamples, pose_samples
from orchestrator.probes.pose_selection import select_rows
from orchestrator.probes.sigma_in_errors import distances, half_of_errors, training_errors
from orchestrator.training.evaluation import predictions
from orchestrator.training.runtime import SingleProcess
from orchestrator.util.jpeg_text import to_text

Floats = NDArray[np.float64]

_DIGITS = 4  # of coordinates: a hundredth of a pixel


class Gallery(Probe):
    """People with their predicted and their labelled joints, and how good the predictions are.

    Fields:
        each: how many people of every kind; see `pose_selection`.
    """

    kind: Literal["gallery"] = "gallery"
    each: PositiveInt = 3

    def measure(self, model: TrainedModel) -> ProbeResult:
        """Measure a trained model of people, and select who is drawn.

        The metrics: `people` is how many are shown; `error shown` their mean error and `error` that of the
        whole set, over joints, in the benchmark's unit: percent of √area on COCO, percent of the head size on
        MPII, mm on Human3.6M. `in ellipse` is the percentage of the set's labelled joints that lie in the
        ellipse drawn for them, which half of the joints of training samples do. What has nothing to be
        computed from, an error on boxes without labels or an ellipse without a scale, is left out.

        Raises:
            TypeError: the data set shows no people.
            ProbeError: a prediction is not finite.
        """
        predicted = predictions(model.net, model.data, SingleProcess(device=model.device), model.bf16)
        samples = pose_samples(model, predicted)
        rows = select_rows(samples.kinds, self.each)
        shown = [row for some in rows.values() for row in some]
        factor = _factor(model)
        metrics = {
            "people": float(len(shown)),
            "error shown": known_mean(samples.errors[shown]),
            "error": known_mean(samples.errors),
            "in ellipse": _in_ellipse(samples, factor),
        }
        people = [_person(samples, row, kind, factor) for kind, some in rows.items() for row in some]
        measured = {name: value for name, value in metrics.items() if np.isfinite(value)}
        return ProbeResult(measured, {**_common(samples), "metrics": measured, "people": people})


def _factor(model: TrainedModel) -> float:
    """How many scales hold half of a training sample's joints in the picture's plane; NaN without a scale."""
    training = training_errors(model)
    if training is None:
        return float("nan")
    error, sigma, weight = (values[..., :2] for values in training)
    live = weight.all(-1)
    return half_of_errors(error[live], sigma[live])


def _in_ellipse(samples: PoseSamples, factor: float) -> float:
    if samples.sigma is None:
        return float("nan")
    within = distances(samples.mu - samples.truth, samples.sigma)
    return 100 * known_mean((within <= factor)[samples.labelled].astype(float))


def _common(samples: PoseSamples) -> dict[str, Any]:
    skeleton = samples.skeleton
    return {
        "unit": samples.unit,
        "limbs": [list(limb) for limb in skeleton.limbs],
        "sides": list(skeleton.sides),
    }


def _person(samples: PoseSamples, row: int, kind: str, factor: float) -> dict[str, Any]:
    """All that a drawing of one person needs."""
    ordered = (
        np.sort(samples.score[samples.labelled]) if samples.labelled.any() else np.sort(samples.score.ravel())
    )
    person: dict[str, Any] = {
        "id": int(samples.split.ids[row]),
        "kind": kind,
        "picture": to_text(samples.picture(row)),
        "mu": _plain(samples.mu[row]),
        "truth": _plain(samples.truth[row]),
        "labelled": samples.labelled[row].tolist(),
        # The share of the set's joints that the model is less sure of.
        "surer": _plain(np.searchsorted(ordered, samples.score[row]) / len(ordered)),
    }
    if samples.sigma is not None and np.isfinite(factor):
        person["ellipse"] = _plain(factor * samples.sigma[row])
    if np.isfinite(error := known_mean(samples.errors[row])):
        person["error"] = round(error, 2)
    if samples.bodies is not None:
        person["body"] = {
            "mu": samples.bodies.predicted[row].round(1).tolist(),
            "truth": samples.bodies.truth[row].round(1).tolist(),
        }
    return person


def _plain(values: Floats) -> list[Any]:
    plain: list[Any] = values.round(_DIGITS).tolist()
    return plain
