"""What a checkpoint's file holds, checked: intact, nothing but tensors and plain values, each of its kind."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import torch
from pydantic import NonNegativeInt, TypeAdapter
from torch import Tensor

from models.weights_file import reason
from orchestrator.training.regions import Regions


class ContentError(ValueError):
    """The file is no checkpoint, or is damaged; `code` tells which."""

    def __init__(self, problem: str, code: str) -> None:
        super().__init__(problem)
        self.code = code


@dataclass(frozen=True)
class Spread:
    """How wide errors are in units of sigma, measured on samples that the model was not trained on."""

    half_widths: tuple[float, ...]  # (D,) that hold `SHARE` of |error| / sigma
    coverage: float  # the share of errors that widths fitted on the other half of the samples hold
    samples: NonNegativeInt
    points: NonNegativeInt  # labelled ones of these samples
    regions: Regions | None = None  # None where there are too few labels
    single: Regions | None = None  # the same of single predictions, without the flip test


@dataclass(frozen=True)
class Progress:
    """How far a training is, and what was measured."""

    epoch: NonNegativeInt = 0  # epochs done
    duration: float = 0.0  # seconds of training and evaluation
    metrics: dict[str, float] = field(default_factory=dict)  # the last value of each
    # Each quantity that left its limits: the last epoch in which it did, and its value there.
    warnings: dict[str, list[float]] = field(default_factory=dict)
    history: list[tuple[int, dict[str, float]]] = field(default_factory=list)  # epochs and their metrics
    spread: Spread | None = None  # by the last evaluation, where there were labels and a predicted scale

    def sentences(self) -> tuple[str, ...]:
        """The warnings, to be read."""
        return tuple(
            f"{name} = {value:.3g} in epoch {int(epoch)}" for name, (epoch, value) in self.warnings.items()
        )


_PROGRESS = TypeAdapter(Progress)


def load_state(stream: BinaryIO, *, weights: bool = True) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU; without weights, tensors are on the device "meta".

    With them every byte is compared with the checksums that `torch.save` writes, which `torch.load` ignores.

    Raises:
        ContentError: the file is no checkpoint, or damaged. Nothing in it was run.
        OSError: it can't be read.
    """
    try:
        state = _intact(stream) if weights else torch.load(stream, map_location="meta", weights_only=True)
    except (OSError, ContentError):
        raise
    except Exception as error:  # torch raises many kinds for a file that isn't one of its own
        raise ContentError(f"not a readable checkpoint ({reason(error)})", "not-a-checkpoint") from None
    if not isinstance(state, dict):
        raise ContentError(f"not a checkpoint, but a {type(state).__name__}", "not-a-checkpoint")
    return state


def parse_weights(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of model and objective, by name.

    Raises:
        KeyError: there are none.
        ContentError: something else is among them, or a tensor claims to be larger than the file.
    """
    weights = state["trainee"]
    if not isinstance(weights, dict):
        raise ContentError(f"its weights are a {type(weights).__name__}", "wrong-content")
    for name, tensor in weights.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise ContentError(f"{name!r} among its weights is no named tensor", "wrong-content")
        if not holds_its_values(tensor):
            raise ContentError(
                f"{name} has the shape {tuple(tensor.shape)} without its values", "wrong-content"
            )
    return weights


def holds_its_values(tensor: Tensor) -> bool:
    """Whether each of its values lies in memory: crafted strides make petabytes of a few bytes."""
    if tensor.layout != torch.strided or tensor.is_quantized:
        return False
    return tensor.is_meta or tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()


def not_finite(weights: Mapping[str, Tensor]) -> str | None:
    """The name of a tensor with NaN or infinity, if there is one."""
    floats = (name for name, tensor in weights.items() if tensor.is_floating_point())
    return next((name for name in floats if not bool(torch.isfinite(weights[name]).all())), None)


def parse_progress(state: Mapping[str, Any]) -> Progress:
    """How far the training was.

    Raises:
        KeyError, TypeError, ValueError: it is not there, or of another form.
    """
    fields = json.loads(state["progress"])
    if "alarms" in fields:  # as older versions call them
        fields["warnings"] = fields.pop("alarms")
    if "epoch" not in fields:
        raise KeyError("epoch")
    progress = _PROGRESS.validate_python(fields)
    if any(len(pair) != 2 for pair in progress.warnings.values()):
        raise ValueError("a warning is an epoch and a value")
    return progress


def parse_optimizers(state: Mapping[str, Any]) -> tuple[tuple[dict[str, Any], ...], Tensor | None]:
    """The state of each optimizer and that of torch's generator, None where training can't go on.

    Raises:
        ContentError: they are something else.
    """
    # Older versions have a single optimizer.
    optimizers = (state["optimiser"],) if "optimiser" in state else state.get("optimisers", ())
    if not isinstance(optimizers, list | tuple) or not all(isinstance(one, dict) for one in optimizers):
        raise ContentError("its optimizers are none", "wrong-content")
    rng = state.get("torch_rng")
    if rng is not None and (not isinstance(rng, Tensor) or rng.dtype != torch.uint8):
        raise ContentError("the state of its generator is none", "wrong-content")
    return tuple(optimizers), rng


def _intact(stream: BinaryIO) -> Any:
    content = io.BytesIO(stream.read())
    with zipfile.ZipFile(content) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ContentError("not a checkpoint: parts of it are compressed", "not-a-checkpoint")
        if (entry := archive.testzip()) is not None:
            raise ContentError(f"damaged: {entry} does not have its checksum", "damaged")
    content.seek(0)
    return torch.load(content, map_location="cpu", weights_only=True)
