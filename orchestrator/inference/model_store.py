"""Trained models, found by file, folder, fingerprint or name. A checkpoint names its experiment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from orchestrator.config.experiment import Experiment
from orchestrator.jobs.labels import distinct_names
from orchestrator.training.checkpoint import FILE, CheckpointError, Checkpoints, read_checkpoint
from orchestrator.training.checkpoint_content import Spread
from orchestrator.training.module import restored
from orchestrator.util.mathematics import SCHEMA
from orchestrator.util.redact import redacted


@dataclass(frozen=True, eq=False)
class Trained:
    """A model and what it was trained with, both in evaluation mode, on the CPU."""

    experiment: Experiment
    net: nn.Module  # what `experiment.model` builds
    objective: nn.Module  # what `experiment.objective` builds, the flow with it
    epochs: int  # done
    path: str
    spread: Spread | None = None  # as its last evaluation measured it
    notes: tuple[str, ...] = ()  # about the file, to be said

    @property
    def finished(self) -> bool:
        """Whether its training came to its end."""
        return self.epochs >= self.experiment.schedule.epochs


@dataclass(frozen=True)
class Entry:
    """A checkpoint in a storage, and the first words about it."""

    folder: str  # its fingerprint, unless it was renamed
    path: str
    experiment: Experiment | None  # None where the checkpoint does not name it
    about: str
    name: str = ""  # empty without an experiment

    @property
    def description(self) -> str:
        return f"{self.name} {self.about}".strip()

    def line(self) -> str:
        """For a list of what there is."""
        return f"  {self.folder}  {self.description}"


def load(path: str | Path) -> Trained:
    """The model in a checkpoint: a file, or a URI that pyarrow's file systems know.

    Raises:
        CheckpointError: it is no checkpoint, is damaged, or does not say of which experiment it is.
    """
    checkpoint = read_checkpoint(str(path))
    module = restored(checkpoint, str(path)).eval()
    progress = checkpoint.progress
    return Trained(
        checkpoint.experiment,
        module.model,
        module.objective,
        progress.epoch,
        str(path),
        progress.spread,
        checkpoint.notes,
    )


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
    paths = Checkpoints(storage).paths()
    if len(by_folder := [path for path in paths if _folder(path).startswith(name.lower())]) == 1:
        return by_folder[0]  # without a look into all the others
    entries = _named([_entry(path) for path in by_folder or paths])
    meant = entries if by_folder else _called(name, entries)
    if len(meant) == 1:
        return meant[0].path
    raise _ambiguous(name, meant) if meant else _unknown(name, storage, entries)


def _called(name: str, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Those of that name, or that describe themselves so, or else those whose names begin with it."""
    wanted = name.strip().lower()
    for exact in (
        [e for e in entries if e.name.lower() == wanted],
        [e for e in entries if _said(e) == wanted],
    ):
        if exact:
            return exact
    return [e for e in entries if e.name.lower().startswith(wanted) or _said(e).startswith(wanted)]


def _said(entry: Entry) -> str:
    return "" if entry.experiment is None else entry.experiment.describe().lower()


def _named(entries: Sequence[Entry]) -> list[Entry]:
    """With names that tell those apart which describe themselves alike."""
    known = [entry for entry in entries if entry.experiment is not None]
    names = distinct_names([entry.experiment for entry in known if entry.experiment is not None])
    renamed = {entry.path: name for entry, name in zip(known, names, strict=True)}
    return [replace(entry, name=renamed.get(entry.path, "")) for entry in entries]


def _ambiguous(name: str, meant: Sequence[Entry]) -> CheckpointError:
    text = f"{name}: {len(meant)} models match. Give the first digits of one of\n{_list(meant)}"
    return CheckpointError(text, code="ambiguous-model")


def _unknown(name: str, storage: str, entries: Sequence[Entry]) -> CheckpointError:
    text = f"{name}: no such file or model. {storage} has\n{_list(entries)}"
    if not entries:
        text = (
            f"{name}: no such checkpoint, and {storage} holds none. Name a {FILE}, a folder with one, or the "
            "--storage of a sweep."
        )
    return CheckpointError(redacted(text, storage), code="no-such-model")


def _list(entries: Sequence[Entry]) -> str:
    return "\n".join(entry.line() for entry in sorted(entries, key=lambda entry: entry.description))


def _entry(path: str) -> Entry:
    """Reads no weights: the descriptions of a hundred models come at once."""
    try:
        checkpoint = read_checkpoint(path, weights=False)
    except CheckpointError:
        return Entry(_folder(path), path, None, "(of an unknown experiment)")
    experiment, epochs = checkpoint.experiment, checkpoint.progress.epoch
    size = "×".join(map(str, experiment.data.size))
    done = "" if checkpoint.finished else f", {epochs} of {experiment.schedule.epochs} epochs"
    older = "" if checkpoint.schema == SCHEMA else ", by older code"
    precision = experiment.schedule.precision
    return Entry(_folder(path), path, experiment, f"(crops of {size}, {precision}{done}{older})")


def _folder(path: str) -> str:
    return path.split("/")[-2]
