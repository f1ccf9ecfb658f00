"""Three published forms of the same loss, which differ in how often they count each term.

With d = mu_hat - mu, x the deviation, f = log G(x), sums over the D coordinates of one joint:

    paper     Σ log σ - f - log Q(x), Q standard, x = -d / σ (Eq. 8, Algorithm 1)
    official  Σ (log σ - f) + Σ (log(σ sqrt(2π)) + |d| / (sqrt(2) σ + 1e-9)), x = d / σ
    mmpose    Σ (log σ - f) + Σ (log(2 σ) + |d| / (σ + 1e-9)), x = d / σ; or, with a Gaussian Q,
              Σ (log σ - f) + Σ (log(σ sqrt(2π)) + x² / 2)

DLE is the part without Q. f is one number per joint, so that inside a sum it counts D times: in 2-D
`official` and `mmpose` are the paper's loss with the flow's likelihood weighted 2, in 3-D they weight f by 3
and log σ by 2. Their constants are kept, although log sqrt(2π) belongs to no Laplace density. Without the
flow, σ would converge to m = E|d| in `paper`, m / 2 in `mmpose`, m / (2 sqrt(2)) in `official`: confidences
are not comparable.

`ultralytics` is mmpose's with x = d / (σ + 1e-9), held within 100 of 0 (models/ultralytics.py).

Shapes: N joints, D coordinates, C numbers of a joint's context.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import Tensor

from models.density import DENSITIES, DensityName

ConventionName = Literal["paper", "official", "mmpose"]

EPSILON = 1e-9
REACH = 100.0
"""Of x in Ultralytics' code; errors beyond it have no gradient."""
LOG_SQRT_2_PI = 0.5 * math.log(2 * math.pi)


class Joints(NamedTuple):
    """Joints of weight other than 0, with a prediction and a target for every coordinate."""

    mu: Tensor  # (N, D)
    sigma: Tensor  # (N, D), positive
    target: Tensor  # (N, D)
    weight: Tensor  # (N,)
    context: Tensor | None = None  # (N, C), of a flow that is conditioned


class Terms(NamedTuple):
    """What a joint adds to the loss before its weight, each (N,), as often as the convention counts it."""

    nll_q: Tensor | None  # -log Q without its log σ; None in DLE
    nll_g: Tensor  # -log G
    log_sigma: Tensor

    def total(self) -> Tensor:
        """The joint's loss without the normaliser s (N,)."""
        likelihood = self.nll_g + self.log_sigma
        return likelihood if self.nll_q is None else likelihood + self.nll_q


@dataclass(frozen=True)
class Formula:
    """DLE (no density) or RLE with a density Q, in one of the conventions."""

    convention: ConventionName | Literal["ultralytics"]
    density: DensityName | None
    flow_weight: float = 1.0  # times which the flow's likelihood counts

    def deviation(self, joints: Joints) -> Tensor:
        """bar_mu, the input of the flow, (N, D)."""
        mu, sigma, target = joints.mu, joints.sigma, joints.target
        if self.convention == "ultralytics":
            return ((mu - target) / (sigma + EPSILON)).clamp(-REACH, REACH)
        return (target - mu if self.convention == "paper" else mu - target) / sigma

    def terms(self, joints: Joints, x: Tensor, log_g: Tensor) -> Terms:
        """From the deviation x (N, D) and log G(x) (N,)."""
        broadcast = self.convention != "paper"
        log_sigma = joints.sigma.log().sum(-1)
        return Terms(
            nll_q=self._nll_q(joints, x),
            nll_g=-log_g * (self.flow_weight * (x.shape[-1] if broadcast else 1)),
            log_sigma=log_sigma * (2 if broadcast and self.density else 1),
        )

    def _nll_q(self, joints: Joints, x: Tensor) -> Tensor | None:
        if self.density is None:
            return None
        if self.convention == "paper":
            return -DENSITIES[self.density].log_prob(x)
        if self.density == "gaussian":
            return (LOG_SQRT_2_PI + x.square() / 2).sum(-1)
        if self.convention == "ultralytics":
            return (math.log(2) + x.abs()).sum(-1)
        distance = (joints.mu - joints.target).abs()
        if self.convention == "official":
            return (LOG_SQRT_2_PI + distance / (math.sqrt(2) * joints.sigma + EPSILON)).sum(-1)
        return (math.log(2) + distance / (joints.sigma + EPSILON)).sum(-1)
