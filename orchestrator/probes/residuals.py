"""What a model says of a validation set beside the truth, and the density that it gives its errors.

Everything is in the paper's convention, whatever the objective's: bar_mu = (mu - mu_hat) / sigma.

Shapes: N samples, P points, L labelled points.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.coco.dataset import CocoData
from datasets.contract import Split
from datasets.io.errors import DataError
from models.density import DENSITIES, DensityName
from models.objectives import DLE, RLE, LearnedScale, Objective
from models.rle_conventions import ConventionName
from orchestrator.probes.base import TrainedModel
from orchestrator.probes.density_grid import Floats, LogDensity
from orchestrator.training.evaluation import batches, predictions
from orchestrator.training.runtime import SingleProcess


@dataclass(frozen=True)
class Observed:
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
    def deviations(self) -> Floats:
        """bar_mu of what is labelled, (L, 2)."""
        return self.errors / self.scales


def observe(subject: TrainedModel, data: CocoData, *, flip: bool) -> Observed:
    """Look at every sample of the validation set, once or, with `flip`, with the flip test.

    A likelihood is a claim about one look; scores are evaluated with the flip test.

    Raises:
        DataError: nothing in the set is labelled.
    """
    looked = data if flip else replace(data, flip_pairs=None)
    found = predictions(subject.net, looked, SingleProcess(subject.device), subject.bf16)
    target, labelled = _truth(data.val)
    sigma = None if found.sigma is None else found.sigma.astype(np.float64)
    return Observed(target, labelled, found.mu.astype(np.float64), sigma, found.score.astype(np.float64))


def _truth(val: Split) -> tuple[Floats, NDArray[np.bool_]]:
    """Targets (N, P, 2), and (N, P) which of them are labelled."""
    parts = [val.__getitems__([(0, row) for row in rows]) for rows in batches(range(len(val)), val)]
    labelled = torch.cat([part.weight.all(-1) for part in parts]).numpy()
    if not labelled.any():
        raise DataError(
            "the validation set",
            "its boxes are detected ones, which have no keypoints to compare predictions with",
            remedy="Run this sweep without --detections, on annotated boxes",
        )
    return torch.cat([part.target for part in parts]).double().numpy(), labelled


def log_densities(objective: Objective, module: nn.Module) -> dict[str, LogDensity]:
    """The densities of bar_mu that an objective has, first the one that its loss is the likelihood of.

    Args:
        module: what the objective builds.

    Returns:
        of LearnedScale "Q"; of DLE "G", the flow's; of RLE "QG", not normalised, and "G"; of others none.
    """
    match objective:
        case LearnedScale():
            return {"Q": DENSITIES[objective.density].log_prob}
        case DLE():
            return {"G": _flow(objective.convention, module)}
        case RLE():
            g = _flow(objective.convention, module)
            q = _base(objective.convention, objective.density)
            return {"QG": lambda x: q(x) + g(x), "G": g}
        case _:
            return {}


def _flow(convention: ConventionName, module: Any) -> LogDensity:
    """log G. In other conventions the flow sees (mu_hat - mu) / sigma, and learns the mirror image."""
    sign = 1 if convention == "paper" else -1
    return lambda x: module.flow.log_prob(sign * x)


def _base(convention: ConventionName, name: DensityName) -> LogDensity:
    """log Q; in the authors' code a Laplace density of scale sqrt(2) (models/rle_conventions.py)."""
    b = math.sqrt(2) if convention == "official" else 1.0
    return lambda x: DENSITIES[name].log_prob(x / b) - 2 * math.log(b)
