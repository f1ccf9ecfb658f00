"""Trained models as MLflow's logged models: an ONNX file that `mlflow.pyfunc` runs without this project."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.tracking import reader
from orchestrator.tracking.channel import Channel
from orchestrator.tracking.patience import PermanentError

REQUIRED = ("numpy", "onnx", "onnxruntime")
"""What a logged model needs beside MLflow."""


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """A trained model in a file.

    Args:
        fingerprint: of its training.
        name: to be read, such as "rle-3x64-on-coco-seed-0", without / : . % and quotes.
        file: the ONNX file, of one input.
        example: pictures that it takes, (B, H, W, 3) or whatever it is made for; B may be any other number.
        about: what its users need to know, a few short texts.
    """

    fingerprint: str
    name: str
    file: Path
    example: NDArray[np.uint8]
    about: Mapping[str, str] = field(default_factory=dict)


class ModelWriter:
    """Logs models to the runs that trained them."""

    def __init__(self, channel: Channel, client: Any) -> None:
        self._channel, self._client = channel, client

    def log(self, model: ExportedModel) -> str:
        """Log a model to the finished run of its training, with a signature, an input example and that run's
        metrics. A run that has one keeps it.

        Returns:
            the model's address, `models:/ID`.

        Raises:
            TrackingError: the store has no finished run of it, or can't be written.
        """
        return self._channel.call(f"logging the model {model.name}", lambda: self._log(model))

    def _log(self, model: ExportedModel) -> str:
        found = reader.of_fingerprint(self._client, model.fingerprint)
        if not found or found[-1].info.status != "FINISHED":
            raise PermanentError(
                f"there is no finished run of {model.fingerprint} in it. Name the store of its sweep with "
                "--tracking-uri"
            )
        run = self._client.get_run(found[-1].info.run_id)
        identity = self._logged(run) or self._make(model, run)
        return f"models:/{identity}"

    def _logged(self, run: Any) -> str:
        """The id of the model that a run has; empty where it has none."""
        for output in run.outputs.model_outputs if run.outputs else ():
            if str(self._client.get_logged_model(output.model_id).status) == "READY":
                return str(output.model_id)
        return ""

    def _make(self, model: ExportedModel, run: Any) -> str:
        made = self._client.create_logged_model(
            run.info.experiment_id,
            model.name,
            run.info.run_id,
            tags={"fingerprint": model.fingerprint},
            params=dict(run.data.params),
            model_type="regressor",
        )
        try:
            with TemporaryDirectory() as folder:
                _save(model, Path(folder) / "model", made.model_id, run.info.run_id)
                self._client.log_model_artifacts(made.model_id, str(Path(folder) / "model"))
            self._client.finalize_logged_model(made.model_id, "READY")
        except Exception:
            with suppress(Exception):
                self._client.finalize_logged_model(made.model_id, "FAILED")
            raise
        self._link(run, made.model_id)
        return str(made.model_id)

    def _link(self, run: Any, identity: str) -> None:
        """The model is the run's; what the run measured last, on its validation data, is the model's too."""
        from mlflow.entities import LoggedModelOutput, Metric

        step = reader.counted(run.data.tags, "epoch")
        self._client.log_outputs(run.info.run_id, [LoggedModelOutput(identity, step)])
        on = {}
        for one in run.inputs.dataset_inputs if run.inputs else ():
            if any(tag.value == "validation" for tag in one.tags):
                on = {"dataset_name": one.dataset.name, "dataset_digest": one.dataset.digest}
        last = [self._client.get_metric_history(run.info.run_id, name)[-1] for name in run.data.metrics]
        points = [Metric(p.key, p.value, p.timestamp, p.step, model_id=identity, **on) for p in last]
        self._client.log_batch(run.info.run_id, points)


def _save(model: ExportedModel, folder: Path, identity: str, run_id: str) -> None:
    """Write a model in MLflow's format: a file in ONNX and what says how to run it, no code."""
    import mlflow.onnx
    import onnx
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    content = onnx.load(model.file)
    # A name would make MLflow ask for a dictionary of one array.
    taken = [TensorSpec(model.example.dtype, (-1, *model.example.shape[1:]))]
    given = [TensorSpec(np.dtype(np.float32), _shape(one), one.name) for one in content.graph.output]
    mlflow.onnx.save_model(
        content,
        str(folder),
        mlflow_model=Model(run_id=run_id, model_id=identity),
        signature=ModelSignature(Schema(taken), Schema(given)),
        input_example=model.example,
        pip_requirements=[f"{name}=={version(name)}" for name in REQUIRED],
        onnx_execution_providers=["CPUExecutionProvider"],
        metadata=dict(model.about),
        save_as_external_data=False,
    )


def _shape(output: Any) -> tuple[int, ...]:
    """Of one of a model's outputs; -1 where it is the number of pictures."""
    sizes = output.type.tensor_type.shape.dim
    return tuple(size.dim_value if size.HasField("dim_value") else -1 for size in sizes)
