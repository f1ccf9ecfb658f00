"""Sweeps that are submitted to a cluster as jobs, stopped there, and submitted again."""

import time
from pathlib import Path

import pytest

from tests.support import faults
from tests.support.faults import Cluster, running

pytestmark = pytest.mark.cluster

ATTEMPTS = 60
SWEEP = ("sweeps/flow_size.py", "--scale", "smoke", "--only", "3x64", "--only", "5x32", "--concurrent", "1")


def test_a_stopped_job_that_is_submitted_again_completes_what_is_missing_and_repeats_nothing(
    tmp_path: Path,
) -> None:
    results = tmp_path / "results"
    arguments = (*SWEEP, "--results", str(results))
    with faults.cluster(2, dashboard=True) as (cluster, (head,)):
        submit(cluster, tmp_path, "first", "--no-wait", "--", *arguments)
        faults.until(lambda: "[1/6]" in driver_log(cluster, "first"), head, "the first trial's end")
        job(cluster, tmp_path, "stop", "first")
        kept = faults.records(faults.store_of(results))
        finished = faults.runs(kept)
        assert 1 <= len(finished) < 6
        text = submit(cluster, tmp_path, "second", "--", "python", *arguments)
    assert f"6 jobs, {len(finished)} of them already done" in text
    assert "succeeded" in text
    after = faults.records(faults.store_of(results))
    assert {record.status for record in after.values()} == {"finished"}
    assert len(after) == 6
    assert {fp: after[fp] for fp in finished} == {fp: kept[fp] for fp in finished}
    assert {fp: after[fp].run_id for fp in kept} == {fp: record.run_id for fp, record in kept.items()}
    assert (results / "tables" / "table_1.csv").exists()


def submit(cluster: Cluster, folder: Path, name: str, *rest: str) -> str:
    return job(cluster, folder, "submit", "--working-dir", ".", "--submission-id", name, *rest)


def job(cluster: Cluster, folder: Path, *command: str) -> str:
    """`ray job ...`, as typed in the checkout, against the cluster's dashboard."""
    address = {"RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{cluster.dashboard}"}
    for _ in range(ATTEMPTS):
        log = folder / f"{command[0]}-{len(list(folder.iterdir()))}"
        with running(log, "-m", "ray.scripts.scripts", "job", *command, **cluster.env, **address) as process:
            code = process.process.wait(faults.PATIENCE)
        if "No available agent" not in process.text():  # a cluster that has just started has none yet
            assert code == 0, process.text()
            return process.text()
        time.sleep(1)
    raise AssertionError(f"no agent in {ATTEMPTS} attempts: {process.text()}")


def driver_log(cluster: Cluster, name: str) -> str:
    """What a job has printed so far."""
    logs = list((cluster.folder / "ray").glob(f"session_2*/logs/job-driver-{name}.log"))
    return logs[0].read_text() if logs else ""
