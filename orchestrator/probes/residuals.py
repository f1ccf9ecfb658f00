"""Predictions for a validation set beside the truth.

Everything is in the paper's convention, whatever the objective's: bar_mu = (mu - mu_hat) / sigma.

Shapes: N samples, P points, L labelled points.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.coco.dataset import CocoData
from datasets.contract import Split
from datasets.io.errors import DataError
from orchestrator.probes.base import TrainedModel
from orchestrator.probes.density_grid import Floats
from orchestrator.training.evaluation import batches, predictions
from orchestrator.training.runtime import SingleProcess


@dataclass(frozen=True)
class Residuals:
    """Predictions for a validation set and its truth, in the order of the split, in units of the crop."""

    target: Floats  # (N, P, 2)
    labelled: NDArray[np.bool_]  # (N, P)
    mu: Floats  # (N, P, 2)
    sigma: Floats | None  # (N, P, 2); None where the model predicts no scale
    score: Floats  # (N, P)

    @property
    def errors(self) -> Floats:
        """mu - mu_hat of what is labelled, (L, 2)."""
        return (self.target - self.mu)[self.labelled]

    @property
    def scales(self) -> Floats:
        """sigma of what is labelled, (L, 2)."""
        assert self.sigma is not None, "the model predicts no scale"
        return self.sigma[self.labelled]

    @property
    def standardised(self) -> Floats:
        """bar_mu of what is labelled, (L, 2)."""
        return self.errors / self.scales


def residuals_of(model: TrainedModel, data: CocoData, *, flip: bool) -> Residuals:
    """Predict every sample of the validation set, once or, with `flip`, with the flip test.

    A likelihood is that of a single prediction; scores are evaluated with the flip test.

    Raises:
        DataError: nothing in the set is labelled.
    """
    evaluated = data if flip else replace(data, flip_pairs=None)
    predicted = predictions(model.net, evaluated, SingleProcess(model.device), model.bf16)
    target, labelled = _truth(data.val)
    sigma = None if predicted.sigma is None else predicted.sigma.astype(np.float64)
    return Residuals(
        target, labelled, predicted.mu.astype(np.float64), sigma, predicted.score.astype(np.float64)
    )


def _truth(val: Split) -> tuple[Floats, NDArray[np.bool_]]:
    """Targets (N, P, 2), and (N, P) which of them are labelled."""
    parts = [val.__getitems__([(0, row) for row in rows]) for rows in batches(range(len(val)), val)]
    labelled = torch.cat([part.weight.all(-1) for part in parts]).numpy()
    if not labelled.any():
        raise DataError(
            "the validation set",
            "its boxes are detected ones, which have no keypoints to compare predictions with",
            remedy="Run this sweep without --detections, on annotated boxes",
            code="unlabelled",
        )
    return torch.cat([part.target for part in parts]).double().numpy(), labelled
