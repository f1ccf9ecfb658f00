"""Checkpoints: what they hold, and the one place where they are written and read."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

import torch
from pydantic import ValidationError
from torch import Tensor

from orchestrator.config.experiment import Experiment
from orchestrator.training.storage import Storage, UnusableStorageError
from orchestrator.util.errors import UserError
from orchestrator.util.mathematics import SCHEMA
from orchestrator.util.redact import redacted

FORMAT = 1
FILE = "checkpoint.pt"


class CheckpointError(UserError):
    """A checkpoint that can't be written, read or used; the message names it and says what to do."""


@dataclass(frozen=True)
class Progress:
    """How far a training is, and what was measured."""

    epoch: int = 0  # epochs done
    duration: float = 0.0  # seconds of training and evaluation
    metrics: dict[str, float] = field(default_factory=dict)  # the last value of each
    # Each quantity that left its limits: the last epoch in which it did, and its value there.
    warnings: dict[str, list[float]] = field(default_factory=dict)
    history: list[tuple[int, dict[str, float]]] = field(default_factory=list)  # epochs and their metrics

    def sentences(self) -> tuple[str, ...]:
        """The warnings, to be read."""
        return tuple(
            f"{name} = {value:.3g} in epoch {epoch}" for name, (epoch, value) in self.warnings.items()
        )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training after some epoch.

    Args:
        experiment: what is trained; a checkpoint alone says what it is.
        weights: of model and objective, named as in `TrainingModule`.
        progress: the epochs that are done.
        optimizers: the state of each optimizer; empty where training can't go on, as for imported weights.
        rng: the state of torch's generator; None likewise.
        schema: of the mathematics of the code that trained it.
    """

    experiment: Experiment
    weights: Mapping[str, Tensor]
    progress: Progress
    optimizers: tuple[dict[str, Any], ...] = ()
    rng: Tensor | None = None
    schema: int = SCHEMA

    @property
    def finished(self) -> bool:
        """Whether every epoch is done."""
        return self.progress.epoch >= self.experiment.schedule.epochs


@dataclass(frozen=True)
class Checkpoints:
    """The newest checkpoint of each experiment, by fingerprint.

    Args:
        storage: a folder, or a URI such as `s3://bucket/rle-lab`.
    """

    storage: str

    def path(self, fingerprint: str) -> str:
        """The file of one experiment, as a path or URI."""
        return Storage(self.storage).path(f"{fingerprint}/{FILE}")

    def save(self, checkpoint: Checkpoint, folder: str = "") -> None:
        """Replace a checkpoint as a whole: a reader sees the old one or the new one, never a part.

        Args:
            folder: that of its experiment's fingerprint where empty.

        Raises:
            CheckpointError: it can't be written, for want of space or rights, or the storage is no place that
                can be written to. The old one is untouched.
        """
        name = f"{folder or checkpoint.experiment.fingerprint()}/{FILE}"
        buffer = io.BytesIO()
        torch.save(_state(checkpoint), buffer)
        try:
            Storage(self.storage).write(name, buffer.getvalue())
        except OSError as error:
            problem = f"can't write the checkpoint ({error}). Free some space or name another place with "
            # The cause is never chained: its text may hold a key of the storage's address.
            raise _unusable(
                self.storage,
                name,
                error,
                f"{problem}--storage; the last checkpoint is intact.",
                code="not-written",
            ) from None

    def load(self, experiment: Experiment) -> Checkpoint | None:
        """The newest checkpoint of an experiment, on the CPU, or None where there is none.

        Raises:
            CheckpointError: the file is there but can't be read.
        """
        return _read(self.storage, f"{experiment.fingerprint()}/{FILE}", experiment=experiment)

    def load_finished(self, experiment: Experiment) -> Checkpoint:
        """The checkpoint of a finished training.

        Raises:
            CheckpointError: there is none, or of an unfinished training.
        """
        checkpoint = self.load(experiment)
        if checkpoint is None or not checkpoint.finished:
            raise CheckpointError(
                redacted(
                    f"{self.path(experiment.fingerprint())}: no finished training lies there, though one is "
                    "needed. Name the --storage that it was trained with, or train it again with --fresh.",
                    self.storage,
                ),
                code="not-trained",
            )
        return checkpoint

    def delete(self, fingerprint: str) -> None:
        """Delete the checkpoint of one experiment, if there is one.

        Raises:
            OSError: it can't be deleted.
        """
        Storage(self.storage).delete(f"{fingerprint}/{FILE}")

    def paths(self) -> list[str]:
        """Every checkpoint, as a path or URI.

        Raises:
            CheckpointError: the storage can't be read.
        """
        storage = Storage(self.storage)
        try:
            return [storage.path(f"{folder}/{FILE}") for folder in storage.folders_with(FILE)]
        except OSError as error:
            text = f"can't be read ({error}). Name another place with --storage."
            raise _unusable(self.storage, "", error, text, code="not-readable") from None


def read_checkpoint(path: str, *, weights: bool = True) -> Checkpoint:
    """The checkpoint in a file of any name, on the CPU.

    Args:
        path: a path, or a URI that pyarrow's file systems know.
        weights: whether they are read; without, tensors are on the device "meta" and hold nothing.

    Raises:
        CheckpointError: it is no checkpoint, or one that does not say of which experiment it is.
    """
    folder, _, name = path.rpartition("/")
    checkpoint = _read(folder or ("/" if path.startswith("/") else "."), name, weights=weights)
    if checkpoint is None:
        raise CheckpointError(
            redacted(f"{path}: no such file. Name a {FILE} or its folder.", path), code="no-checkpoint"
        )
    return checkpoint


def _state(checkpoint: Checkpoint) -> dict[str, Any]:
    """Tensors and plain values only, so that it loads with `weights_only`. Stores keep these names."""
    state: dict[str, Any] = {
        "format": FORMAT,
        "schema": checkpoint.schema,
        "experiment": checkpoint.experiment.model_dump_json(),
        "trainee": dict(checkpoint.weights),
    }
    if checkpoint.rng is not None:
        state |= {"optimisers": list(checkpoint.optimizers), "torch_rng": checkpoint.rng}
    return state | {"progress": json.dumps(asdict(checkpoint.progress))}


def _read(
    root: str, name: str, *, weights: bool = True, experiment: Experiment | None = None
) -> Checkpoint | None:
    """A checkpoint, of a known experiment or of the one that it names; None where there is no such file."""

    def refusal(problem: str, code: str) -> CheckpointError:
        return CheckpointError(redacted(f"{Storage(root).path(name)}: {problem}", root), code=code)

    try:
        with Storage(root).open(name) as stream:
            state = _load(stream, weights)
    except FileNotFoundError:
        return None
    except OSError as error:
        text = f"can't read the checkpoint ({error}). Mend it, or name another place with --storage."
        raise _unusable(root, name, error, text, code="not-readable") from None
    except Exception as error:  # torch raises many kinds for a file that isn't one of its own
        problem = f"not a readable checkpoint ({error}). Name a {FILE}, or delete this one to train afresh."
        raise refusal(problem, "not-a-checkpoint") from None
    if not isinstance(state, dict):
        raise refusal(f"not a checkpoint, but a {type(state).__name__}. Name a {FILE}.", "not-a-checkpoint")
    if state.get("format", FORMAT) != FORMAT:
        raise refusal("written by another version. Train it again with --fresh.", "other-version")
    if experiment is None and "experiment" not in state:
        raise refusal(
            "does not say of which experiment it is. Train it again with --fresh; weights that others "
            "trained are read by rle-lab import-checkpoint.",
            "no-experiment",
        )
    try:
        return _checkpoint(state, experiment or Experiment.model_validate_json(state["experiment"]))
    except (ValidationError, KeyError, ValueError, TypeError) as error:
        problem = f"its content is of another version ({error}). Train it again with --fresh."
        raise refusal(problem, "other-version") from error


def _checkpoint(state: Mapping[str, Any], experiment: Experiment) -> Checkpoint:
    return Checkpoint(
        experiment=experiment,
        weights=state["trainee"],
        progress=_progress(state["progress"]),
        optimizers=_optimizers(state),
        rng=state.get("torch_rng"),
        schema=int(state.get("schema", 1)),
    )


def _load(stream: BinaryIO, weights: bool) -> Any:
    if weights:
        return torch.load(io.BytesIO(stream.read()), map_location="cpu", weights_only=True)
    return torch.load(stream, map_location="meta", weights_only=True)


def _progress(text: str) -> Progress:
    fields = json.loads(text)
    if "alarms" in fields:  # as older versions call them
        fields["warnings"] = fields.pop("alarms")
    return Progress(**{**fields, "epoch": int(fields["epoch"])})


def _optimizers(state: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    if "optimiser" in state:  # older versions have a single one
        return (state["optimiser"],)
    return tuple(state.get("optimisers", ()))


def _unusable(root: str, name: str, error: OSError, problem: str, code: str) -> CheckpointError:
    if isinstance(error, UnusableStorageError):
        text = f"--storage {root}: no place for checkpoints ({error})"
        return CheckpointError(redacted(text, root), code="no-storage")
    return CheckpointError(redacted(f"{Storage(root).path(name)}: {problem}", root), code=code)
