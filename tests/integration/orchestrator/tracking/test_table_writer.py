"""Declarations and filled tables come back as they were written; the newest counts."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchestrator.schema.declaration import Declaration
from orchestrator.tracking.tracker import Tracker, TrackingError
from tests.support.errors import refused
from tests.support.tracked import client, declaration


def table_runs(tracker: Tracker) -> list[Any]:
    experiment = client(tracker).get_experiment_by_name("tables")
    return list(client(tracker).search_runs([experiment.experiment_id], order_by=["start_time ASC"]))


def test_a_declaration_comes_back_and_the_same_one_makes_no_other_run(tracker: Tracker) -> None:
    tracker.declare(declaration())
    tracker.declare(declaration())
    assert tracker.declarations("demo") == (declaration(),)
    assert len(table_runs(tracker)) == 1


def test_a_newer_declaration_takes_the_place_of_the_older(tracker: Tracker) -> None:
    tracker.declare(declaration())
    tracker.declare(declaration(seeds=(0, 1, 2, 3)))
    assert tracker.declarations("demo") == (declaration(seeds=(0, 1, 2, 3)),)
    assert [run.data.tags["superseded"] for run in table_runs(tracker)] == ["true", "false"]
    tracker.declare(declaration())
    assert tracker.declarations("demo") == (declaration(),)


def test_declarations_are_sorted_by_report_and_table(tracker: Tracker) -> None:
    paper = declaration(scale="paper", report="paper")
    others = [declaration(table=table) for table in ("10", "2", "1")]
    for one in (others[0], paper, *others[1:]):
        tracker.declare(one)
    assert tracker.declarations("demo") == (others[2], others[1], others[0])
    assert tracker.declarations("paper") == (paper,)
    assert tracker.reports() == ["paper", "demo"]
    tracker.declare(paper)
    assert tracker.reports() == ["demo", "paper"]


def test_what_this_process_declared_is_not_downloaded_again(
    tracker: Tracker, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Tracker.open(uri, None) as other:
        other.declare(declaration(table="2"))
    tracker.declare(declaration())
    downloads: list[str] = []
    download = client(tracker).download_artifacts
    monkeypatch.setattr(
        client(tracker),
        "download_artifacts",
        lambda run_id, *rest: [downloads.append(run_id), download(run_id, *rest)][1],
    )
    assert tracker.declarations("demo") == (declaration(), declaration(table="2"))
    assert len(downloads) == 1


def test_a_declaration_of_another_version_is_named(tracker: Tracker, uri: str, tmp_path: Path) -> None:
    with Tracker.open(uri, None) as other:
        other.declare(declaration())
    file = next(tmp_path.rglob("declaration.json"))
    file.write_text('{"table": "1", "colour": "red"}')
    with refused("failed", TrackingError) as caught:
        tracker.declarations("demo")
    assert "table 1 (demo)" in str(caught.value)


def log(tracker: Tracker, values: list[float], folder: Path, declared: Declaration | None = None) -> None:
    page, figure = folder / "page.md", folder / "figure.svg"
    page.write_text("**Table 1.**\n\n| a |\n| --- |\n| 47.1 |\n")
    figure.write_text("<svg/>")
    frame = pd.DataFrame({"row": ["a"] * len(values), "mean": values})
    files = {"table.md": page, "figures/ap.svg": figure}
    tracker.log_table(declared or declaration(), frame, files, '[{"verdict": "supported"}]')


def artifact(tracker: Tracker, run: Any, name: str) -> str:
    return Path(client(tracker).download_artifacts(run.info.run_id, name)).read_text()


def test_a_filled_table_lies_with_its_declaration(tracker: Tracker, tmp_path: Path) -> None:
    tracker.declare(declaration())
    log(tracker, [47.1, math.nan], tmp_path)
    (run,) = table_runs(tracker)
    assert json.loads(artifact(tracker, run, "table.json"))["data"] == [["a", 47.1], ["a", None]]
    assert artifact(tracker, run, "figures/ap.svg") == "<svg/>"
    assert json.loads(artifact(tracker, run, "verdicts.json")) == [{"verdict": "supported"}]
    assert Declaration.model_validate_json(artifact(tracker, run, "declaration.json")) == declaration()
    about = run.data.tags["mlflow.note.content"]
    assert "| 47.1 |" in about
    assert "Larger flows bring nothing." in about
    assert "python sweeps/flow_size.py" in about
    assert f"![ap](get-artifact?path=figures%2Fap.svg&run_uuid={run.info.run_id})" in about
    assert run.info.status == "FINISHED"


def test_the_same_table_again_adds_nothing_and_another_takes_its_place(
    tracker: Tracker, tmp_path: Path
) -> None:
    log(tracker, [47.1], tmp_path)
    log(tracker, [47.1], tmp_path)
    (run,) = table_runs(tracker)
    assert json.loads(artifact(tracker, run, "table.json"))["data"] == [["a", 47.1]]
    log(tracker, [48.0], tmp_path)
    older, newer = table_runs(tracker)
    assert (older.data.tags["superseded"], newer.data.tags["superseded"]) == ("true", "false")
    assert json.loads(artifact(tracker, newer, "table.json"))["data"] == [["a", 48.0]]
    assert tracker.declarations("demo") == (declaration(),)
