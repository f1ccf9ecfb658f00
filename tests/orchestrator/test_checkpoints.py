import os
import resource
import signal
from pathlib import Path

import pytest
import torch

from orchestrator.checkpoints import CheckpointError, Checkpoints


@pytest.fixture(params=["folder", "uri"])
def checkpoints(request: pytest.FixtureRequest, tmp_path: Path) -> Checkpoints:
    return Checkpoints(str(tmp_path) if request.param == "folder" else tmp_path.as_uri())


def test_what_was_saved_is_loaded(checkpoints: Checkpoints) -> None:
    checkpoints.save("abc", {"weights": torch.arange(3.0), "epoch": 2})
    state = checkpoints.load("abc")
    assert state is not None
    assert state["epoch"] == 2
    assert torch.equal(state["weights"], torch.arange(3.0))


def test_nothing_saved_is_none_and_nothing_deleted_is_fine(checkpoints: Checkpoints) -> None:
    assert checkpoints.load("abc") is None
    checkpoints.delete("abc")
    checkpoints.save("abc", {})
    checkpoints.delete("abc")
    assert checkpoints.load("abc") is None


def test_a_failed_write_leaves_the_old_checkpoint_and_no_litter(tmp_path: Path) -> None:
    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.save("abc", {"epoch": 1})
    # The limit makes the operating system refuse the write half-way, as a full disk does.
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(CheckpointError, match=r"can't write the checkpoint.*--storage"):
            checkpoints.save("abc", {"weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert checkpoints.load("abc") == {"epoch": 1}
    assert [path.name for path in (tmp_path / "abc").iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.save("abc", {})
    (tmp_path / "abc" / "checkpoint.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt"):
        checkpoints.load("abc")


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "abc").mkdir()
    torch.save({"format": 1, "run": os.system}, tmp_path / "abc" / "checkpoint.pt")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        Checkpoints(str(tmp_path)).load("abc")
