"""Scores of predicted densities that allow objectives to be compared: all of one density, of one truth.

Densities are of the truth in pixels of the crop, and integrate to one. So a density of two coordinates has
-log p in nats a point, which no choice of units inside an objective shifts.

Shapes: L points, M samples of a point's density, D = 2 coordinates.
"""

from typing import Literal, NamedTuple, Self

import numpy as np
import torch
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from datasets.coco.dataset import CocoData
from datasets.metrics.oks import oks
from models.correlated import CorrelatedLoss, log_cosh, whitened
from models.density import gaussian, laplace
from models.likelihood import LikelihoodLoss, log_g
from models.losses import ErrorLoss
from orchestrator.probes.base import Probe, ProbeResult, TrainedModel
from orchestrator.probes.density_grid import Floats, LogDensity, evaluate_at, tabulate
from orchestrator.probes.residuals import residuals_of
from orchestrator.probes.sigma_in_errors import log_densities, log_q_of, sign_of
from orchestrator.probes.single_predictions import SinglePredictions, training_scale, validation

SAMPLES = 256
"""Of the density of each point, where every point has its own."""

POINTS = 4096
"""At most of which so many samples are drawn; evenly distributed over the validation set."""

WORST = 0.25
"""The share of points, those of the largest predicted scale, that is looked at by itself."""


class Scores(NamedTuple):
    """What a predicted density is worth at each point."""

    nll: Floats  # (L,) nats, of the density in units of the crop
    crps: Floats  # (L, 2) of each coordinate, in units of the crop
    level: Floats  # (L,) the mass of the region where the density is higher than at the truth


class ProperScores(Probe):
    """Likelihood, CRPS and coverage on the validation set, of single predictions without the flip test.

    The density is, of LearnedScale and BetaLaplace, Q with the predicted scale; of CorrelatedGaussian its
    own; of L1 a Laplace density whose scale is the mean |error| on training samples, the same for all points;
    of DLE the flow's; of RLE Q · G · s, with s computed numerically, whatever its convention: exp(-loss) of
    those that count G twice is no density. For a flow that is conditioned, s of each point comes from the
    mean of Q over samples of G. Without log s in the loss, G alone is trained to be the density of the
    errors: its scores have the prefix `flow_`.

    Metrics: `nll` in nats a point, of the density in pixels of the crop; `crps` in pixels, the mean over
    coordinates; `cover50` and `cover90`, the percentage of truths in the regions of highest density with so
    much mass; `worst50` and `worst90`, the same of the quarter with the largest predicted scale;
    `rank_correlation`, Spearman's, of the predicted scale and the error; `oks`, the mean over people in
    percent, with the flip test. With a flow also `flow_nll`, `flow_crps`, `flow_cover90`, `flow_worst90`.

    Raises:
        pydantic.ValidationError: the experiment is not about COCO keypoints.
    """

    kind: Literal["proper_scores"] = "proper_scores"

    @model_validator(mode="after")
    def _has_oks(self) -> Self:
        if self.of.data.kind != "coco":
            raise PydanticCustomError("not-coco", "these scores are those of COCO keypoints")
        return self

    def measure(self, model: TrainedModel) -> ProbeResult:
        """Predict every sample of the validation set, with the flip test and without.

        Raises:
            DataError: nothing in the set is labelled.
            ProbeError: the flow's density is not finite.
        """
        assert isinstance(model.data, CocoData)
        metrics = {"oks": 100 * _mean_oks(model, model.data)}
        points = validation(model)
        for prefix, (some, scores) in _scored(model, points).items():
            found = _summary(some, scores)
            metrics |= {f"{prefix}{name}": value for name, value in found.items()}
        return ProbeResult(metrics, {"points": len(points.error)})


def table_scores(log_density: LogDensity, x: Floats, sigma: Floats, device: torch.device) -> Scores:
    """Of a density of x = error / sigma, both (L, 2), which is the same for all points, normalised or not.

    Raises:
        ProbeError: it is not finite, or has no mass within reach.
    """
    table = tabulate(log_density, device)
    log_p = evaluate_at(log_density, x, device) - np.log(table.integral)
    crps = np.stack([m.crps(x[:, axis]) for axis, m in enumerate(table.marginals)], 1)
    return Scores(np.log(sigma).sum(1) - log_p, sigma * crps, table.level(log_p))


def sample_scores(x: Floats, log_p: Floats, samples: Floats, log_samples: Floats, weights: Floats) -> Scores:
    """Of densities that each point has of its own, from samples; the unit of length is that of x.

    Args:
        x: (L, 2) the truths.
        log_p: (L,) their log densities.
        samples: (L, M, 2).
        log_samples: (L, M) their log densities, up to a constant that `log_p` shares.
        weights: (L, M) of the samples, positive.
    """
    share = weights / weights.sum(1, keepdims=True)
    level = (share * (log_samples > log_p[:, None])).sum(1)
    return Scores(-log_p, np.stack([_crps(x[:, a], samples[..., a], share) for a in (0, 1)], 1), level)


def _crps(x: Floats, samples: Floats, share: Floats) -> Floats:
    """(L,) E|X - x| - E|X - X'| / 2, the latter over pairs of different samples."""
    order = np.argsort(samples, axis=1)
    X, w = np.take_along_axis(samples, order, 1), np.take_along_axis(share, order, 1)
    below = np.cumsum(w, 1)
    apart = 2 * (w * X * (2 * below - w - 1)).sum(1) / (1 - (w**2).sum(1))
    return np.asarray((w * np.abs(X - x[:, None])).sum(1) - apart / 2)


def _scored(model: TrainedModel, points: SinglePredictions) -> dict[str, tuple[SinglePredictions, Scores]]:
    """Scores by the prefix of their metrics; empty for a model without a density."""
    loss, device = model.objective, model.device
    match loss:
        case ErrorLoss() if loss.penalty is torch.abs:
            sigma = np.full_like(points.error, training_scale(model))
            return {"": (points, table_scores(laplace.log_prob, points.error / sigma, sigma, device))}
        case CorrelatedLoss():
            return {"": (points, _correlated(points, device))}
        case LikelihoodLoss() if loss.context:
            return _conditioned(loss, points.evenly(POINTS), device)
    if points.sigma is None:
        return {}
    found = {
        name: table_scores(log_density, points.error / points.sigma, points.sigma, device)
        for name, log_density in log_densities(loss).items()
    }
    return _prefixed(points, found)


def _prefixed(
    points: SinglePredictions, found: dict[str, Scores]
) -> dict[str, tuple[SinglePredictions, Scores]]:
    """The first is the objective's own; G's are those of the flow, also where it is the first."""
    if not found:
        return {}
    prefixed = {"": (points, next(iter(found.values())))}
    return prefixed | ({"flow_": (points, found["G"])} if "G" in found else {})


def _correlated(points: SinglePredictions, device: torch.device) -> Scores:
    assert points.sigma is not None
    assert points.context is not None
    c = torch.from_numpy(points.context[:, 0])
    x = points.error / points.sigma
    z = whitened(torch.from_numpy(x), c).numpy()
    marginal = table_scores(gaussian.log_prob, x, points.sigma, device)
    white = table_scores(gaussian.log_prob, z, points.sigma, device)
    return Scores(white.nll - log_cosh(c).numpy(), marginal.crps, white.level)


@torch.inference_mode()
def _conditioned(
    loss: LikelihoodLoss, points: SinglePredictions, device: torch.device
) -> dict[str, tuple[SinglePredictions, Scores]]:
    """Scores of Q · G, or of G alone in DLE, from samples of G for each point."""
    assert points.sigma is not None
    assert points.context is not None
    sign, log_q = sign_of(loss.formula), log_q_of(loss.formula)
    x = torch.from_numpy(points.error / points.sigma).float()
    context = torch.from_numpy(points.context).float()[:, : loss.context]
    repeated = context.repeat_interleave(SAMPLES, 0)
    drawn = torch.Generator().manual_seed(0)
    samples = sign * loss.flow.sample(len(repeated), drawn, repeated.to(device)).cpu()  # type: ignore[call-arg]
    inner = log_g(loss.flow, (sign * samples).to(device), repeated.to(device)).cpu().reshape(-1, SAMPLES)
    own = log_g(loss.flow, (sign * x).to(device), context.to(device)).cpu()
    found = {"G": (own, inner, torch.zeros_like(inner))}
    if log_q is not None:
        q = log_q(samples).reshape(-1, SAMPLES)
        log_s = np.log(SAMPLES) - torch.logsumexp(q, 1)
        found = {"QG": (own + log_q(x) + log_s, inner + q + log_s[:, None], q)} | found
    scores = {}
    for name, (log_p, log_samples, log_weights) in found.items():
        weights = (log_weights - log_weights.amax(1, keepdim=True)).exp()
        arrays = (x, log_p, samples.reshape(-1, SAMPLES, 2), log_samples, weights)
        unit = sample_scores(*(a.double().numpy() for a in arrays))
        nll = unit.nll + np.log(points.sigma).sum(1)
        scores[name] = Scores(nll, unit.crps * points.sigma, unit.level)
    return _prefixed(points, scores)


def _summary(points: SinglePredictions, scores: Scores) -> dict[str, float]:
    """The metrics of one density."""
    held = {level: scores.level <= level / 100 for level in (50, 90)}
    metrics = {
        "nll": float(scores.nll.mean() + np.log(points.size).sum()),
        "crps": float((scores.crps * points.size).mean()),
        **{f"cover{level}": 100 * float(inside.mean()) for level, inside in held.items()},
    }
    if points.sigma is None:
        return metrics
    scale = np.sqrt((points.sigma * points.size).prod(1))
    worst = np.argsort(scale, kind="stable")[-max(1, round(WORST * len(scale))) :]
    metrics |= {f"worst{level}": 100 * float(inside[worst].mean()) for level, inside in held.items()}
    distance = np.linalg.norm(points.error * points.size, axis=1)
    if np.ptp(scale) and np.ptp(distance):
        from scipy.stats import spearmanr  # which takes most of a second to import

        metrics["rank_correlation"] = float(spearmanr(scale, distance).statistic)
    return metrics


def _mean_oks(model: TrainedModel, data: CocoData) -> float:
    arrays = data.val.pack.arrays
    points = data.val.to_picture(residuals_of(model, data, flip=True).mu)
    people = oks(points, arrays["points"], arrays["labelled"], arrays["area"], np.array(data.sigmas))
    return float(np.nanmean(people))
