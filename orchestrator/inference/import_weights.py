"""Weights of the authors or of mmpose, as a checkpoint of this project."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from datasets.base.pose_data import as_poses
from datasets.io.errors import DataError
from datasets.union import DataConfig, benchmarks
from models.errors import WeightsError
from models.import_weights import Imported, convert
from models.weights_file import read
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.inference.model_store import load
from orchestrator.inference.outputs import check_replaceable
from orchestrator.training.checkpoint import FILE, Checkpoint, CheckpointError, Checkpoints, read_checkpoint
from orchestrator.training.checkpoint_content import Progress

UNKNOWN = Schedule(epochs=1, batch=1)
"""Weights do not tell how they were trained."""


Said = Literal["settings", "option", "nobody"]


@dataclass(frozen=True)
class ImportedModel:
    """What was imported, and who said how large its crops are."""

    experiment: Experiment
    size_by: Said


def import_file(file: Path, out: Path, size: tuple[int, int] | None = None) -> ImportedModel:
    """Write `out/checkpoint.pt` from a file of the authors' or mmpose's weights, and load it once.

    Its experiment has the model and the size of crops; its schedule has no meaning. It can be used,
    and started from, but not trained on: there is no state of an optimiser.

    Args:
        size: (H, W) of crops; as the file's settings say if None, or else as the benchmark has them.

    Raises:
        CheckpointError: the file holds no such weights, or the checkpoint can't be written or used.
        DataError: something lies there that is no earlier import.
    """
    target = out / FILE
    _check_replaceable(target, file)
    try:
        saved = read(file)
        imported = convert(saved.state)
    except WeightsError as error:
        named = str(error) if str(file) in str(error) else f"{file}: {error}"
        raise CheckpointError(named, code=error.code) from error
    found, said = _size(file, size, saved.sizes)
    experiment = _experiment(file, imported, found)
    weights = {
        **{f"model.{name}": tensor for name, tensor in imported.model_state.items()},
        **{f"objective.{name}": tensor for name, tensor in imported.objective_state.items()},
    }
    checkpoint = Checkpoint(experiment, weights, Progress(epoch=UNKNOWN.epochs))
    Checkpoints(str(out.parent)).save(checkpoint, out.name)
    try:
        load(target)
    except CheckpointError:
        target.unlink()
        raise
    return ImportedModel(experiment, said)


def _size(
    file: Path, size: tuple[int, int] | None, sizes: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int] | None, Said]:
    if size is not None:
        return size, "option"
    if len(sizes) > 1:
        named = " and ".join(f"{height} {width}" for height, width in sizes)
        text = f"{file}: its settings name crops of several sizes ({named}). Name the right one with --size."
        raise CheckpointError(text, code="ambiguous-size")
    return (sizes[0], "settings") if sizes else (None, "nobody")


def _check_replaceable(target: Path, file: Path) -> None:
    """Raises DataError unless nothing lies there, or what was imported before."""
    check_replaceable(target, target.suffix, [file])
    if not target.exists():
        return
    try:
        there = read_checkpoint(str(target), weights=False).experiment.schedule
    except CheckpointError:
        there = None
    if there != UNKNOWN:
        problem = "lies there already and is no earlier import"
        raise DataError(target, problem, remedy="Name another folder with --out", code="would-overwrite")


def _experiment(file: Path, imported: Imported, size: tuple[int, int] | None) -> Experiment:
    data = _benchmark(file, imported)
    try:
        if size is not None:
            data = data.varied(size=size)
        return Experiment(data=data, model=imported.model, objective=imported.objective, schedule=UNKNOWN)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        crops = "×".join(map(str, size or data.size))
        text = f"{file}: no model for crops of {crops} ({reason}). Name others with --size."
        raise CheckpointError(text, code="impossible-size") from error


def _benchmark(file: Path, imported: Imported) -> DataConfig:
    # Told apart by points and coordinates; crops of 256×192 or 256×256.
    poses = [data for data in benchmarks() if as_poses(data)]
    for data in poses:
        if (data.points, data.dim) == (imported.points, imported.dim):
            return data
    known = ", ".join(f"{data.points} in {data.dim}-D ({data.name})" for data in poses)
    raise CheckpointError(
        f"{file}: a model of {imported.points} points in {imported.dim}-D. What can be imported has {known}.",
        code="other-points",
    )
