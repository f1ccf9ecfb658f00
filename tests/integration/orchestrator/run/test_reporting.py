"""The report is made with what there is, and says what is missing."""

from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.run.reporting import print_failures, rebuild, write_report
from orchestrator.tracking.tracker import Tracker, TrackingError
from tests.support.errors import refused
from tests.support.tracked import TRIAL, client, declaration, train


def test_a_record_that_can_not_be_read_is_named_in_every_page(tracker: Tracker, tmp_path: Path) -> None:
    train(tracker)
    tracker.declare(declaration())
    client(tracker).set_tag(tracker.records()["abc123"].run_id, "seed", "<x>")
    written = write_report(tracker, "demo", tmp_path / "r")
    assert written.records == {}
    assert "'<x>'" in written.remarks[0]
    for page, text in (("README.md", "tag seed is '\\<x\\>'"), ("report.html", "&#39;&lt;x&gt;&#39;")):
        content = (tmp_path / "r" / page).read_text("utf-8")
        assert text in content
        assert TRIAL.name in content
    assert print_failures([], written.remarks, Console(quiet=True)) == 1


def test_runs_and_tables_deleted_by_hand_cost_themselves_alone(
    uri: str, tracker: Tracker, tmp_path: Path
) -> None:
    with Tracker.open(uri, None) as writing:
        writing.declare(declaration())
        writing.start(TRIAL)
        writing.flush()
        client(tracker).delete_run(tracker.records()["abc123"].run_id)
        writing.finish("abc123", "finished", {"AP": 1.0}, 1.0)
        written = write_report(writing, "demo", tmp_path / "r")
        assert "deleted" in written.remarks[0]
        assert (tmp_path / "r" / "report.html").is_file()
        assert "deleted" in (tmp_path / "r" / "README.md").read_text("utf-8")


def test_a_table_that_the_store_does_not_take_is_in_the_report_all_the_same(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tracker)
    tracker.declare(declaration())

    def refuse(*_: object) -> None:
        raise ValueError("no room")

    monkeypatch.setattr(client(tracker), "log_table", refuse)
    written = write_report(tracker, "demo", tmp_path / "r")
    assert "no room" in written.remarks[0]
    assert "47.2" in (tmp_path / "r" / "README.md").read_text("utf-8")


def test_a_report_of_a_store_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    with refused("no-store", TrackingError):
        rebuild(f"sqlite:///{tmp_path}/absent/mlflow.db", None, tmp_path / "r")
    assert list(tmp_path.iterdir()) == []
