"""A cluster of a head and two nodes, of which one dies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.tracking.tracker import Tracker
from tests.support import faults
from tests.support.faults import SMALL, Cluster, Running, running

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


def test_a_node_dies_and_its_trial_goes_on_at_another_from_where_it_was(
    nodes: tuple[Cluster, list[Running]], tmp_path: Path
) -> None:
    cluster, (_, *others) = nodes
    store = tmp_path / "mlflow.db"
    Tracker.open(f"sqlite:///{store}", None).close()
    quiet, disturbed = (faults.prepared(tmp_path, store, name) for name in ("quiet", "disturbed"))
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
