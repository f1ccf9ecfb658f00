"""What a checkpoint holds comes back, from older versions too; what is none is refused."""

import json
import os
import traceback
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.training.checkpoint import (
    FORMAT,
    Checkpoint,
    CheckpointError,
    Checkpoints,
    read_checkpoint,
)
from orchestrator.training.checkpoint_content import Progress
from tests.support.errors import refused


@pytest.fixture
def checkpoint(experiment: Experiment) -> Checkpoint:
    progress = Progress(
        2, 1.5, {"loss": 0.5}, warnings={"log_s": [1, 60.0]}, history=[(1, {"loss": 1.0}), (2, {"loss": 0.5})]
    )
    optimizers = ({"state": {}, "param_groups": [{"lr": 0.1, "params": [0]}]},)
    return Checkpoint(experiment, {"w": torch.arange(3.0)}, progress, optimizers, torch.get_rng_state())


def written(checkpoint: Checkpoint, folder: Path) -> Path:
    Checkpoints(str(folder)).save(checkpoint)
    return folder / checkpoint.experiment.fingerprint() / "checkpoint.pt"


def rewritten(file: Path, **changes: Any) -> str:
    """The file with other fields; None leaves one out."""
    state = torch.load(file, weights_only=True) | changes
    torch.save({name: value for name, value in state.items() if value is not None}, file)
    return str(file)


@pytest.mark.parametrize("as_uri", [False, True])
def test_what_was_saved_is_loaded(checkpoint: Checkpoint, tmp_path: Path, as_uri: bool) -> None:
    checkpoints = Checkpoints(tmp_path.as_uri() if as_uri else str(tmp_path))
    assert checkpoints.load(checkpoint.experiment) is None
    checkpoints.save(checkpoint)
    (path,) = checkpoints.paths()
    for loaded in (checkpoints.load(checkpoint.experiment), read_checkpoint(path)):
        assert loaded is not None
        assert loaded.experiment == checkpoint.experiment
        assert json.dumps(loaded.progress.history) == json.dumps(checkpoint.progress.history)
        assert loaded.progress.sentences() == ("log_s = 60 in epoch 1",)
        assert torch.equal(loaded.weights["w"], checkpoint.weights["w"])
        assert loaded.optimizers == checkpoint.optimizers
        assert loaded.rng is not None
    checkpoints.delete(checkpoint.experiment.fingerprint())
    checkpoints.delete(checkpoint.experiment.fingerprint())
    assert checkpoints.load(checkpoint.experiment) is None


def test_without_weights_nothing_of_them_is_read(checkpoint: Checkpoint, tmp_path: Path) -> None:
    loaded = read_checkpoint(str(written(checkpoint, tmp_path)), weights=False)
    assert loaded.experiment == checkpoint.experiment
    assert loaded.weights["w"].is_meta


def test_an_unfinished_training_is_not_taken_for_a_finished_one(
    checkpoint: Checkpoint, experiment: Experiment, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(str(tmp_path))
    for save in (False, True):
        if save:
            checkpoints.save(checkpoint)
        with refused("not-trained", CheckpointError):
            checkpoints.load_finished(experiment)
    shorter = vary(experiment, schedule=vary(experiment.schedule, epochs=2))
    checkpoints.save(Checkpoint(shorter, checkpoint.weights, checkpoint.progress))
    assert checkpoints.load_finished(shorter).finished


def test_checkpoints_of_older_versions_are_read(checkpoint: Checkpoint, tmp_path: Path) -> None:
    file = written(checkpoint, tmp_path)
    progress = json.dumps({"epoch": 1, "alarms": {"log_s": [1, 60.0]}})
    rewritten(file, optimisers=None, optimiser={"param_groups": []}, progress=progress, format=None)
    loaded = read_checkpoint(str(file))
    assert loaded.optimizers == ({"param_groups": []},)
    assert loaded.progress.warnings == {"log_s": [1, 60.0]}


def test_of_an_experiment_that_is_known_the_file_need_not_say_it(
    checkpoint: Checkpoint, experiment: Experiment, tmp_path: Path
) -> None:
    path = rewritten(written(checkpoint, tmp_path), experiment=None)
    loaded = Checkpoints(str(tmp_path)).load(experiment)
    assert loaded is not None
    assert loaded.experiment == experiment
    with refused("no-experiment", CheckpointError):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": FORMAT + 1},
        {"experiment": '{"kind": "of the future"}'},
        {"progress": "{}"},
        {"trainee": None},
    ],
)
def test_a_checkpoint_of_another_version_is_refused(
    checkpoint: Checkpoint, tmp_path: Path, change: dict[str, Any]
) -> None:
    path = rewritten(written(checkpoint, tmp_path), **change)
    with refused("other-version", CheckpointError) as caught:
        read_checkpoint(path)
    assert path in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_a_broken_file_is_named(checkpoint: Checkpoint, tmp_path: Path, content: bytes) -> None:
    file = written(checkpoint, tmp_path)
    file.write_bytes(content)
    with refused("not-a-checkpoint", CheckpointError) as caught:
        Checkpoints(str(tmp_path)).load(checkpoint.experiment)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [{"format": 1, "run": os.system}, [torch.zeros(1)]])
def test_a_pickle_with_code_and_anything_but_a_checkpoint_are_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "other.pt")
    with refused("not-a-checkpoint", CheckpointError):
        read_checkpoint(str(tmp_path / "other.pt"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with refused("no-checkpoint", CheckpointError):
        read_checkpoint(str(tmp_path / "absent.pt"))


def test_a_checkpoint_that_can_not_be_written_names_the_remedy(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with refused("not-written", CheckpointError) as caught:
        Checkpoints(str(tmp_path / "file")).save(checkpoint)
    assert "--storage" in str(caught.value)


@pytest.mark.parametrize(
    "storage",
    [
        "nope://key:pa55word@bucket/lab",
        "s3://key:pa55word@/no bucket",
        "file://key:pa55word@localhost/lab",
        "nope://bucket/lab?secret_key=pa55word",
    ],
)
def test_no_message_tells_what_opens_the_storage(storage: str, checkpoint: Checkpoint) -> None:
    checkpoints = Checkpoints(storage)
    for work in (lambda: checkpoints.load(checkpoint.experiment), lambda: checkpoints.save(checkpoint)):
        with refused("no-storage", CheckpointError) as caught:
            work()
        assert "pa55word" not in "".join(traceback.format_exception(caught.value)).replace(storage, "")
        assert "pa55word" not in str(caught.value)


def test_a_storage_that_can_not_be_read_is_named_without_its_key(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise OSError("ACCESS_DENIED for pa55word at s3://key:pa55word@bucket")

    system = type("System", (), {"open_input_file": denied})
    monkeypatch.setattr("orchestrator.training.storage._locate", lambda _: (system(), "lab"))
    with refused("not-readable", CheckpointError) as caught:
        Checkpoints("s3://key:pa55word@bucket/lab").load(experiment)
    where = f"s3://bucket/lab/{experiment.fingerprint()}/checkpoint.pt"
    assert f"{where}: can't read the checkpoint (ACCESS_DENIED for ***" in str(caught.value)
    assert caught.value.__cause__ is None


def test_every_damaged_byte_is_found_or_changes_nothing(checkpoint: Checkpoint, tmp_path: Path) -> None:
    file = written(checkpoint, tmp_path)
    intact = file.read_bytes()
    for place in range(0, len(intact), max(1, len(intact) // 400)):
        file.write_bytes(intact[:place] + bytes([intact[place] ^ 0x41]) + intact[place + 1 :])
        with suppress(CheckpointError):
            loaded = read_checkpoint(str(file))
            assert torch.equal(loaded.weights["w"], checkpoint.weights["w"])
            assert (loaded.experiment, loaded.progress) == (checkpoint.experiment, checkpoint.progress)
    file.write_bytes(intact)
    assert read_checkpoint(str(file)).notes == ()


def test_flipped_bytes_among_the_weights_are_damage(checkpoint: Checkpoint, tmp_path: Path) -> None:
    file = written(checkpoint, tmp_path)
    weights = checkpoint.weights["w"].numpy().tobytes()
    content = file.read_bytes()
    assert weights in content
    file.write_bytes(content.replace(weights, weights[:-2] + b"\x01\x02"))
    with refused("damaged", CheckpointError) as caught:
        Checkpoints(str(tmp_path)).load(checkpoint.experiment)
    assert str(file) in str(caught.value)


def test_a_checkpoint_of_another_experiment_is_refused_at_each_load(
    checkpoint: Checkpoint, experiment: Experiment, tmp_path: Path
) -> None:
    other = vary(experiment, seed=1)
    file = written(checkpoint, tmp_path)
    moved = tmp_path / other.fingerprint() / "checkpoint.pt"
    moved.parent.mkdir()
    file.rename(moved)
    for load in (Checkpoints(str(tmp_path)).load, Checkpoints(str(tmp_path)).load_finished):
        with refused("other-experiment", CheckpointError) as caught:
            load(other)
        assert experiment.fingerprint() in str(caught.value)
        assert other.fingerprint() in str(caught.value)
    with refused("other-experiment", CheckpointError):
        read_checkpoint(str(moved))


def test_of_older_files_it_is_said_what_could_not_be_compared(
    checkpoint: Checkpoint, experiment: Experiment, tmp_path: Path
) -> None:
    file, other = written(checkpoint, tmp_path), vary(experiment, seed=1)
    rewritten(file, fingerprint=None)
    loaded = Checkpoints(str(tmp_path)).load(experiment)
    assert loaded is not None
    assert loaded.notes == ()
    moved = tmp_path / other.fingerprint() / "checkpoint.pt"
    moved.parent.mkdir()
    moved.write_bytes(file.read_bytes())
    with refused("other-experiment", CheckpointError):
        Checkpoints(str(tmp_path)).load(other)
    assert len(read_checkpoint(str(moved)).notes) == 1
    for nothing in (None, '{"kind": "of the past"}'):
        rewritten(moved, experiment=nothing)
        unknown = Checkpoints(str(tmp_path)).load(other)
        assert unknown is not None
        assert unknown.experiment == other
        assert len(unknown.notes) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"trainee": {3: torch.zeros(1)}},
        {"trainee": {"w": 3.0}},
        {"trainee": [torch.zeros(1)]},
        {"trainee": {"w": torch.zeros(1).expand(10**15)}},
        {"trainee": {"w": torch.zeros(3).to_sparse()}},
        {"optimisers": [3]},
        {"optimisers": "none"},
        {"torch_rng": 3},
        {"torch_rng": torch.zeros(4)},
    ],
)
def test_content_of_another_kind_is_refused(checkpoint: Checkpoint, tmp_path: Path, change) -> None:
    path = rewritten(written(checkpoint, tmp_path), **change)
    with refused("wrong-content", CheckpointError) as caught:
        read_checkpoint(path)
    assert path in str(caught.value)


STRANGE_PROGRESS = [
    "[]",
    "{" * 10**5,
    '{"epoch": -1}',
    '{"epoch": 1e999}',
    '{"epoch": 1, "warnings": {"x": []}}',
    3,
]


@pytest.mark.parametrize("progress", STRANGE_PROGRESS)
def test_progress_that_is_none_is_refused(checkpoint: Checkpoint, tmp_path: Path, progress: object) -> None:
    path = rewritten(written(checkpoint, tmp_path), progress=progress)
    with refused("other-version", CheckpointError):
        read_checkpoint(path)


def test_compressed_parts_are_not_unpacked(checkpoint: Checkpoint, tmp_path: Path) -> None:
    file = written(checkpoint, tmp_path)
    with zipfile.ZipFile(file) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    with refused("not-a-checkpoint", CheckpointError):
        read_checkpoint(str(file))


@pytest.mark.parametrize("name", ["format", "schema", "experiment", "fingerprint", "progress"])
def test_a_tensor_in_place_of_a_plain_value_is_refused(
    checkpoint: Checkpoint, tmp_path: Path, name: str
) -> None:
    path = rewritten(written(checkpoint, tmp_path), **{name: torch.zeros(0)})
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert caught.value.code
