"""Predictions of a model for a validation set, with the flip test, and their metrics."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from datasets.contract import Data, Pairs, Predictions
from datasets.crop import flip_points, swap_pairs
from orchestrator.runtime import Runtime

BATCH = 128


@torch.inference_mode()
def predict(model: nn.Module, image: Tensor, pairs: Pairs | None) -> tuple[Tensor, ...]:
    """Coordinates and scale of a batch; with `pairs`, averaged over the picture and its mirror image.

    Args:
        model: a built regressor in eval mode.
        image: uint8 (B, H, W, 3).
        pairs: points that change places in the mirror, or None for no flip test.

    Returns:
        mu (B, P, D), and sigma (B, P, D) where the model has a scale.
    """
    mu, sigma = model(image)
    if pairs is not None:
        mirrored, mirrored_sigma = model(image.flip(2))
        mu = (mu + flip_points(mirrored, pairs, image.shape[2])) / 2
        sigma = None if sigma is None else (sigma + swap_pairs(mirrored_sigma, pairs)) / 2
    return (mu,) if sigma is None else (mu, sigma)


def evaluate(model: nn.Module, data: Data, runtime: Runtime, *, bf16: bool = False) -> dict[str, float]:
    """The benchmark's metrics on the validation set, on rank 0; an empty dict on the others.

    Each worker predicts every world_size-th sample, so that none is counted twice.
    """
    was_training = model.training
    model.eval()
    shards = runtime.gather(_predict_shard(model, data, runtime, bf16))
    model.train(was_training)
    return data.metrics(_join(shards)) if runtime.rank == 0 else {}


def _predict_shard(model: nn.Module, data: Data, runtime: Runtime, bf16: bool) -> Predictions:
    ids: list[np.ndarray] = []
    mus: list[np.ndarray] = []
    sigmas: list[np.ndarray] = []
    for image, sample_ids in _images(data, runtime):
        with torch.autocast(runtime.device.type, torch.bfloat16, enabled=bf16):
            mu, *sigma = predict(model, image.to(runtime.device), data.flip_pairs)
        ids.append(sample_ids)
        mus.append(mu.float().cpu().numpy())
        sigmas.extend(s.float().cpu().numpy() for s in sigma)
    mu_all = np.concatenate(mus)
    sigma_all = np.concatenate(sigmas) if sigmas else None
    # Algorithm 2: confidence is one minus the mean scale; without a scale every point is as sure as another.
    score = np.ones(mu_all.shape[:2], np.float32) if sigma_all is None else 1 - sigma_all.mean(2)
    return Predictions(np.concatenate(ids), mu_all, sigma_all, score.astype(np.float32))


def _images(data: Data, runtime: Runtime) -> Iterator[tuple[Tensor, np.ndarray]]:
    mine = range(runtime.rank, len(data.val), runtime.world_size)
    for start in range(0, len(mine), BATCH):
        batch = data.val.__getitems__([(0, index) for index in mine[start : start + BATCH]])
        yield batch.image, batch.id.numpy()


def _join(shards: list[Predictions]) -> Predictions:
    sigmas = [shard.sigma for shard in shards if shard.sigma is not None]
    return Predictions(
        np.concatenate([shard.id for shard in shards]),
        np.concatenate([shard.mu for shard in shards]),
        np.concatenate(sigmas) if sigmas else None,
        np.concatenate([shard.score for shard in shards]),
    )
