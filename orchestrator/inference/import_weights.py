"""Weights that others trained, as a checkpoint of ours."""

from pathlib import Path

from datasets.coco.config import CocoFolder, CocoKeypoints
from datasets.human36m.config import Human36MFolder, Human36MPose
from datasets.mpii.config import MpiiFolder, MpiiPose
from models.backbones import WeightsError
from models.import_weights import Imported, convert, read
from orchestrator.config.experiment import DataConfig, Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.training.checkpoint import Checkpoint, CheckpointError, Checkpoints, Progress

BENCHMARKS: tuple[DataConfig, ...] = (
    CocoKeypoints(source=CocoFolder()),
    MpiiPose(source=MpiiFolder()),
    Human36MPose(source=Human36MFolder()),
)
"""What these models are trained on, told apart by points and coordinates; crops of 256×192 or 256×256."""

UNKNOWN = Schedule(epochs=1, batch=1)
"""Weights do not say how they were trained."""


def adopt(file: Path, out: Path) -> Experiment:
    """Write `out/checkpoint.pt` from a file of the authors' or mmpose's weights.

    Its experiment says what the model is and what its crops are; the schedule means nothing. It can be used,
    and started from, but not trained on: there is no state of an optimiser.

    Raises:
        CheckpointError: the file holds no such weights, or the checkpoint can't be written.
    """
    try:
        imported = convert(read(file))
    except WeightsError as error:
        named = str(error) if str(file) in str(error) else f"{file}: {error}"
        raise CheckpointError(named, code="not-weights") from error
    experiment = Experiment(
        data=_benchmark(file, imported), model=imported.model, objective=imported.objective, schedule=UNKNOWN
    )
    weights = {
        **{f"model.{name}": tensor for name, tensor in imported.model_state.items()},
        **{f"objective.{name}": tensor for name, tensor in imported.objective_state.items()},
    }
    checkpoint = Checkpoint(experiment, weights, Progress(epoch=UNKNOWN.epochs))
    Checkpoints(str(out.parent)).save(checkpoint, out.name)
    return experiment


def _benchmark(file: Path, imported: Imported) -> DataConfig:
    for data in BENCHMARKS:
        if (data.points, data.dim) == (imported.points, imported.dim):
            return data
    known = ", ".join(f"{data.points} in {data.dim}-D ({data.name})" for data in BENCHMARKS)
    raise CheckpointError(
        f"{file}: a model of {imported.points} points in {imported.dim}-D. What can be imported has {known}.",
        code="unknown-benchmark",
    )
