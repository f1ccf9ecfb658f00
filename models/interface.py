"""What passes between models, losses and a training loop.

Shapes: B batch, P points, D coordinates of a point, C numbers of its context, H W pixels of a crop, h w of a
heatmap.
"""

from typing import NamedTuple

from torch import Tensor


class OutputSpec(NamedTuple):
    """What a model has to predict, and for crops of which size."""

    points: int  # P, positive
    dim: int  # D, positive
    size: tuple[int, int]  # H, W in pixels
    scale: bool = False  # whether the loss needs sigma
    heatmap: bool = False  # whether the loss needs heatmaps
    context: int = 0  # C, how many more numbers of a point the loss needs


class Output(NamedTuple):
    """A model's predictions for a batch, float32. Coordinates are in units of the crop, centred on it."""

    mu: Tensor  # (B, P, D)
    sigma: Tensor | None  # (B, P, D), in (0, 1), in the units of mu; None without a scale head
    heatmap: Tensor | None = None  # (B, P, h, w), where the model learns heatmaps
    score: Tensor | None = None  # (B, P), higher is more certain; None where sigma gives it, or nothing does
    context: Tensor | None = None  # (B, P, C) any numbers, for a density that has more than a scale


class LossInputs(NamedTuple):
    """What a loss is computed from: predictions, ground truth, and what random draws depend on."""

    mu: Tensor  # (B, P, D)
    sigma: Tensor | None  # (B, P, D), positive
    target: Tensor  # (B, P, D)
    weight: Tensor  # (B, P, D); coordinates of weight 0 are ignored, whatever they hold
    step: int | None = None  # of the training, from 0
    seed: int = 0
    heatmap: Tensor | None = None  # (B, P, h, w)
    context: Tensor | None = None  # (B, P, C)


class Loss(NamedTuple):
    """The number to minimise, and numbers to monitor."""

    loss: Tensor  # 0-d: the sum over points and coordinates, the mean over the batch
    parts: dict[str, Tensor]  # 0-d, detached; over points of weight other than 0, absent without any
