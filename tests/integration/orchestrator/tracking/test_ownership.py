"""On a store that others use too, only this project's runs are touched, and each by its own process alone."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.tracking.tracker import Tracker, TrackingError
from tests.support.errors import refused
from tests.support.tracked import TRIAL, client, declaration, train


def theirs(tracker: Tracker, name: str, **tags: str) -> tuple[str, Any]:
    """An experiment of others and a run in it."""
    experiment = client(tracker).create_experiment(name, tags={"mlflow.note.content": "mine"})
    return experiment, client(tracker).create_run(experiment, tags=tags).info.run_id


@pytest.mark.parametrize("name", ["coco-demo", "tables"])
def test_an_experiment_of_others_is_never_taken_over(tracker: Tracker, uri: str, name: str) -> None:
    experiment, run_id = theirs(tracker, name)
    with refused("name-taken", TrackingError) as caught:
        tracker.reserve([TRIAL.group]) if name == TRIAL.group else tracker.declare(declaration())
    assert name in str(caught.value)
    assert "--experiment-prefix" in str(caught.value)
    assert client(tracker).get_experiment(experiment).tags == {"mlflow.note.content": "mine"}
    with Tracker.open(uri, None, prefix="lab-") as prefixed:
        train(prefixed)
        prefixed.declare(declaration())
        assert prefixed.end_abandoned() == ()
    assert client(tracker).get_run(run_id).info.status == "RUNNING"
    assert tracker.records()["abc123"].status == "finished"  # found without the prefix
    assert tracker.declarations("demo") == (declaration(),)


def test_a_run_of_others_in_an_experiment_of_this_project_is_left_alone(tracker: Tracker) -> None:
    train(tracker)
    experiment = client(tracker).get_run(tracker.records()["abc123"].run_id).info.experiment_id
    run_ids = [
        client(tracker).create_run(experiment, tags=tags).info.run_id
        for tags in ({}, {"fingerprint": "f"}, {"fingerprint": "f", "writer": "me", "alive": "x"})
    ]
    assert tracker.end_abandoned() == ()
    assert {client(tracker).get_run(run_id).info.status for run_id in run_ids} == {"RUNNING"}


def test_a_run_that_another_process_writes_is_left_to_it(tracker: Tracker, uri: str) -> None:
    tracker.start(TRIAL)
    tracker.epoch("abc123", 1, {"loss": 1.0})
    tracker.flush()
    mine = tracker.records()["abc123"].run_id
    with Tracker.open(uri, None) as other:
        assert other.end_abandoned() == ()
        other.start(TRIAL)
        other.flush()
        tracker.finish("abc123", "finished", {"AP": 1.0}, 1.0)
        tracker.flush()
    record = tracker.records()["abc123"]  # what finished counts, not what was interrupted
    assert (record.run_id, record.status, record.metrics["AP"]) == (mine, "finished", 1.0)


def test_a_run_that_was_taken_over_is_not_written_to_or_ended(tracker: Tracker, uri: str) -> None:
    with Tracker.open(uri, None) as first:
        first.start(TRIAL)
        first.flush()
        run_id = tracker.records()["abc123"].run_id
        client(tracker).set_tag(run_id, "writer", "elsewhere 1 1.0 token")
        first.epoch("abc123", 1, {"loss": 1.0})
        with refused("not-written", TrackingError) as caught:
            first.flush()
        assert "another process" in str(caught.value)
    run = client(tracker).get_run(run_id)
    assert (run.info.status, run.data.metrics) == ("RUNNING", {})


def test_a_run_deleted_by_hand_costs_itself_alone(uri: str, tracker: Tracker) -> None:
    with Tracker.open(uri, None) as writing:
        for fingerprint in ("abc123", "other"):
            writing.start(replace(TRIAL, fingerprint=fingerprint))
        writing.flush()
        client(tracker).delete_run(tracker.records()["abc123"].run_id)
        for fingerprint in ("abc123", "other"):
            writing.epoch(fingerprint, 1, {"loss": 1.0})
            writing.finish(fingerprint, "finished", {}, 1.0)
        with refused("not-written", TrackingError) as caught:
            writing.flush()
        assert TRIAL.name in str(caught.value)
        assert "deleted" in str(caught.value)
        assert {fp: r.status for fp, r in writing.records().items()} == {"other": "finished"}


def test_a_fresh_run_counts_though_a_clock_was_ahead_before(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tracker)
    tracker.flush()
    old = tracker.records()["abc123"].run_id
    file = tracker._uri.file
    assert file is not None
    with sqlite3.connect(file) as database:
        database.execute("update runs set start_time = start_time + 1000000000")
    tracker.start(TRIAL)
    assert tracker.records()["abc123"].status == "running"
    tracker.finish("abc123", "finished", {"AP": 99.0}, 1.0)
    record = tracker.records()["abc123"]
    assert (record.run_id != old, record.metrics["AP"]) == (True, 99.0)
    assert client(tracker).get_run(old).data.tags["superseded_by"] == record.run_id


def test_a_run_is_finished_only_if_all_of_it_arrived(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_batch = client(tracker).log_batch

    def refuse(run_id: str, metrics: Any, *rest: Any) -> None:
        if any(metric.step == 2 for metric in metrics):
            raise ValueError("no room")
        log_batch(run_id, metrics, *rest)

    monkeypatch.setattr(client(tracker), "log_batch", refuse)
    train(tracker)
    with refused("not-written", TrackingError):
        tracker.flush()
    record = tracker.records()["abc123"]
    assert (record.status, "epoch 2" in record.note) == ("failed", True)


def test_a_report_makes_nothing_in_what_is_somebody_elses(tmp_path: Path) -> None:
    absent = tmp_path / "absent" / "mlflow.db"
    other, empty = tmp_path / "other.db", tmp_path / "empty.db"
    empty.touch()
    with sqlite3.connect(other) as database:
        database.execute("create table experiments (name text)")
    text = tmp_path / "text.db"
    text.write_text("no database " * 100)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for file, code in ((absent, "no-store"), (empty, "no-store"), (other, "no-store"), (text, "not-a-store")):
        with refused(code, TrackingError):
            Tracker.open(f"sqlite:///{file}", None, create=False)
    for file in (other, text):
        with refused("not-a-store", TrackingError):
            Tracker.open(f"sqlite:///{file}", None)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_report_does_not_migrate_a_store_without_this_project(uri: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("update alembic_version set version_num = 'older'")
    before = (tmp_path / "mlflow.db").read_bytes()
    for create, code in ((False, "no-store"), (True, "not-a-store")):
        with refused(code, TrackingError):
            Tracker.open(uri, None, create=create)
    assert (tmp_path / "mlflow.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_record_that_can_not_be_read_is_named_and_left_out_at_once(tracker: Tracker) -> None:
    values = {"seed": "x", "schema": "-1", "duration": "nan", "warnings": "[1", "world_size": ""}
    for name in values:
        train(tracker, replace(TRIAL, fingerprint=name, name=f"with {name}"), epochs=1)
    train(tracker, epochs=1)
    for name, record in tracker.records().items():
        if name in values:
            client(tracker).set_tag(record.run_id, name, values[name])
    assert tracker.records().keys() == {"abc123"}
    named = " ".join(tracker.problems())
    assert all(f"with {name}" in named and f"tag {name}" in named for name in values)
    assert tracker.older() >= 0
