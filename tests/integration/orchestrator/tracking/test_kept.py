"""What a store that is away or full does not take is kept on disk and sent by the next command."""

import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator.tracking.tracker import Tracker, TrackingError
from tests.support.errors import refused
from tests.support.tracked import SECRET, TRIAL, client, train

WRITING = ("create_run", "log_batch", "log_text", "set_terminated", "update_run", "set_tag")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("orchestrator.tracking.write_queue.LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("orchestrator.tracking.write_queue.FULL", 0.2)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def away(*_: Any, **__: Any) -> None:
    raise ConnectionError(f"http://u:{SECRET}@host is away")


def go_away(tracker: Tracker) -> None:
    for name in (*WRITING, "search_runs", "get_run"):
        setattr(client(tracker), name, away)


def fill(tracker: Tracker) -> None:
    """As MLflow tells it; reading still works."""

    def full(*_: Any, **__: Any) -> None:
        error = RuntimeError(
            "(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT INTO tags ...]"
        )
        error.error_code = "TEMPORARILY_UNAVAILABLE"  # type: ignore[attr-defined]
        raise error

    for name in (*WRITING, "create_experiment"):
        setattr(client(tracker), name, full)


def kept(folder: Path) -> list[Path]:
    return list((folder / "unsent").glob("*"))


def kept_at_home(folder: Path) -> list[Path]:
    return list((folder / "home/.cache/rle-lab/unsent").glob("*/*"))


@pytest.mark.parametrize("before", ["start", "epoch 2", "end"])
def test_a_run_is_not_finished_before_all_of_it_has_arrived(uri: str, tmp_path: Path, before: str) -> None:
    said: list[str] = []
    tracker = Tracker.open(uri, None, patience=0.3, say=said.append)
    if before == "start":
        go_away(tracker)
    tracker.start(TRIAL)
    tracker.epoch("abc123", 1, {"loss": 1.0})
    if before == "epoch 2":
        tracker.flush()
        go_away(tracker)
    tracker.epoch("abc123", 2, {"loss": 0.5})
    if before == "end":
        tracker.flush()
        go_away(tracker)
    tracker.finish("abc123", "finished", {"AP": 47.0}, 1.0)
    with refused("away", TrackingError):
        tracker.flush()
    with refused("kept", TrackingError) as caught:
        tracker.close()
    (file,) = kept(tmp_path)
    assert str(file) in str(caught.value)
    assert SECRET not in file.read_text() + " ".join(said)
    assert file.stat().st_mode & 0o077 == 0
    with Tracker.open(uri, None, say=said.append) as later:
        assert "earlier command kept" in said[-1]
        record = later.records()["abc123"]
        assert (record.status, record.metrics["AP"]) == ("finished", 47.0)
        assert record.history["loss"] == ((1, 1.0), (2, 0.5))
    assert kept(tmp_path) == []


def test_what_another_command_has_finished_since_is_left_as_it_is(uri: str, tmp_path: Path) -> None:
    tracker = Tracker.open(uri, None, patience=0.2)
    go_away(tracker)
    train(tracker)
    with refused("kept", TrackingError):
        tracker.close()
    (file,) = kept(tmp_path)
    text = file.read_text()
    file.unlink()
    with Tracker.open(uri, None) as other:
        train(other, epochs=1)
    file.write_text(text)
    with Tracker.open(uri, None) as later:
        assert later.records()["abc123"].history["loss"] == ((1, 1.0),)
    assert kept(tmp_path) == []


def test_ctrl_c_keeps_what_was_not_sent_within_seconds(uri: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Tracker.open(uri, None) as tracker:  # noqa: PT012
        go_away(tracker)
        train(tracker)
        began = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - began < 10
    assert len(kept(tmp_path)) == 1


def test_a_kept_file_that_can_not_be_read_is_named_and_stays(uri: str, tmp_path: Path) -> None:
    (tmp_path / "unsent").mkdir()
    damaged = tmp_path / "unsent" / "a.jsonl"
    damaged.write_text("{")
    said: list[str] = []
    Tracker.open(uri, None, say=said.append).close()
    assert str(damaged) in " ".join(said)
    assert damaged.exists()


def test_what_a_full_disk_does_not_take_is_kept_at_home_and_the_store_can_still_be_read(
    uri: str, tmp_path: Path
) -> None:
    (tmp_path / "unsent").write_text("a file in its place")
    said: list[str] = []
    tracker = Tracker.open(uri, None, say=said.append)
    tracker.start(TRIAL)
    tracker.epoch("abc123", 1, {"loss": 1.0})
    tracker.flush()
    fill(tracker)
    tracker.epoch("abc123", 2, {"loss": 0.5})
    tracker.finish("abc123", "finished", {"AP": 47.0}, 1.0)
    with refused("kept", TrackingError) as caught:
        tracker.flush()
    (file,) = kept_at_home(tmp_path)
    assert str(file) in str(caught.value)
    assert "its disk is full: free some space there" in str(caught.value)
    assert "SQL" not in str(caught.value)
    assert tracker.records()["abc123"].status == "running"
    with refused("failed", TrackingError) as caught:
        tracker.reserve(["another"])
    assert "SQL" not in str(caught.value)
    tracker.close()
    with Tracker.open(uri, None, say=said.append) as later:
        record = later.records()["abc123"]
        assert (record.status, record.metrics["AP"]) == ("finished", 47.0)
        assert record.history["loss"] == ((1, 1.0), (2, 0.5))
    assert kept_at_home(tmp_path) == []


def test_where_nothing_can_be_kept_either_it_is_said(uri: str, tmp_path: Path) -> None:
    (tmp_path / "unsent").write_text("a file in its place")
    (tmp_path / "home").write_text("another")
    tracker = Tracker.open(uri, None, patience=0.2)
    go_away(tracker)
    train(tracker)
    with refused("kept", TrackingError) as caught:
        tracker.close()
    assert "could not be kept" in str(caught.value)
