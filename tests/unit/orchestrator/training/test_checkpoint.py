import os
import resource
import signal
import time
import traceback
from pathlib import Path

import pytest
import torch

from orchestrator.training.checkpoint import ABANDONED, CheckpointError, Checkpoints


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


def test_what_killed_writers_left_is_removed_and_what_another_writes_now_is_not(tmp_path: Path) -> None:
    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.save("abc", {"epoch": 1})
    old, new = (tmp_path / "abc" / f"checkpoint.pt.{name}.part" for name in ("old", "new"))
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * ABANDONED.total_seconds(),) * 2)
    checkpoints.save("abc", {"epoch": 2})
    assert sorted(path.name for path in (tmp_path / "abc").iterdir()) == ["checkpoint.pt", new.name]


@pytest.mark.parametrize(
    "storage",
    [
        "nope://key:pa55word@bucket/lab",
        "s3://key:pa55word@/no bucket",
        "file://key:pa55word@localhost/lab",
        "nope://bucket/lab?secret_key=pa55word",
    ],
)
def test_no_message_tells_what_opens_the_storage(storage: str) -> None:
    checkpoints = Checkpoints(storage)
    for work in (lambda: checkpoints.load("abc"), lambda: checkpoints.save("abc", {})):
        with pytest.raises(CheckpointError, match=r"--storage .*no place for checkpoints") as caught:
            work()
        assert "pa55word" not in "".join(traceback.format_exception(caught.value)).replace(storage, "")
        assert "pa55word" not in str(caught.value)


def test_a_storage_that_can_not_be_read_is_named_without_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise OSError("ACCESS_DENIED for pa55word at s3://key:pa55word@bucket")

    system = type("System", (), {"get_file_info": denied, "create_dir": denied})
    monkeypatch.setattr(Checkpoints, "_locate", lambda *_: (system(), "lab"))
    with pytest.raises(CheckpointError) as caught:
        Checkpoints("s3://key:pa55word@bucket/lab").load("abc")
    assert "s3://bucket/lab/abc/checkpoint.pt: can't read the checkpoint (ACCESS_DENIED for ***" in str(
        caught.value
    )
    assert caught.value.__cause__ is None
