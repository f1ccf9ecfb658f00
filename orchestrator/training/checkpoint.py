"""Checkpoints: what they hold, and the one place where they are written and read."""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from models.weights_file import reason
from orchestrator.config.experiment import Experiment, ExperimentError, parse_experiment
from orchestrator.training.checkpoint_content import (
    ContentError,
    Progress,
    load_state,
    parse_optimizers,
    parse_progress,
    parse_weights,
)
from orchestrator.training.storage import Storage, UnusableStorageError
from orchestrator.util.errors import UserError
from orchestrator.util.mathematics import SCHEMA
from orchestrator.util.own_code import own_codes
from orchestrator.util.redact import redacted

FORMAT = 1
FILE = "checkpoint.pt"

AFRESH = "Train it again with --fresh"
REMEDIES = {
    "no-code": "Nothing is imported because a file asks for it",
    "not-a-checkpoint": f"Name a {FILE}, or delete this one to train afresh",
    "damaged": "Restore it from a copy, or delete it to train afresh",
    "no-experiment": f"{AFRESH}; weights that others trained are read by rle-lab import-checkpoint",
    "other-experiment": "Move it to the folder of its own fingerprint, or delete it to train afresh",
}
"""What to do about a file, by what is wrong with it; about all others, `AFRESH`."""


class CheckpointError(UserError):
    """A checkpoint that can't be written, read or used; the message names it and says what to do."""


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
        notes: what could not be checked of a file of an older version.
    """

    experiment: Experiment
    weights: Mapping[str, Tensor]
    progress: Progress
    optimizers: tuple[dict[str, Any], ...] = ()
    rng: Tensor | None = None
    schema: int = SCHEMA
    notes: tuple[str, ...] = ()

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
            CheckpointError: the file is there but can't be read, is damaged, or is of another experiment.
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
        CheckpointError: it is no checkpoint, is damaged, does not say of which experiment it is, or lies in
            the folder of another one's fingerprint.
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
        "fingerprint": checkpoint.experiment.fingerprint(),
        "trainee": dict(checkpoint.weights),
    }
    if checkpoint.rng is not None:
        state |= {"optimisers": list(checkpoint.optimizers), "torch_rng": checkpoint.rng}
    return state | {"progress": json.dumps(asdict(checkpoint.progress))}


def _read(
    root: str, name: str, *, weights: bool = True, experiment: Experiment | None = None
) -> Checkpoint | None:
    """A checkpoint, of a known experiment or of the one that it names; None where there is no such file."""
    path = Storage(root).path(name)

    def refusal(problem: str, code: str) -> CheckpointError:
        return CheckpointError(redacted(f"{path}: {problem}. {REMEDIES.get(code, AFRESH)}", root), code=code)

    try:
        with Storage(root).open(name) as stream:
            state = load_state(stream, weights=weights)
        return _parsed(state, path, experiment)
    except FileNotFoundError:
        return None
    except OSError as error:
        text = f"can't read the checkpoint ({error}). Mend it, or name another place with --storage."
        raise _unusable(root, name, error, text, code="not-readable") from None
    except ContentError as error:
        raise refusal(str(error), error.code) from None
    except ExperimentError as error:
        if error.code == "unknown-kind":
            raise refusal(str(error), "no-code") from None
        raise refusal(f"its experiment is of another version ({error})", "other-version") from error
    except (KeyError, ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise refusal(f"its content is of another version ({reason(error)})", "other-version") from error


def _parsed(state: Mapping[str, Any], path: str, wanted: Experiment | None) -> Checkpoint:
    """Raises ContentError, or what Python raises where a part is missing or of another form."""
    if state.get("format", FORMAT) != FORMAT:
        raise ContentError("written by another version", "other-version")
    experiment, notes = _experiment(state, path, wanted)
    optimizers, rng = parse_optimizers(state)
    weights, progress, schema = parse_weights(state), parse_progress(state), int(state.get("schema", 1))
    return Checkpoint(experiment, weights, progress, optimizers, rng, schema, notes)


def _experiment(
    state: Mapping[str, Any], path: str, wanted: Experiment | None
) -> tuple[Experiment, tuple[str, ...]]:
    """Of which experiment a checkpoint is, and what is to be said about that.

    Raises:
        ContentError: not of the one that is wanted or whose fingerprint its folder has, or it does not say.
        ExperimentError: what it says is of another version.
    """
    folder = path.split("/")[-2:][0]
    expected = wanted.fingerprint() if wanted else folder if re.fullmatch("[0-9a-f]{16}", folder) else None
    if "experiment" not in state and wanted is None:
        raise ContentError("does not say of which experiment it is", "no-experiment")
    if "fingerprint" not in state:  # as older versions wrote it
        return _older(state, path, wanted, expected)
    if expected is not None and state["fingerprint"] != expected:
        raise ContentError(f"it is of {state['fingerprint']}, not of {expected}", "other-experiment")
    if wanted is not None:
        return wanted, ()
    found = parse_experiment(state["experiment"])
    same = int(state.get("schema", 1)) != SCHEMA or found.fingerprint() == state["fingerprint"]
    if same or not (code := ", ".join(one.module for one in own_codes(found))):
        return found, ()
    return found, (f"{path}: {code} is not the code that trained it any more",)


def _older(
    state: Mapping[str, Any], path: str, wanted: Experiment | None, expected: str | None
) -> tuple[Experiment, tuple[str, ...]]:
    try:
        found = parse_experiment(state["experiment"])
    except (KeyError, ExperimentError):
        if wanted is None:
            raise
        return wanted, (f"{path} does not say of which experiment it is: its place was believed",)
    own = found.fingerprint()
    if wanted is not None and own != expected:
        raise ContentError(f"it is of {own}, not of {expected}", "other-experiment")
    if expected not in (None, own) and int(state.get("schema", 1)) == SCHEMA:
        return found, (f"{path} is of {own}, whatever its folder is called",)
    return wanted or found, ()


def _unusable(root: str, name: str, error: OSError, problem: str, code: str) -> CheckpointError:
    if isinstance(error, UnusableStorageError):
        text = f"--storage {root}: no place for checkpoints ({error})"
        return CheckpointError(redacted(text, root), code="no-storage")
    return CheckpointError(redacted(f"{Storage(root).path(name)}: {problem}", root), code=code)
