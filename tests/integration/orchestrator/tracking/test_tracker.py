"""A store is opened, shared, and away for a while; no message tells its password."""

import multiprocessing
import os
import shutil
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.tracking.tracker import Tracker, TrackingError
from orchestrator.tracking.uri import parse
from tests.support.errors import refused
from tests.support.tracked import SECRET, client, train


def test_artifacts_lie_at_an_absolute_place_wherever_the_process_stands(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(migrated, tmp_path / "my store.db")
    monkeypatch.chdir(tmp_path)
    with Tracker.open("sqlite:///my store.db", Path("arti facts")) as opened:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        train(opened)
        opened.flush()
        assert list(elsewhere.iterdir()) == []
    assert [path.name for path in (tmp_path / "arti facts").rglob("*.json")] == ["experiment.json"]


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("mlruns", "not-a-store"),
        ("file:///tmp/mlruns", "not-a-store"),
        ("sqlite://", "not-a-store"),
        ("ftp://host/x", "not-a-store"),
        ("postgresql://host/db", "no-artifacts"),
        ("http://127.0.0.1:9", "unreachable"),
        ("sqlite:////proc/nowhere/mlflow.db", "unreachable"),
    ],
)
def test_a_wrong_address_is_named(uri: str, code: str) -> None:
    with refused(code, TrackingError) as caught:
        Tracker.open(uri, None)
    assert uri in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        f"http://user:{SECRET}@127.0.0.1:9",
        f"ftp://user:{SECRET}@host",
        f"postgresql://user:{SECRET}@host/db",
        f"postgresql://user:{SECRET}@127.0.0.1:9/db?password={SECRET}",
        "http://user:pa55%77ord@127.0.0.1:9",
    ],
)
def test_no_message_tells_a_password(uri: str, tmp_path: Path) -> None:
    with pytest.raises(TrackingError) as caught:
        Tracker.open(uri, tmp_path if uri.endswith(SECRET) else None)
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    assert "pa55%77ord" not in text
    assert "user" not in str(caught.value)


def test_a_password_in_the_stores_own_words_is_hidden() -> None:
    place = parse(f"postgresql://user:{SECRET}@host/db?sslkey=k3y", Path("/artifacts"))
    text = f"connection to postgresql://user:{SECRET}@host/db?sslkey=k3y as {SECRET} with k3y failed"
    assert place.hide(text) == "connection to postgresql://host/db?*** as *** with *** failed"


def test_no_message_of_a_lost_write_tells_a_password(tracker: Tracker, tmp_path: Path) -> None:
    tracker._uri = parse(f"http://user:{SECRET}@host:5000", None)

    def away(*_: Any, **__: Any) -> None:
        raise OSError(f"http://user:{SECRET}@host:5000/api is away")

    tracker._patience = 0.0
    client(tracker).search_runs = client(tracker).search_experiments = away
    with pytest.raises(TrackingError) as caught:
        tracker.records()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "http://host:5000" in str(caught.value)


def test_a_store_that_is_away_for_a_while_loses_nothing(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.tracking.write_queue.FIRST_PAUSE", 0.01)
    calls = {"failed": 0}
    for name in ("create_run", "log_batch", "log_text", "set_terminated"):
        monkeypatch.setattr(client(tracker), name, flaky(getattr(client(tracker), name), 2, calls))
    train(tracker)
    tracker.flush()
    record = tracker.records()["abc123"]
    assert calls["failed"] == 7  # two each; the run that was made in spite of the error is found again
    assert (record.status, record.history["loss"]) == ("finished", ((1, 1.0), (2, 0.5), (3, 1 / 3)))
    assert len(client(tracker).search_runs([client(tracker).get_run(record.run_id).info.experiment_id])) == 1


def flaky(work: Callable[..., Any], failures: int, calls: dict[str, int]) -> Callable[..., Any]:
    """`work` that is done, but answered by an error, as many times: what a cut connection looks like."""
    left = [failures]

    def call(*args: Any, **kwargs: Any) -> Any:
        answer = work(*args, **kwargs)
        if left[0]:
            left[0] -= 1
            calls["failed"] += 1
            raise ConnectionError("the answer was lost")
        return answer

    return call


def test_what_can_not_be_written_is_named_once(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = Tracker.open(uri, None, patience=0.0)
    tracker.epoch("nobody", 1, {"loss": 1.0})
    with refused("not-written", TrackingError) as caught:
        tracker.flush()
    assert "epoch 1 of nobody" in str(caught.value)
    tracker.flush()
    tracker.tag("nobody", {"a": "b"})
    with refused("not-written", TrackingError) as caught:
        tracker.close()
    assert "tags of nobody" in str(caught.value)


def test_an_error_within_is_not_replaced_by_what_was_lost(uri: str) -> None:
    tracker = Tracker.open(uri, None)
    tracker.tag("nobody", {"a": "b"})
    with pytest.raises(ZeroDivisionError) as caught, tracker:
        raise ZeroDivisionError
    assert "tags of nobody" in caught.value.__notes__[0]


def open_and_close(uri: str) -> None:
    Tracker.open(uri, None).close()


def test_processes_that_create_a_store_at_once_can_all_use_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    processes = [context.Process(target=open_and_close, args=(uri,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with sqlite3.connect(tmp_path / "new" / "mlflow.db") as database:
        assert database.execute("select count(*) from alembic_version").fetchone() == (1,)


def test_mlflow_reports_nothing_home_and_prints_no_address(tracker: Tracker) -> None:
    from mlflow.telemetry import get_telemetry_client

    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"
    assert get_telemetry_client() is None
