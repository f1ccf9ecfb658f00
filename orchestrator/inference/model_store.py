"""Trained models, found by file, folder, fingerprint or name. A checkpoint names its experiment."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from pyarrow import fs
from pydantic import ValidationError
from torch import nn

from orchestrator.config.experiment import Experiment
from orchestrator.jobs.describe import describe
from orchestrator.training.checkpoint import FORMAT, CheckpointError
from orchestrator.training.trainer import TrainingModule

FILE = "checkpoint.pt"

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Trained:
    """A model and what it was trained with, both in evaluation mode, on the CPU."""

    experiment: Experiment
    net: nn.Module  # what `experiment.model` builds
    objective: nn.Module  # what `experiment.objective` builds, the flow with it
    epochs: int  # done
    path: str

    @property
    def finished(self) -> bool:
        """Whether its training came to its end."""
        return self.epochs >= self.experiment.schedule.epochs


@dataclass(frozen=True)
class Entry:
    """A checkpoint in a storage, and the first words about it."""

    folder: str  # its fingerprint, unless it was renamed
    path: str
    name: str  # empty where the checkpoint does not say
    description: str

    def line(self) -> str:
        """For a list of what there is."""
        return f"  {self.folder}  {self.description}"


def load(path: str | Path) -> Trained:
    """The model in a checkpoint: a file, or a URI that pyarrow's file systems know.

    Raises:
        CheckpointError: it is no checkpoint, or one that does not say of which experiment it is.
    """
    where = str(path)
    state = _read(where, "cpu")
    experiment, epochs = _said(where, state)
    trainee = TrainingModule(experiment, pretrained=False)
    try:
        trainee.load_state_dict(state["trainee"])
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(
            f"{where}: its weights are not those of its experiment ({error}). Train it again with --fresh."
        ) from error
    trainee.eval()
    return Trained(experiment, trainee.model, trainee.objective, epochs, where)


def find(name: str, storage: str) -> str:
    """The checkpoint that a user means.

    Args:
        name: a checkpoint's file or URI, a folder that has a `checkpoint.pt`, or, of those in the storage,
            the first digits of a fingerprint or the first words of a run's name, such as "RLE 3x64 on coco".
        storage: a folder or URI, as in `Checkpoints`.

    Raises:
        CheckpointError: there is none, or several; the message lists them.
    """
    given = Path(name).expanduser()
    if "://" in name or given.is_file():
        return name if "://" in name else str(given)
    if (given / FILE).is_file():
        return str(given / FILE)
    paths = _checkpoints(storage)
    if len(by_folder := [path for path in paths if _folder(path).startswith(name.lower())]) == 1:
        return by_folder[0]  # without a look into all the others
    entries = [_entry(path) for path in by_folder or paths]
    meant = entries if by_folder else _called(name, entries)
    if len(meant) == 1:
        return meant[0].path
    code = "ambiguous-model" if meant else "no-such-model"
    raise CheckpointError(_which(name, storage, meant, entries), code=code)


def _called(name: str, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Those of that name, or else those whose names begin with it."""
    wanted = name.strip().lower()
    exactly = [entry for entry in entries if entry.name.lower() == wanted]
    return exactly or [entry for entry in entries if entry.name.lower().startswith(wanted)]


def _which(name: str, storage: str, meant: Sequence[Entry], entries: Sequence[Entry]) -> str:
    if not entries:
        return (
            f"{name}: no such checkpoint, and {storage} holds none. Name a checkpoint.pt, a folder with "
            "one, or the --storage of a sweep."
        )
    listed = "\n".join(
        entry.line() for entry in sorted(meant or entries, key=lambda entry: entry.description)
    )
    if meant:
        return f"{name}: {len(meant)} models match. Give the first digits of one of\n{listed}"
    return f"{name}: no such file or model. {storage} has\n{listed}"


def _checkpoints(storage: str) -> list[str]:
    """The path or URI of every checkpoint in a storage."""

    def look() -> list[str]:
        system, root = _locate(storage)
        found = system.get_file_info(fs.FileSelector(root, allow_not_found=True))
        folders = sorted(info.base_name for info in found if info.type == fs.FileType.Directory)
        kept = [name for name in folders if system.get_file_info(f"{root}/{name}/{FILE}").is_file]
        return [f"{storage.rstrip('/')}/{name}/{FILE}" for name in kept]

    return _reading(storage, look)


def _entry(path: str) -> Entry:
    """Reads no weights: the descriptions of a hundred models come at once."""
    try:
        experiment, epochs = _said(path, _read(path, "meta"))
    except CheckpointError:
        return Entry(_folder(path), path, "", "(of an unknown experiment)")
    name, wanted = describe(experiment), experiment.schedule.epochs
    size = "×".join(map(str, experiment.data.size))
    done = "" if epochs >= wanted else f", {epochs} of {wanted} epochs"
    return Entry(_folder(path), path, name, f"{name} (crops of {size}{done})")


def _folder(path: str) -> str:
    return path.split("/")[-2]


def _said(where: str, state: dict[str, Any]) -> tuple[Experiment, int]:
    """The experiment of a checkpoint, and how many epochs of it are done."""
    if "experiment" not in state:
        raise CheckpointError(
            f"{where}: does not say of which experiment it is. Train it again with --fresh; weights that "
            "others trained come in with rle-lab import-checkpoint."
        )
    try:
        return Experiment.model_validate_json(state["experiment"]), int(
            json.loads(state["progress"])["epoch"]
        )
    except (ValidationError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{where}: its experiment is of another version ({error}). Train it again with --fresh."
        ) from error


def _read(where: str, device: str) -> dict[str, Any]:
    """What a checkpoint holds; on the device "meta" without the weights themselves."""

    def read() -> Any:
        system, path = _locate(where)
        with system.open_input_file(path) as stream:
            return torch.load(stream, map_location=device, weights_only=True)

    state = _reading(where, read)
    if not isinstance(state, dict):
        raise CheckpointError(
            f"{where}: not a checkpoint, but a {type(state).__name__}. Name a checkpoint.pt."
        )
    if state.get("format", FORMAT) != FORMAT:
        raise CheckpointError(f"{where}: written by another version. Train it again with --fresh.")
    return state


def _reading(where: str, act: Callable[[], Result]) -> Result:
    try:
        return act()
    except Exception as error:  # torch raises many kinds for a file that isn't one of its own
        raise CheckpointError(
            f"{where}: can't be read ({error}). Name a checkpoint.pt or its folder."
        ) from error


def _locate(where: str) -> tuple[fs.FileSystem, str]:
    if "://" in where:
        system, path = fs.FileSystem.from_uri(where)
        return system, path
    return fs.LocalFileSystem(), str(Path(where).expanduser().absolute())
