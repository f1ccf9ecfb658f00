"""Predictions of a model for a validation set, with the flip test, and their metrics."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datasets.contract import Batch, Data, Pairs, Predictions, Split
from datasets.crops.crop import flip_points, swap_pairs
from models.heatmap_codec import decode, mirror
from models.interface import Output
from orchestrator.training.checkpoint_content import Spread
from orchestrator.training.regions import measure_regions
from orchestrator.training.runtime import Runtime
from orchestrator.training.spread import measure_spread

BATCH = 128
PIXELS = 2**22
"""Of the pictures of a batch, at most, so that memory stays in bounds for large ones."""
NOTHING = Predictions(
    np.empty(0, np.int64), np.empty((0, 0, 0), np.float32), None, np.empty((0, 0), np.float32)
)


def predict(model: nn.Module, image: Tensor, pairs: Pairs | None) -> Output:
    """Predictions for a batch; with `pairs`, averaged over the picture and its mirror image.

    Coordinates, scales and scores are averaged. Of a model that is read from heatmaps the heatmaps are, and
    coordinates and scores are read from the average.

    Args:
        model: a built model in eval mode.
        image: uint8 (B, H, W, 3).
        pairs: points that change places in the mirror, or None for no flip test.
    """
    return _predict_both(model, image, pairs)[1]


@torch.inference_mode()
def _predict_both(model: nn.Module, image: Tensor, pairs: Pairs | None) -> tuple[Output, Output]:
    """Without the flip test, and as `predict`."""
    single: Output = model(image)
    if pairs is None:
        return single, single
    return single, _averaged(single, model(image.flip(2)), pairs, image.shape[2])


def _averaged(output: Output, mirrored: Output, pairs: Pairs, width: int) -> Output:
    """The mean of predictions for a picture and for its mirror image, `width` pixels across."""
    if output.heatmap is not None and mirrored.heatmap is not None:
        heatmap = (output.heatmap + swap_pairs(mirror(mirrored.heatmap), pairs)) / 2
        mu, score = decode(heatmap)
        return Output(mu, None, heatmap, score)
    return Output(
        (output.mu + flip_points(mirrored.mu, pairs, width)) / 2,
        _mean(output.sigma, mirrored.sigma, pairs),
        score=_mean(output.score, mirrored.score, pairs),
    )


def _mean(values: Tensor | None, mirrored: Tensor | None, pairs: Pairs) -> Tensor | None:
    return None if values is None or mirrored is None else (values + swap_pairs(mirrored, pairs)) / 2


def evaluate(
    model: nn.Module, data: Data, runtime: Runtime, *, bf16: bool = False
) -> tuple[dict[str, float], Spread | None]:
    """The benchmark's metrics on the validation set, and how wide its errors are; nothing but on rank 0.

    Each worker predicts every world_size-th sample, so that none is counted twice.
    """
    was_training = model.training
    model.eval()
    shards = runtime.gather(compared(model, data, runtime, bf16))
    model.train(was_training)
    if runtime.rank != 0:
        return {}, None
    return data.metrics(_join([shard.predictions for shard in shards])), _spread(shards)


def predictions(model: nn.Module, data: Data, runtime: Runtime, bf16: bool = False) -> Predictions:
    """Predictions of a model in evaluation mode for this worker's share of the validation set."""
    return compared(model, data, runtime, bf16).predictions


class Compared(NamedTuple):
    """Predictions and the truth, (N, P, D) each and a weight of 0 where there is none."""

    predictions: Predictions
    target: NDArray[np.float32]
    weight: NDArray[np.float32]
    single: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    """mu and sigma (N, P, D) without the flip test; None where the model has no scale."""


def compared(model: nn.Module, data: Data, runtime: Runtime, bf16: bool = False) -> Compared:
    """As `predictions`, with the truth."""
    ids: list[np.ndarray] = []
    mus: list[np.ndarray] = []
    sigmas: list[np.ndarray] = []
    scores: list[np.ndarray] = []
    truth: list[tuple[np.ndarray, np.ndarray]] = []
    singles: list[tuple[np.ndarray, np.ndarray]] = []
    for batch in _batches(data, runtime):
        with torch.autocast(runtime.device.type, torch.bfloat16, enabled=bf16):
            single, output = _predict_both(model, batch.image.to(runtime.device), data.flip_pairs)
        ids.append(batch.id.numpy())
        mus.append(output.mu.float().cpu().numpy())
        if output.sigma is not None and single.sigma is not None:
            sigmas.append(output.sigma.float().cpu().numpy())
            singles.append((single.mu.float().cpu().numpy(), single.sigma.float().cpu().numpy()))
        scores.append(_score(output).float().cpu().numpy())
        truth.append((batch.target.numpy(), batch.weight.numpy()))
    if not ids:  # fewer samples than workers
        return Compared(NOTHING, np.empty((0, 0, 0), np.float32), np.empty((0, 0, 0), np.float32))
    found = Predictions(
        np.concatenate(ids),
        np.concatenate(mus),
        np.concatenate(sigmas) if sigmas else None,
        np.concatenate(scores),
    )
    target, weight = (np.concatenate(part) for part in zip(*truth, strict=True))
    mu, sigma = (np.concatenate(part) for part in zip(*singles, strict=True)) if singles else (None, None)
    return Compared(found, target, weight, None if mu is None or sigma is None else (mu, sigma))


def _spread(shards: Sequence[Compared]) -> Spread | None:
    """Of all samples in the order of their ids, however many workers there were."""
    shards = [shard for shard in shards if len(shard.target)]
    found = _join([shard.predictions for shard in shards])
    target, weight = (np.concatenate([shard[part] for shard in shards]) for part in (1, 2))
    if target.shape != found.mu.shape:
        return None
    order = np.argsort(found.id, kind="stable")
    sigma = None if found.sigma is None else found.sigma[order]
    spread = measure_spread(found.mu[order] - target[order], sigma, weight[order])
    singles = [shard.single for shard in shards if shard.single is not None]
    if spread is None or not singles:
        return spread
    mu, scale = (np.concatenate(part)[order].astype(np.float64) for part in zip(*singles, strict=True))
    return replace(
        spread, single=measure_regions(mu - target[order], scale, weight[order].astype(np.float64))
    )


def _score(output: Output) -> Tensor:
    """(B, P): the model's own, or one minus the mean scale (Algorithm 2), or 1 where it has neither."""
    if output.score is not None:
        return output.score
    return torch.ones_like(output.mu[..., 0]) if output.sigma is None else 1 - output.sigma.mean(-1)


def _batches(data: Data, runtime: Runtime) -> Iterator[Batch]:
    mine = range(runtime.rank, len(data.val), runtime.world_size)
    for rows in batches(mine, data.val):
        yield data.val.__getitems__([(0, index) for index in rows])


def batches(rows: Sequence[int], split: Split) -> Iterator[Sequence[int]]:
    """The rows of a split in portions of at most `BATCH` samples and about `PIXELS` pixels."""
    if not rows:
        return
    height, width = split.size
    most = max(1, min(BATCH, PIXELS // (height * width)))
    for start in range(0, len(rows), most):
        yield rows[start : start + most]


def _join(shards: list[Predictions]) -> Predictions:
    shards = [shard for shard in shards if len(shard.id)]
    sigmas = [shard.sigma for shard in shards if shard.sigma is not None]
    return Predictions(
        np.concatenate([shard.id for shard in shards]),
        np.concatenate([shard.mu for shard in shards]),
        np.concatenate(sigmas) if sigmas else None,
        np.concatenate([shard.score for shard in shards]),
    )
