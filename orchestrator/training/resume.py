"""A training goes on from a checkpoint as if it had not been interrupted."""

from collections.abc import Sequence
from typing import Any

import torch

from orchestrator.training.checkpoint import AFRESH, Checkpoint, CheckpointError
from orchestrator.training.checkpoint_content import Progress
from orchestrator.training.module import TrainingModule, load_weights
from orchestrator.util.redact import redacted


def resume(
    checkpoint: Checkpoint, module: TrainingModule, optimizers: Sequence[torch.optim.Optimizer], path: str
) -> Progress:
    """Give model, objective, optimizers and torch's generator the checkpoint's state.

    Args:
        path: of its file, for errors.

    Raises:
        CheckpointError: training can't go on from it.
    """
    load_weights(module, checkpoint, path)
    try:
        for optimizer, state in zip(optimizers, checkpoint.optimizers, strict=True):
            _load_optimizer(optimizer, state)
        if checkpoint.rng is None:
            raise ValueError("without the state of the generator")
        torch.set_rng_state(checkpoint.rng)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        problem = f"training can't go on from this checkpoint, whose optimizers are others ({error})"
        raise CheckpointError(redacted(f"{path}: {problem}. {AFRESH}."), code="other-optimizers") from error
    return checkpoint.progress


def _load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Raises KeyError or ValueError where the state is that of another optimizer."""
    wanted = [set(group) for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for settings, group in zip(wanted, optimizer.param_groups, strict=True):
        if missing := settings - group.keys():
            raise KeyError(f"without {', '.join(sorted(missing))}")
