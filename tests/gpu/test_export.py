"""What was trained on a GPU leaves it: exported models compute what the trained one does."""

from pathlib import Path

import pytest
import torch

from datasets.contract import Data
from orchestrator.config.experiment import Experiment
from orchestrator.inference.export import TOLERANCE, Form, export
from orchestrator.inference.model_store import load
from orchestrator.training.checkpoint import Checkpoints
from orchestrator.training.runtime import SingleProcess
from orchestrator.training.trainer import fit

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("form", ["torch", "onnx"])
def test_a_model_trained_on_a_gpu_is_exported(
    experiment: Experiment, toy: Data, device: torch.device, tmp_path: Path, form: Form
) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    checkpoints = Checkpoints(str(tmp_path))
    fit(experiment, toy, SingleProcess(device), checkpoints)
    trained = load(checkpoints.path(experiment.fingerprint()))
    image = toy.val.__getitems__([(0, index) for index in range(4)]).image
    differences = export(trained, form, tmp_path / f"model.{form}", image)
    assert differences.keys() == {"mu", "sigma", "score"}
    assert max(differences.values()) <= TOLERANCE
