"""A cluster whose autoscaler starts nodes when it is asked: from a head without any to a finished table, and
down again."""

from pathlib import Path

import pytest

from tests.support import faults
from tests.support.faults import SMALL, running
from tests.support.growing import growing_cluster, nodes

pytestmark = pytest.mark.cluster


def test_a_sweep_asks_a_head_without_workers_for_nodes_and_gives_them_back(
    migrated: Path, tmp_path: Path
) -> None:
    results = faults.prepared(tmp_path, migrated, "results")
    settled = ("--scale", "smoke", "--precision", "float32", "--system-metrics")
    sweep = (SMALL, *settled, "--results", str(results))
    with growing_cluster(cpus=1, most=2) as (cluster, head):
        assert nodes(head) == 0
        with running(tmp_path / "log", *sweep, **cluster.env) as process:
            faults.until(lambda: nodes(head) == 2, process, "as many nodes as it has trials")
            text = process.wait()
        assert "waiting for the cluster's autoscaler" in text
        faults.until(lambda: nodes(head) == 0, head, "its nodes were given back")
    found = faults.records(faults.store_of(results))
    assert [record.status for record in found.values()] == ["finished", "finished"]
    assert faults.table(results)
    for record in found.values():
        busy = dict(record.history["system/cpu_utilization_percentage"])
        assert busy.keys() == dict(record.history["loss"]).keys()
        assert max(busy.values()) > 0
