"""What is trained, as one module, and its weights from a checkpoint.

Shapes: B batch, P points, D coordinates, H W pixels.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from models.interface import LossInputs
from models.losses import LossModule
from orchestrator.config.experiment import Experiment
from orchestrator.training.checkpoint import AFRESH, Checkpoint, CheckpointError
from orchestrator.training.checkpoint_content import not_finite
from orchestrator.util.redact import redacted


class TrainingModule(nn.Module):
    """Model and objective as one module whose forward is the loss, so that data parallelism averages
    the flow's gradients with all others."""

    def __init__(self, experiment: Experiment, *, pretrained: bool, bf16: bool = False) -> None:
        super().__init__()
        self.model = experiment.model.build(experiment.output_spec, pretrained)
        self.objective: LossModule = experiment.objective.build(experiment.data.dim)
        self.bf16 = bf16  # of the trunk
        self.seed = experiment.seed

    def forward(self, image: Tensor, target: Tensor, weight: Tensor, step: int) -> Any:
        """image uint8 (B, H, W, 3), target and weight (B, P, D) -> Loss(loss, parts)."""
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.bf16):
            output = self.model(image)
        return self.objective(
            output.mu,
            output.sigma,
            target,
            weight,
            step=step,
            seed=self.seed,
            heatmap=output.heatmap,
            context=output.context,
        )

    def watch(self, watch: Callable[[LossModule, LossInputs], None]) -> None:
        """Have a function called before each loss, with what it is computed from."""
        self.objective.register_forward_pre_hook(
            lambda loss, given, named: watch(loss, LossInputs(*given, **named)), with_kwargs=True
        )


def restored(checkpoint: Checkpoint, path: str) -> TrainingModule:
    """The module of a checkpoint with its weights, on the CPU.

    Args:
        path: where it lies, for messages.

    Raises:
        CheckpointError: the weights are not those of its experiment, or not finite.
    """
    check_finite(checkpoint, path)
    _check_alike(checkpoint, path)
    module = TrainingModule(checkpoint.experiment, pretrained=False)
    load_weights(module, checkpoint, path)
    return module


def check_finite(checkpoint: Checkpoint, path: str) -> None:
    """Raises CheckpointError where a weight is NaN or infinite."""
    if (name := not_finite(checkpoint.weights)) is not None:
        text = f"{path}: {name} among its weights is not finite. {AFRESH}."
        raise CheckpointError(redacted(text), code="not-finite")


def _check_alike(checkpoint: Checkpoint, path: str) -> None:
    """Before anything is built: an experiment may claim more than memory holds; its weights are there."""
    with torch.device("meta"):
        wanted = TrainingModule(checkpoint.experiment, pretrained=False).state_dict()
    found = checkpoint.weights
    others = [name for name in {**wanted, **found} if _form(wanted.get(name)) != _form(found.get(name))]
    if others:
        text = f"{path}: its weights are not those of its experiment ({', '.join(others[:3])}). {AFRESH}."
        raise CheckpointError(redacted(text), code="other-weights")


def _form(tensor: Tensor | None) -> tuple[torch.Size, torch.dtype] | None:
    return None if tensor is None else (tensor.shape, tensor.dtype)


def load_weights(module: TrainingModule, checkpoint: Checkpoint, path: str) -> None:
    """Raises CheckpointError where the weights are not those of the module."""
    try:
        module.load_state_dict(checkpoint.weights)
    except RuntimeError as error:
        raise CheckpointError(
            redacted(f"{path}: its weights are not those of its experiment ({error}). {AFRESH}."),
            code="other-weights",
        ) from error
