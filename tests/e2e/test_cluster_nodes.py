"""A cluster of a head and two nodes: two sweeps at once on one store train nothing twice, both have their
table, and one takes over what the other was killed in; at last a node dies."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.tracking.tracker import Tracker
from tests.support import faults
from tests.support.faults import SMALL, Cluster, Running, running
from tests.support.tracked import client

pytestmark = pytest.mark.cluster

WORKER = "ray::RayTrainWorker"
WORKERS = 2


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Cluster, list[Running]]]:
    """The head has no CPU, so that every process of a trial sits on one of the other two."""
    with faults.cluster(0, WORKERS, WORKERS) as made:
        yield made


def sweep(results: Path) -> tuple[str, ...]:
    trial = ("--only", "RLE", "--workers", str(WORKERS))  # one, which the other node has room for at once
    return (SMALL, "--scale", "smoke", "--results", str(results), *trial)


def test_a_cluster_is_closed_to_who_has_not_its_token(
    nodes: tuple[Cluster, list[Running]], tmp_path: Path
) -> None:
    cluster, _ = nodes
    (tmp_path / "token").write_text("0" * 64)
    stranger = cluster.env | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    with running(tmp_path / "log", "-c", "import ray; ray.init()", **stranger) as process:
        assert process.process.wait(faults.PATIENCE) != 0
    assert "token" in process.text().lower()


def runs_of(store: Path) -> dict[str, list[str]]:
    """The status of every run of each fingerprint."""
    with Tracker.open(f"sqlite:///{store}/mlflow.db", None, create=False) as tracker:
        found: dict[str, list[str]] = {}
        for experiment in client(tracker).search_experiments():
            for run in client(tracker).search_runs([experiment.experiment_id]):
                if fingerprint := run.data.tags.get("fingerprint"):
                    found.setdefault(fingerprint, []).append(run.info.status)
    return found


def test_two_sweeps_at_once_train_each_trial_once(
    nodes: tuple[Cluster, list[Running]], tmp_path: Path
) -> None:
    cluster, _ = nodes
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


def test_who_waits_takes_over_from_a_sweep_that_is_killed(
    nodes: tuple[Cluster, list[Running]], tmp_path: Path
) -> None:
    cluster, _ = nodes
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


def test_a_node_dies_and_its_trial_goes_on_at_another_from_where_it_was(
    nodes: tuple[Cluster, list[Running]], migrated: Path, tmp_path: Path
) -> None:
    cluster, (_, *others) = nodes
    quiet, disturbed = (faults.prepared(tmp_path, migrated, name) for name in ("quiet", "disturbed"))
    with running(tmp_path / "log1", *sweep(quiet), **cluster.env) as process:
        process.wait()
    with running(tmp_path / "log2", *sweep(disturbed), **cluster.env) as process:
        faults.until(lambda: faults.checkpoints(disturbed / "store"), process, "a checkpoint")
        victim = max(others, key=lambda node: len(node.descendants(WORKER)))
        at_work = len(victim.descendants(WORKER))
        victim.kill()
        process.wait()
    assert at_work
    assert faults.table(disturbed) == faults.table(quiet)
    found = [faults.records(faults.store_of(results)) for results in (quiet, disturbed)]
    assert faults.outcome(found[0]) == faults.outcome(found[1])
    assert {record.world_size for record in found[1].values()} == {WORKERS}
