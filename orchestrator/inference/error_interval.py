"""How far off predictions may be: what the scale that a model predicts means in errors.

In RLE sigma alone does not give the size of errors: without the term log s nothing ties it to them, as -log Q
pushes it up and the flow contracts by as much. The density of the deviations, Q · G, knows both.

Shapes: M samples, D coordinates.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.likelihood import LikelihoodLoss
from models.losses import ScaledLoss, SumLoss
from models.rle_conventions import Joints

SHARE = 0.6827
"""Of all errors: those within one standard deviation, were they Gaussian."""

SAMPLES = 50_000


def error_half_widths(objective: nn.Module, dim: int) -> NDArray[np.float64] | None:
    """Half the width of the middle of the density of deviations that holds `SHARE` of it, in units of sigma.

    Args:
        objective: what a trained objective's config builds, on the CPU.
        dim: D.

    Returns:
        (D,), or None for objectives without a density.
    """
    with torch.inference_mode():
        return _half_widths_of(objective, dim, torch.Generator().manual_seed(0))


def _half_widths_of(objective: nn.Module, dim: int, drawn: torch.Generator) -> NDArray[np.float64] | None:
    match objective:
        case LikelihoodLoss():
            x = objective.flow.sample(SAMPLES, drawn)
            return _half_widths(x, _base(objective, x))
        case ScaledLoss():
            return _half_widths(objective.q.sample(SAMPLES, dim, drawn), torch.ones(SAMPLES))
        case SumLoss():
            known = (_half_widths_of(term, dim, drawn) for term in objective.terms.values())
            return next((found for found in known if found is not None), None)
        case _:
            return None


def _base(objective: LikelihoodLoss, x: Tensor) -> Tensor:
    """Q(x) but for a factor: the weight by which samples of G become samples of Q · G. (M, D) -> (M,)."""
    one = torch.ones_like(x)
    joints = Joints(mu=x, sigma=one, target=torch.zeros_like(x), weight=one[:, 0])
    nll_q = objective.formula.terms(joints, x, torch.zeros(len(x))).nll_q
    return torch.ones(len(x)) if nll_q is None else torch.exp(nll_q.min() - nll_q)


def _half_widths(x: Tensor, weight: Tensor) -> NDArray[np.float64]:
    """From samples (M, D) and their weights (M,), coordinate by coordinate: (D,)."""
    widths = []
    for values in x.double().numpy().T:
        order = np.argsort(values)
        below = np.cumsum(weight.double().numpy()[order])
        low, high = np.interp([0.5 - SHARE / 2, 0.5 + SHARE / 2], below / below[-1], values[order])
        widths.append((high - low) / 2)
    return np.array(widths)
