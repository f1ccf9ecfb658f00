"""What a predicted scale is worth: how many scales hold half of the errors on training samples.

In RLE the flow sets the density's breadth too, so that sigma alone has no fixed relation to the error: it may
be ten times as large. A drawing of sigma needs a factor, and this is one that can be had without looking at
the samples that are drawn.

Shapes: M errors, D coordinates.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.contract import Batch, Split
from orchestrator.probes.base import TrainedModel
from orchestrator.training.evaluation import batches, predict

Floats = NDArray[np.float64]

TRAINING_SAMPLES = 1024
"""At most; evenly spread over the training set."""


def half(error: Floats, sigma: Floats) -> float:
    """The factor c for which half of the errors (M, D) lie in the ellipsoid of half axes c sigma (M, D).

    In one dimension that is the median of |error| / sigma. NaN without errors.
    """
    return float(np.median(distances(error, sigma))) if len(error) else float("nan")


def distances(error: Floats, sigma: Floats) -> Floats:
    """Lengths (...) of errors (..., D) whose coordinates are measured in sigma (..., D)."""
    return np.asarray(np.linalg.norm(error / sigma, axis=-1))


def mean(values: NDArray[np.floating[Any]]) -> float:
    """Over what is known; NaN over nothing."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def on_training(subject: TrainedModel) -> tuple[Floats, Floats, Floats] | None:
    """Error, sigma and weight (n, P, D) of training samples as epoch 0 has them; None without a scale."""
    split = subject.data.train
    count = min(TRAINING_SAMPLES, len(split))
    rows = [part * len(split) // count for part in range(count)]
    found = [_predicted(subject, split, some) for some in batches(rows, split)]
    if any(sigma is None for _, sigma, _ in found):
        return None
    error, sigma, weight = (np.concatenate([part[place] for part in found]) for place in range(3))
    return error, sigma, weight


def _predicted(
    subject: TrainedModel, split: Split, rows: Sequence[int]
) -> tuple[Floats, Floats | None, Floats]:
    batch: Batch = split.__getitems__([(0, row) for row in rows])
    with torch.autocast(subject.device.type, torch.bfloat16, enabled=subject.bf16):
        output = predict(subject.net, batch.image.to(subject.device), subject.data.flip_pairs)
    error = output.mu.double().cpu().numpy() - batch.target.double().numpy()
    sigma = None if output.sigma is None else output.sigma.double().cpu().numpy()
    return error, sigma, batch.weight.double().numpy()
