"""Two sweeps at once on one store and one cluster of several nodes: nothing is trained twice, both have their
table, and one takes over what the other was killed in."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.tracking.tracker import Tracker
from tests.support import faults
from tests.support.faults import Cluster, running
from tests.support.tracked import client

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without CPUs, and two nodes with one each."""
    with faults.cluster(0, 1, 1) as (made, _):
        yield made


def runs_of(store: Path) -> dict[str, list[str]]:
    """The status of every run of each fingerprint."""
    with Tracker.open(f"sqlite:///{store}/mlflow.db", None, create=False) as tracker:
        found: dict[str, list[str]] = {}
        for experiment in client(tracker).search_experiments():
            for run in client(tracker).search_runs([experiment.experiment_id]):
                if fingerprint := run.data.tags.get("fingerprint"):
                    found.setdefault(fingerprint, []).append(run.info.status)
    return found


def test_two_sweeps_at_once_train_each_trial_once(cluster: Cluster, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shared = ("--scale", "smoke", "--seeds", "2", "--storage", str(store), "--concurrent", "1")
    uri = ("--tracking-uri", f"sqlite:///{store}/mlflow.db")
    commands = [(faults.SMALL, *shared, *uri, "--results", str(tmp_path / name)) for name in ("one", "two")]
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


def test_who_waits_takes_over_from_a_sweep_that_is_killed(cluster: Cluster, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shared = ("--scale", "smoke", "--only", "RLE", "--workers", "1", "--storage", str(store))
    uri = ("--tracking-uri", f"sqlite:///{store}/mlflow.db")
    commands = [(faults.SMALL, *shared, *uri, "--results", str(tmp_path / name)) for name in ("one", "two")]
    with running(tmp_path / "one.log", *commands[0], **cluster.env) as first:
        faults.until(lambda: faults.checkpoints(store), first, "a checkpoint")
        os.kill(first.process.pid, signal.SIGSTOP)  # so that it lives, and does not finish
        with running(tmp_path / "two.log", *commands[1], **cluster.env) as second:
            faults.until(lambda: "waiting for them" in second.text(), second, "it waits")
            first.kill()
            second.wait()
    (status,) = runs_of(store).values()
    assert status == ["FINISHED"]  # the run that the other began
    (record,) = faults.records(f"sqlite:///{store}/mlflow.db").values()
    assert dict(record.history["loss"]).keys() == set(range(1, 13))
    assert (tmp_path / "two" / "tables" / "table_0.csv").is_file()
