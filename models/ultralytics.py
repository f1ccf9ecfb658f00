"""RLE as YOLO26-pose has it (ultralytics/utils/loss.py in 2026): a variant of mmpose's, and a clamp.

Shapes: B batch, P points, D = 2 coordinates of a point, N points whose weight is not 0.
"""

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from models.errors import ConfigError
from models.interface import Loss, LossInputs
from models.likelihood import LikelihoodLoss
from models.losses import LossModule
from models.realnvp import RealNVP
from models.rle_conventions import Formula
from models.terms import Term

JOINT_WEIGHTS = (1, 1, 1, 1, 1, 1, 1, 1.2, 1.2, 1.5, 1.5, 1, 1, 1.2, 1.2, 1.5, 1.5)
"""Of COCO's 17 joints: elbows and knees 1.2, wrists and ankles 1.5. Other skeletons have 1 for all."""


class UltralyticsRLE(Term):
    """RLE in Ultralytics' convention: mmpose's (models/rle_conventions.py), so with log G counted twice.

    It differs in the mean over labelled points in place of the sum over those of a sample, in the joints'
    weights, in |x| of at most 100, in the unit of lengths, cells of the detector's grid, and in the clamp: a
    loss of the batch below 0 is taken for 0, which has no gradient at all. A loss is a density's negative
    logarithm and falls below 0 when errors are small in that unit, so the unit decides when learning ends.

    In YOLO26 an OKS loss of the keypoints stands beside it and goes on when this one is 0; here it is alone.
    The flow is the paper's.

    Fields:
        clamped: whether losses below 0 are taken for 0, as since February 2026; before, they were not.
        cells: of the grid along a side of the crop; the more there are, the later the loss is below 0. Levels
            of a feature pyramid share objects out so that each is 4 to 8 cells large on its own, which for
            crops of 1.25 times a person's box, at an aspect ratio of 3 to 4, is about 6 a side.
    """

    needs_scale: ClassVar[bool] = True

    kind: Literal["ultralytics_rle"] = "ultralytics_rle"
    clamped: bool = True
    cells: float = Field(default=6.0, gt=0, le=1e4)

    @property
    def name(self) -> str:
        """As runs name the method."""
        return f"RLE {RealNVP().name}, ultralytics{'' if self.clamped else ' without clamp'}"

    def build(self, dim: int) -> "UltralyticsLoss":
        """For points of two coordinates.

        Raises:
            ConfigError: `dim` is not 2.
        """
        self.check(dim)
        return UltralyticsLoss(self)

    def check(self, dim: int) -> None:
        """Raises ConfigError where `build` would."""
        if dim != 2:
            raise ConfigError(
                f"Ultralytics has RLE for points in 2-D, not {dim} coordinates", "ultralytics-dim"
            )


class UltralyticsLoss(LossModule):
    """max(0, Σ weight · w_joint · loss of the point / N). `rle` holds the flow."""

    has_densities = True

    def __init__(self, config: UltralyticsRLE) -> None:
        super().__init__()
        self.config = config
        self.rle = LikelihoodLoss(RealNVP(), 2, Formula("ultralytics", "laplace"), normaliser=None)

    def compute(self, inputs: LossInputs) -> Loss:
        """Needs sigma. Its part "clamped" is 100 in a step whose loss is below 0, else 0."""
        weighted = inputs._replace(weight=inputs.weight * _joint_weights(inputs.weight))
        sums, parts = self.rle.compute(weighted)
        points = (inputs.weight != 0).all(-1).sum().clamp(min=1)
        # log σ is there twice in each of two coordinates, and sigma is in units of the crop.
        unit = 4 * math.log(self.config.cells) * weighted.weight.mean(-1).sum()
        loss = (sums * len(inputs.mu) + unit) / points
        below = 100 * (loss.detach() < 0).to(loss.dtype)
        return Loss(loss.clamp(min=0) if self.config.clamped else loss, parts | {"clamped": below})

    def gradient_shares(self, inputs: LossInputs) -> dict[str, Tensor]:
        """Of Q and of G, before the clamp."""
        return self.rle.gradient_shares(inputs)


def _joint_weights(like: Tensor) -> Tensor:
    """(1, P, 1)."""
    P = like.shape[1]
    weights = torch.tensor(JOINT_WEIGHTS) if len(JOINT_WEIGHTS) == P else torch.ones(P)
    return weights.to(like)[None, :, None]
