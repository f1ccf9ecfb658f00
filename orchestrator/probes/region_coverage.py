"""What regions of 90 % hold: those of the predicted density, and those fitted to errors afterwards.

Shapes: N samples, K keypoints.
"""

from typing import Literal, Self

import numpy as np
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from datasets.coco.dataset import CocoData
from orchestrator.probes.base import Probe, ProbeError, ProbeResult, TrainedModel
from orchestrator.probes.proper_scores import table_scores
from orchestrator.probes.residuals import residuals_of
from orchestrator.probes.sigma_in_errors import log_densities
from orchestrator.training.regions import Held, measure_regions, share_held

LEVEL = 90


class RegionCoverage(Probe):
    """Coverage of 90 % regions before and after conformal prediction (orchestrator/training/regions.py).

    Before: the regions of highest density of Q, of the flow in DLE, of Q · G · s in RLE. After: ellipses
    fitted on one half of the validation set, judged on the other, and the other way round. Predictions are
    single ones, without the flip test, and are the same before and after.

    Metrics, in percent of labelled keypoints: `before` and `after` of all, `before_worst` and `after_worst`
    of the quarter with the largest predicted scale, `before_joint` and `after_joint` of the keypoint for
    which it is lowest. Those after are missing where a half has too few labels.

    Raises:
        pydantic.ValidationError: the experiment is not about COCO keypoints.
    """

    kind: Literal["region_coverage"] = "region_coverage"

    @model_validator(mode="after")
    def _is_of_coco(self) -> Self:
        if self.of.data.kind != "coco":
            raise PydanticCustomError("not-coco", "these regions are those of COCO keypoints")
        return self

    def measure(self, model: TrainedModel) -> ProbeResult:
        """Predict every sample of the validation set.

        Raises:
            DataError: nothing in the set is labelled.
            ProbeError: the flow's density is not finite, or the model predicts no density.
        """
        assert isinstance(model.data, CocoData)
        residuals = residuals_of(model, model.data, flip=False)
        densities = log_densities(model.objective)
        if residuals.sigma is None or not densities:
            raise ProbeError("a model without one density of its errors has no regions", code="no-density")
        scores = table_scores(
            next(iter(densities.values())), residuals.standardised, residuals.scales, model.device
        )
        inside = np.zeros(residuals.labelled.shape, bool)
        inside[residuals.labelled] = scores.level <= LEVEL / 100
        metrics = _named("before", share_held(inside, residuals.sigma, residuals.labelled))
        weight = np.repeat(residuals.labelled[..., None], 2, axis=2).astype(np.float64)
        fitted = measure_regions(residuals.target - residuals.mu, residuals.sigma, weight)
        if fitted is not None and fitted.held is not None:
            metrics |= _named("after", fitted.held)
        return ProbeResult(metrics, {"keypoints": int(residuals.labelled.sum())})


def _named(when: str, held: Held) -> dict[str, float]:
    return {
        when: 100 * held.coverage,
        f"{when}_worst": 100 * held.worst_quarter,
        f"{when}_joint": 100 * held.worst_point,
    }
