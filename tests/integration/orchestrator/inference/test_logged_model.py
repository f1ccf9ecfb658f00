"""A model that was logged to MLflow runs without this project's code, store and checkpoint."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrator.cli import export as command
from orchestrator.config.experiment import Experiment
from orchestrator.inference.export import Inference
from orchestrator.inference.model_store import load
from orchestrator.tracking.tracker import Tracker
from tests.support.errors import refused
from tests.support.tracked import TRIAL, client, train

ELSEWHERE = """
import sys
for name in ("orchestrator", "models", "datasets", "sweeps"):
    sys.modules[name] = None  # as where this project is not installed
import mlflow, numpy
found = mlflow.pyfunc.load_model(sys.argv[1]).predict(numpy.load(sys.argv[2]))
numpy.savez(sys.argv[3], **found)
"""


@pytest.fixture
def act() -> Callable[..., int]:
    def run(*line: object) -> int:
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers())
        parsed = parser.parse_args(["export", *map(str, line)])
        return parsed.act(parsed)

    return run


def test_a_logged_model_is_loaded_without_this_project(
    experiment: Experiment, save: Callable[..., Path], act: Callable[..., int], uri: str, tmp_path: Path
) -> None:
    checkpoint = save(experiment)
    expected = Inference(load(checkpoint).net).eval()
    trial = replace(TRIAL, fingerprint=experiment.fingerprint(), data_name="generated coco")
    with Tracker.open(uri, None) as tracker:
        train(tracker, trial)
    line = (checkpoint, "--mlflow", "--tracking-uri", uri, "--out", tmp_path / "model.onnx")
    assert act(*line) == act(*line) == 0  # again: there is one
    with Tracker.open(uri, None) as tracker:
        run_id = tracker.records()[trial.fingerprint].run_id
        run = client(tracker).get_run(run_id)
        (output,) = run.outputs.model_outputs
        model = client(tracker).get_logged_model(output.model_id)
        assert tracker.records()[trial.fingerprint].history["loss"] == ((1, 1.0), (2, 0.5), (3, 1 / 3))
    measured = {(one.key, one.value, one.dataset_name) for one in model.metrics}
    assert ("AP", 47.25, "generated coco val") in measured
    assert (model.source_run_id, model.params["row"], output.step) == (run_id, "3x64", 3)
    shutil.rmtree(checkpoint.parent)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, model.model_uri, tmp_path / "images.npy", tmp_path / "out.npz"],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_TRACKING_URI": uri, "PYTHONPATH": ""},
    )
    with torch.inference_mode():
        wanted = expected(torch.from_numpy(images))
    found = np.load(tmp_path / "out.npz")
    assert set(found) == set(wanted)
    for name, tensor in wanted.items():
        np.testing.assert_allclose(found[name], tensor.numpy(), atol=1e-4)


def test_a_model_whose_training_the_store_does_not_know_is_not_logged(
    experiment: Experiment, save: Callable[..., Path], act: Callable[..., int], uri: str, tmp_path: Path
) -> None:
    with refused("not-onnx"):
        act(save(experiment), "--mlflow", "--format", "torch")
    with Tracker.open(uri, None) as tracker:
        train(tracker)
    with refused("failed") as caught:
        act(save(experiment), "--mlflow", "--tracking-uri", uri, "--out", tmp_path / "model.onnx")
    assert experiment.fingerprint() in str(caught.value)
