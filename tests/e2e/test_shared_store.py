"""Two sweeps at once on one store and one cluster: nothing is trained twice, and both have their table."""

from pathlib import Path

import pytest

from orchestrator.tracking.tracker import Tracker
from tests.support import faults
from tests.support.faults import running
from tests.support.tracked import client

pytestmark = pytest.mark.cluster


def runs_of(store: Path) -> dict[str, list[str]]:
    """The status of every run of each fingerprint."""
    with Tracker.open(f"sqlite:///{store}/mlflow.db", None, create=False) as tracker:
        found: dict[str, list[str]] = {}
        for experiment in client(tracker).search_experiments():
            for run in client(tracker).search_runs([experiment.experiment_id]):
                if fingerprint := run.data.tags.get("fingerprint"):
                    found.setdefault(fingerprint, []).append(run.info.status)
    return found


def test_two_sweeps_at_once_train_each_trial_once(tmp_path: Path) -> None:
    store = tmp_path / "store"
    shared = ("--scale", "smoke", "--seeds", "2", "--storage", str(store), "--concurrent", "1")
    uri = ("--tracking-uri", f"sqlite:///{store}/mlflow.db")
    with faults.cluster(2) as (cluster, _):
        commands = [
            (faults.SMALL, *shared, *uri, "--results", str(tmp_path / name)) for name in ("one", "two")
        ]
        with (
            running(tmp_path / "one.log", *commands[0], **cluster.env) as first,
            running(tmp_path / "two.log", *commands[1], **cluster.env) as second,
        ):
            texts = [first.wait(), second.wait()]
    found = runs_of(store)
    assert len(found) == 4
    assert set(map(tuple, found.values())) == {("FINISHED",)}
    tables = [(tmp_path / name / "tables" / "table_0.csv").read_text() for name in ("one", "two")]
    assert tables[0] == tables[1]
    assert any("run by another sweep" in text for text in texts)
