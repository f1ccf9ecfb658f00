"""Files are replaced as a whole."""

import os
import resource
import signal
import time
from pathlib import Path

import pytest

from orchestrator.training.storage import ABANDONED, Storage, UnusableStorageError

NAME = "abc/checkpoint.pt"


def read(storage: Storage) -> bytes:
    with storage.open(NAME) as stream:
        return stream.read()


@pytest.fixture(params=["folder", "uri"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return Storage(str(tmp_path) if request.param == "folder" else tmp_path.as_uri())


def test_what_was_written_is_read_until_it_is_deleted(storage: Storage) -> None:
    storage.delete(NAME)
    with pytest.raises(FileNotFoundError):
        read(storage)
    storage.write(NAME, b"first")
    storage.write(NAME, b"second")
    assert read(storage) == b"second"
    storage.delete(NAME)
    with pytest.raises(FileNotFoundError):
        read(storage)


def test_folders_are_listed_by_the_file_that_they_hold(storage: Storage, tmp_path: Path) -> None:
    assert Storage(f"{storage.root}/absent").folders_with("checkpoint.pt") == []
    for name in ("b/checkpoint.pt", "a/checkpoint.pt", "c/other.pt"):
        storage.write(name, b"")
    assert storage.folders_with("checkpoint.pt") == ["a", "b"]


def test_a_failed_write_leaves_the_old_file_and_no_partial_one(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    storage.write(NAME, b"old")
    # The limit makes the operating system refuse the write half-way, as a full disk does.
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            storage.write(NAME, bytes(400_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert read(storage) == b"old"
    assert [path.name for path in (tmp_path / "abc").iterdir()] == ["checkpoint.pt"]


def test_what_killed_writers_left_is_removed_and_what_another_writes_now_is_not(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    storage.write(NAME, b"first")
    old, new = (tmp_path / "abc" / f"checkpoint.pt.{name}.part" for name in ("old", "new"))
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * ABANDONED.total_seconds(),) * 2)
    storage.write(NAME, b"second")
    assert sorted(path.name for path in (tmp_path / "abc").iterdir()) == ["checkpoint.pt", new.name]


def test_an_address_of_no_storage_is_refused() -> None:
    with pytest.raises(UnusableStorageError):
        Storage("nope://bucket/lab").write(NAME, b"")
