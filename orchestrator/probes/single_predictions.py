"""Single predictions beside the truth, with all that a density of theirs may depend on.

A likelihood is that of a single prediction, so there is no flip test. Errors are in the paper's convention.

Shapes: L labelled points, C numbers of a point's context.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from datasets.contract import Split
from datasets.io.errors import DataError
from orchestrator.probes.base import TrainedModel
from orchestrator.probes.density_grid import Floats
from orchestrator.probes.sigma_in_errors import TRAINING_SAMPLES
from orchestrator.training.evaluation import batches, predict


@dataclass(frozen=True)
class SinglePredictions:
    """Of labelled points, in the order of the samples, in units of the crop."""

    error: Floats  # (L, 2) mu - mu_hat
    sigma: Floats | None  # (L, 2); None where the model predicts no scale
    context: Floats | None  # (L, C); None where it predicts none
    size: Floats  # (2,) of the crop in pixels, across and down

    def evenly(self, most: int) -> "SinglePredictions":
        """At most so many of the points, evenly distributed."""
        count = min(most, len(self.error))
        rows = np.arange(count) * len(self.error) // count
        return replace(
            self,
            error=self.error[rows],
            sigma=None if self.sigma is None else self.sigma[rows],
            context=None if self.context is None else self.context[rows],
        )


def validation(model: TrainedModel) -> SinglePredictions:
    """Of every sample of the validation set.

    Raises:
        DataError: nothing in the set is labelled.
    """
    found = predicted(model, model.data.val, range(len(model.data.val)))
    if not len(found.error):
        raise DataError(
            "the validation set",
            "its boxes are detected ones, which have no keypoints to compare predictions with",
            remedy="Run this sweep without --detections, on annotated boxes",
            code="unlabelled",
        )
    return found


def training_scale(model: TrainedModel) -> float:
    """The mean of |error| over coordinates of training samples as epoch 0 has them, in units of the crop.

    It is the likeliest constant scale of a Laplace density.
    """
    split = model.data.train
    count = min(TRAINING_SAMPLES, len(split))
    rows = [part * len(split) // count for part in range(count)]
    return float(np.abs(predicted(model, split, rows).error).mean())


def predicted(model: TrainedModel, split: Split, rows: Sequence[int]) -> SinglePredictions:
    """Of these rows of a split."""
    parts = [_batch(model, split, some) for some in batches(rows, split)]
    error, sigma, context = (_joined(part) for part in zip(*parts, strict=True))
    assert error is not None
    return SinglePredictions(error, sigma, context, np.array(split.size[::-1], np.float64))


@torch.inference_mode()
def _batch(model: TrainedModel, split: Split, rows: Sequence[int]) -> tuple[Floats | None, ...]:
    """Error, sigma and context of the labelled points of a batch."""
    batch = split.__getitems__([(0, row) for row in rows])
    with torch.autocast(model.device.type, torch.bfloat16, enabled=model.bf16):
        output = predict(model.net, batch.image.to(model.device), None)
    labelled = (batch.weight != 0).all(-1)
    error = batch.target.double() - output.mu.double().cpu()
    parts = (error, output.sigma, output.context)
    return tuple(None if part is None else part.double().cpu()[labelled].numpy() for part in parts)


def _joined(parts: Sequence[Floats | None]) -> Floats | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None
