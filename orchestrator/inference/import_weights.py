"""Weights of the authors or of mmpose, as a checkpoint of this project."""

from pathlib import Path

from datasets.base.pose_data import as_poses
from datasets.union import DataConfig, benchmarks
from models.errors import WeightsError
from models.import_weights import Imported, convert, read
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.training.checkpoint import Checkpoint, CheckpointError, Checkpoints
from orchestrator.training.checkpoint_content import Progress

UNKNOWN = Schedule(epochs=1, batch=1)
"""Weights do not tell how they were trained."""


def import_file(file: Path, out: Path) -> Experiment:
    """Write `out/checkpoint.pt` from a file of the authors' or mmpose's weights.

    Its experiment has the model and the size of crops; its schedule has no meaning. It can be used,
    and started from, but not trained on: there is no state of an optimiser.

    Raises:
        CheckpointError: the file holds no such weights, or the checkpoint can't be written.
    """
    try:
        imported = convert(read(file))
    except WeightsError as error:
        named = str(error) if str(file) in str(error) else f"{file}: {error}"
        raise CheckpointError(named, code=error.code) from error
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
