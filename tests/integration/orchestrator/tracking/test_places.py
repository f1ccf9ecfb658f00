"""A store in a folder of any name, and one that was moved."""

import _thread
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Timer
from urllib.parse import unquote

import pytest

from orchestrator.tracking.tracker import Tracker, TrackingError
from orchestrator.tracking.uri import parse, sqlite_uri
from tests.support.errors import refused
from tests.support.tracked import TRIAL, client, declaration, train

SIGNS = "".join(sign for sign in map(chr, range(32, 127)) if sign != "/")


@pytest.mark.parametrize("name", ["exp#1", "a?b", "100%41", "é 日本", SIGNS])
def test_a_store_lies_in_the_folder_that_was_named_whatever_its_name(
    migrated: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    shutil.copyfile(migrated, folder / "mlflow.db")
    uri = sqlite_uri(folder / "mlflow.db")
    assert parse(uri, None).file == folder / "mlflow.db"
    with Tracker.open(uri, None) as tracker:
        train(tracker)
        tracker.declare(declaration())
    with Tracker.open(uri, None, create=False) as later:
        assert later.records()["abc123"].status == "finished"
        assert later.declarations("demo") == (declaration(),)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert list(folder.glob("artifacts/coco-demo/*/artifacts/experiment.json"))


def test_an_address_that_was_typed_means_the_file_that_it_names(tmp_path: Path) -> None:
    assert parse(f"sqlite:///{tmp_path}/exp#1/a.db", None).file == tmp_path / "exp#1" / "a.db"
    assert parse(f"sqlite:///{tmp_path}/a%20b/a.db", None).file == tmp_path / "a b" / "a.db"
    assert unquote(parse("sqlite:///b.db?timeout=3", None).uri).endswith("/b.db?timeout=3")


def test_a_store_that_was_moved_has_its_files_with_it(uri: str, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    shutil.move(tmp_path / "mlflow.db", old / "mlflow.db")
    with Tracker.open(sqlite_uri(old / "mlflow.db"), None) as tracker:
        train(tracker)
        tracker.declare(declaration())
    new = tmp_path / "new #1"
    old.rename(new)
    with Tracker.open(sqlite_uri(new / "mlflow.db"), None) as moved:
        assert moved.declarations("demo") == (declaration(),)
        moved.start(TRIAL)
        moved.declare(declaration(seeds=(0,)))
        run = client(moved).get_run(moved.records()["abc123"].run_id)
        assert run.info.artifact_uri.startswith((new / "artifacts").as_uri())
    assert not old.exists()


def test_a_store_that_was_moved_without_its_files_says_where_they_belong(uri: str, tmp_path: Path) -> None:
    with Tracker.open(uri, None) as tracker:
        train(tracker)
        tracker.declare(declaration())
    new = tmp_path / "new"
    new.mkdir()
    (tmp_path / "mlflow.db").rename(new / "mlflow.db")
    shutil.rmtree(tmp_path / "artifacts")
    with Tracker.open(sqlite_uri(new / "mlflow.db"), None) as moved:
        with refused("moved", TrackingError) as caught:
            moved.reserve([TRIAL.group])
        assert str(tmp_path / "artifacts") in str(caught.value)
        assert str(new / "artifacts") in str(caught.value)
        with refused("failed", TrackingError) as caught:
            moved.declarations("demo")
        assert "was moved" in str(caught.value)
    assert not (tmp_path / "artifacts").exists()


def test_ctrl_c_ends_the_wait_for_a_file_that_another_process_has_locked(uri: str, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it
    try:
        with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as other:
            other.execute("begin exclusive")
            Timer(0.3, _thread.interrupt_main).start()
            with pytest.raises(KeyboardInterrupt):
                Tracker.open(uri, None)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_another_process_has_locked_is_waited_for(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, create: bool
) -> None:
    monkeypatch.setattr("orchestrator.tracking.patience.SILENT", 0.01)
    monkeypatch.setattr("orchestrator.tracking.sqlite_file.PATIENCE", 0.01)
    with Tracker.open(uri, None) as tracker:
        train(tracker)
    said: list[str] = []
    with closing(
        sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("begin exclusive")
        with refused("unreachable", TrackingError) as caught:
            Tracker.open(uri, None, create=create, patience=0.1, say=said.append)
        assert str(caught.value).endswith("can't be reached: database is locked")
        assert f"waiting for the tracking store {uri}" in said[0]
        Timer(0.1, other.commit).start()
        with Tracker.open(uri, None, create=create, say=said.append) as later:
            assert later.records()["abc123"].status == "finished"


def test_a_store_whose_making_was_interrupted_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    def made_and_failed(self: MlflowClient, **_: int) -> None:
        (tmp_path / "a.db.part-2-journal").write_text("half-made")
        raise OSError("no room")

    uri = sqlite_uri(tmp_path / "a.db")
    (tmp_path / "a.db.part-1").write_text("left by a process that was killed")
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "search_experiments", made_and_failed)
        with refused("unreachable", TrackingError):
            Tracker.open(uri, None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.db.lock"]
    (tmp_path / "a.db").touch()  # as an interrupted command of another program may leave it
    with Tracker.open(uri, None) as tracker:
        train(tracker)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.db", "a.db.lock", "artifacts"]
