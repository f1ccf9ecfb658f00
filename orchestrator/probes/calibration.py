"""Calibration: whether the predicted scale is right, and whether confidence correlates with accuracy.

Shapes: N samples, K keypoints, L labelled keypoints, B bins.
"""

import math
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from datasets.coco.dataset import CocoData
from datasets.metrics.oks import oks
from orchestrator.probes.base import Probe, ProbeResult, TrainedModel
from orchestrator.probes.density_grid import Floats, Tabulated, tabulate
from orchestrator.probes.residuals import Residuals, residuals_of
from orchestrator.probes.sigma_in_errors import log_densities

LEVELS = np.arange(1, 20) / 20
PRINTED = (50, 80, 90, 95)  # percent
BINS = 10


class Calibration(Probe):
    """Coverage of the intervals that a model predicts, and Pearson's correlation of its confidence with OKS.

    Intervals are central ones of each coordinate: for a learned scale those of Q, for DLE the flow's, for RLE
    those of Q · G · s, all from the marginals of the tabulated density; and for RLE those of the flow alone
    too, which without log s is trained to be the density of the errors. They belong to single predictions, so
    that they are compared with those without the flip test. Confidence and OKS are those of the
    evaluation, with it; a person's confidence is the mean over keypoints (Eq. 9 of the paper).

    Metrics, where the model predicts a scale: `cover50`, `cover80`, `cover90`, `cover95`, `ece` and
    `flow_ece` (`calibration_error`) in percent, `error_ratio`, the measured mean of |mu - mu_hat| over the
    predicted one. Always, unless one of the two is constant: `correlation` over people and
    `point_correlation` over labelled keypoints.

    Raises:
        pydantic.ValidationError: the experiment is not about COCO keypoints, and there is no OKS.
    """

    kind: Literal["calibration"] = "calibration"

    @model_validator(mode="after")
    def _has_oks(self) -> Self:
        if self.of.data.kind != "coco":
            raise PydanticCustomError("not-coco", "calibration needs OKS, which COCO keypoints have")
        return self

    def measure(self, model: TrainedModel) -> ProbeResult:
        """Predict every sample of the validation set, with the flip test and without.

        Raises:
            DataError: nothing in the set is labelled.
            ProbeError: the flow's density is not finite.
        """
        assert isinstance(model.data, CocoData)
        correlations = _correlations(model.data, residuals_of(model, model.data, flip=True))
        densities = {
            name: tabulate(log_density, model.device)
            for name, log_density in log_densities(model.objective).items()
        }
        if not densities:
            return ProbeResult(correlations)
        residuals = residuals_of(model, model.data, flip=False)
        curves = {name: _curve(table, residuals) for name, table in densities.items()}
        own = next(iter(curves))
        coverages = dict(zip(range(5, 100, 5), curves[own]["coverage"], strict=True))
        metrics = {f"cover{level}": 100 * coverages[level] for level in PRINTED}
        metrics["ece"] = 100 * calibration_error(curves[own]["coverage"])
        if "G" in curves:
            metrics["flow_ece"] = 100 * calibration_error(curves["G"]["coverage"])
        metrics["error_ratio"] = float(np.mean(curves[own]["measured"]) / np.mean(curves[own]["predicted"]))
        detail = {"levels": LEVELS.tolist(), "own": own, "curves": curves, "keypoints": len(residuals.errors)}
        return ProbeResult(metrics | correlations, detail)


def coverage(below: Floats, levels: Floats = LEVELS) -> Floats:
    """The share of truths inside central intervals of each level.

    Args:
        below: the predicted probability of less than the truth, in [0, 1], any shape.
    """
    return np.asarray([(np.abs(2 * below - 1) <= level).mean() for level in levels])


def calibration_error(covered: Floats, levels: Floats = LEVELS) -> float:
    """The mean over levels of |coverage - level| (Kuleshov et al., 2018, with the absolute difference)."""
    return float(np.abs(np.asarray(covered) - levels).mean())


def binned(predicted: Floats, measured: Floats, bins: int = BINS) -> tuple[Floats, Floats]:
    """The means of both, any shape, in bins of equal counts by what is predicted: (B,) each."""
    order = np.argsort(predicted, axis=None, kind="stable")
    means = [
        [values.ravel()[part].mean() for values in (predicted, measured)]
        for part in np.array_split(order, bins)
    ]
    columns = np.array(means).T
    return columns[0], columns[1]


def pearson(a: Floats, b: Floats) -> float:
    """Pearson's correlation of two (N,), where neither is NaN; NaN where one of them does not vary."""
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def _curve(table: Tabulated, residuals: Residuals) -> dict[str, Any]:
    """Coverage by level, and mean |error|, predicted and measured, in bins of the former, in crop units."""
    x = residuals.standardised
    below = np.stack([m.cdf(x[:, axis]) for axis, m in enumerate(table.marginals)], 1)
    expected = residuals.scales * [m.mean(np.abs) for m in table.marginals]
    predicted, measured = binned(expected, np.abs(residuals.errors))
    return {
        "coverage": coverage(below).round(5).tolist(),
        "predicted": predicted.round(6).tolist(),
        "measured": measured.round(6).tolist(),
    }


def _correlations(data: CocoData, residuals: Residuals) -> dict[str, float]:
    points = data.val.to_picture(residuals.mu)
    arrays = data.val.pack.arrays
    truth, labelled, area = arrays["points"], arrays["labelled"], arrays["area"]
    sigmas = np.array(data.sigmas)
    people = oks(points, truth, labelled, area, sigmas)
    each = _similarity(points, truth, labelled, area, sigmas)
    correlations = {
        "correlation": pearson(residuals.score.mean(1), people),
        "point_correlation": pearson(residuals.score.ravel(), each.ravel()),
    }
    return {name: value for name, value in correlations.items() if not math.isnan(value)}


def _similarity(
    points: Floats, truth: Floats, labelled: NDArray[np.bool_], area: Floats, sigmas: Floats
) -> Floats:
    """OKS of every keypoint by itself, (N, K), NaN where it is not labelled."""
    columns = [[k] for k in range(len(sigmas))]
    return np.stack([oks(points[:, k], truth[:, k], labelled[:, k], area, sigmas[k]) for k in columns], 1)
