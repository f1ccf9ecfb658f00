"""What a predicted scale sigma is worth in errors, by the learned density or by errors on training samples.

In RLE sigma alone is not the size of errors: without the term log s nothing ties the two, as -log Q
pushes sigma up and the flow contracts by as much. It may be ten times as large. The density of the residuals,
Q · G, relates them; and so do the errors of training samples, which are none of those that are drawn.

Residuals are in the paper's convention, whatever the objective's: bar_mu = (mu - mu_hat) / sigma.

Shapes: M samples or errors, P points, D coordinates.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datasets.contract import Split
from models.correlated import CorrelatedLoss
from models.density import DENSITIES, gaussian
from models.likelihood import LikelihoodLoss
from models.losses import ScaledLoss, SumLoss
from models.rle_conventions import Formula
from models.ultralytics import UltralyticsLoss
from orchestrator.probes.base import TrainedModel
from orchestrator.probes.density_grid import LogDensity
from orchestrator.training.evaluation import batches, predict
from orchestrator.training.spread import SHARE

Floats = NDArray[np.float64]

SAMPLES = 50_000
"""Drawn from the learned density."""

TRAINING_SAMPLES = 1024
"""At most; evenly distributed over the training set."""


def log_densities(loss: nn.Module) -> dict[str, LogDensity]:
    """The densities of residuals that a trained objective has, first the one that it is the likelihood of.

    Args:
        loss: what the objective builds.

    Returns:
        of LearnedScale and BetaLaplace "Q"; of DLE "G", the flow's; of RLE "QG", not normalised, and "G"; of
        others none, nor of a flow that is conditioned: it has a density for each point.
    """
    match loss:
        case ScaledLoss():
            return {"Q": loss.q.log_prob}
        case UltralyticsLoss():
            return log_densities(loss.rle)
        case LikelihoodLoss(context=0):
            q, g = log_q_of(loss.formula), _log_g(loss)
            return {"G": g} if q is None else {"QG": lambda x: q(x) + g(x), "G": g}
        case _:
            return {}


def half_widths(loss: nn.Module, dim: int) -> Floats | None:
    """Half the width of the middle of the density of residuals that holds `SHARE` of it, in units of sigma.

    Args:
        loss: what a trained objective builds, on the CPU.
        dim: D.

    Returns:
        (D,), or None for objectives without a density.
    """
    with torch.inference_mode():
        return _half_widths(loss, dim, torch.Generator().manual_seed(0))


def half_of_errors(error: Floats, sigma: Floats) -> float:
    """The factor c for which half of the errors (M, D) lie in the ellipsoid of half axes c sigma (M, D).

    In one dimension that is the median of |error| / sigma. NaN without errors.
    """
    return float(np.median(distances(error, sigma))) if len(error) else math.nan


def distances(error: Floats, sigma: Floats) -> Floats:
    """Lengths (...) of errors (..., D) whose coordinates are measured in sigma (..., D)."""
    return np.asarray(np.linalg.norm(error / sigma, axis=-1))


def training_errors(model: TrainedModel) -> tuple[Floats, Floats, Floats] | None:
    """Error, sigma and weight (M, P, D) of training samples as epoch 0 has them; None without a scale."""
    split = model.data.train
    count = min(TRAINING_SAMPLES, len(split))
    rows = [part * len(split) // count for part in range(count)]
    parts = [_errors(model, split, some) for some in batches(rows, split)]
    if any(sigma is None for _, sigma, _ in parts):
        return None
    error, sigma, weight = (np.concatenate([part[index] for part in parts]) for index in range(3))
    return error, sigma, weight


def sign_of(formula: Formula) -> int:
    """In other conventions the flow sees (mu_hat - mu) / sigma, and learns the mirror image."""
    return 1 if formula.convention == "paper" else -1


def _log_g(loss: LikelihoodLoss) -> LogDensity:
    return lambda x: loss.flow.log_prob(sign_of(loss.formula) * x)


def log_q_of(formula: Formula) -> LogDensity | None:
    """None in DLE; in the authors' code a Laplace density of scale sqrt(2) (models/rle_conventions.py)."""
    if formula.density is None:
        return None
    density, b = DENSITIES[formula.density], math.sqrt(2) if formula.convention == "official" else 1.0
    return lambda x: density.log_prob(x / b) - x.shape[-1] * math.log(b)


def _half_widths(loss: nn.Module, dim: int, generator: torch.Generator) -> Floats | None:
    match loss:
        case UltralyticsLoss():
            return _half_widths(loss.rle, dim, generator)
        case CorrelatedLoss():
            return _middle(gaussian.sample(SAMPLES, dim, generator), torch.zeros(SAMPLES))
        case LikelihoodLoss(context=0):
            # Samples of G, weighted by Q, are samples of Q · G. Which way x points is of no account.
            x, log_q = loss.flow.sample(SAMPLES, generator), log_q_of(loss.formula)
            return _middle(x, torch.zeros(SAMPLES) if log_q is None else log_q(x))
        case ScaledLoss():
            return _middle(loss.q.sample(SAMPLES, dim, generator), torch.zeros(SAMPLES))
        case SumLoss():
            known = (_half_widths(term, dim, generator) for term in loss.terms.values())
            return next((widths for widths in known if widths is not None), None)
        case _:
            return None


def _middle(x: Tensor, log_weight: Tensor) -> Floats:
    """From samples (M, D) and their log weights (M,), coordinate by coordinate: (D,)."""
    weight = (log_weight - log_weight.max()).exp().double().numpy()
    widths = []
    for values in x.double().numpy().T:
        order = np.argsort(values)
        below = np.cumsum(weight[order])
        low, high = np.interp([0.5 - SHARE / 2, 0.5 + SHARE / 2], below / below[-1], values[order])
        widths.append((high - low) / 2)
    return np.array(widths)


def _errors(model: TrainedModel, split: Split, rows: Sequence[int]) -> tuple[Floats, Floats | None, Floats]:
    batch = split.__getitems__([(0, row) for row in rows])
    with torch.autocast(model.device.type, torch.bfloat16, enabled=model.bf16):
        output = predict(model.net, batch.image.to(model.device), model.data.flip_pairs)
    error = output.mu.double().cpu().numpy() - batch.target.double().numpy()
    sigma = None if output.sigma is None else output.sigma.double().cpu().numpy()
    return error, sigma, batch.weight.double().numpy()
