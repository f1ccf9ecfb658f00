"""Checkpoints spoiled at random: what is read is whole, or a CheckpointError says what is wrong."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st

from orchestrator.config.experiment import Experiment
from orchestrator.training.checkpoint import Checkpoint, CheckpointError, Checkpoints, read_checkpoint
from orchestrator.training.checkpoint_content import Progress
from tests.support.fuzzing import fuzzed, tried
from tests.support.spoiling import ODD, damaged, spoiled

TENSORS = st.sampled_from(
    [
        torch.zeros(0), torch.full((3,), float("nan")), torch.zeros(3, dtype=torch.int64),
        torch.zeros(1).expand(10**6), torch.zeros(3).cfloat(), torch.eye(3).to_sparse(),
    ]
)  # fmt: skip


@pytest.fixture
def file(experiment: Experiment, tmp_path: Path) -> Path:
    folder = tmp_path
    progress = Progress(2, 1.5, {"loss": 0.5}, {"log_s": [1, 60.0]}, [(1, {"loss": 1.0})])
    optimizers = ({"state": {}, "param_groups": [{"lr": 0.1, "params": [0]}]},)
    Checkpoints(str(folder)).save(
        Checkpoint(experiment, {"w": torch.arange(3.0)}, progress, optimizers, torch.get_rng_state())
    )
    return folder / experiment.fingerprint() / "checkpoint.pt"


def sound(path: Path) -> None:
    for weights in (True, False):
        found, error = tried(lambda: read_checkpoint(str(path), weights=weights), CheckpointError)  # noqa: B023
        if found is None:
            assert error is not None
            assert str(path) in str(error)
            assert error.code
            assert len(str(error)) < 3000
        else:
            assert found.experiment.describe()
            assert isinstance(found.finished, bool)
            assert all(isinstance(sentence, str) for sentence in found.progress.sentences())


@fuzzed("checkpoints", 100, data=st.data())
def test_a_checkpoint_with_spoiled_bytes_is_whole_or_refused(file: Path, data: st.DataObject) -> None:
    other = file.with_name("other.pt")
    other.write_bytes(data.draw(damaged(file.read_bytes())))
    sound(other)


@fuzzed("checkpoints", 100, data=st.data())
def test_a_checkpoint_with_spoiled_fields_is_whole_or_refused(file: Path, data: st.DataObject) -> None:
    state: dict[Any, Any] = torch.load(file, weights_only=True)
    name = data.draw(st.sampled_from(sorted(state)))
    match data.draw(st.integers(0, 3)):
        case 0:
            del state[name]
        case 1 if name in ("experiment", "progress"):
            state[name] = data.draw(spoiled(json.loads(state[name])))
        case 2:
            state["trainee"] = {data.draw(st.sampled_from(["w", "", 3])): data.draw(TENSORS | ODD)}
        case _:
            state[name] = data.draw(ODD | TENSORS)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    other = file.with_name("other.pt")
    other.write_bytes(buffer.getvalue())
    sound(other)
