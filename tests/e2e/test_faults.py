"""Whatever is killed, full or away while a sweep runs: it ends with the table of an undisturbed one."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.schema.record import Record
from orchestrator.training.checkpoint import read_checkpoint
from tests.support import faults
from tests.support.faults import SMALL, TRIAL, WORKER, Cluster, Running, Undisturbed, running, server

pytestmark = pytest.mark.cluster

SECRET = "pa55word"


@pytest.fixture(scope="module")
def ray() -> Iterator[tuple[Cluster, Running]]:
    """A cluster that outlives the sweeps, so that what a killed one leaves may be at work beside the next."""
    with faults.cluster(2) as (cluster, (node,)):
        yield cluster, node


@pytest.fixture(scope="module")
def cluster(ray: tuple[Cluster, Running]) -> dict[str, str]:
    """The environment of what runs on it."""
    return ray[0].env


def sweep(results: Path, *more: str) -> tuple[str, ...]:
    return (SMALL, "--scale", "smoke", "--results", str(results), *more)


def check(undisturbed: Undisturbed, results: Path, uri: str | None = None) -> dict[str, Record]:
    found = faults.records(uri or faults.store_of(results))
    assert faults.table(results) == undisturbed.tables
    assert faults.outcome(found) == faults.outcome(undisturbed.records)
    return found


def first_checkpoint(storage: Path, process: Running) -> None:
    faults.until(lambda: faults.checkpoints(storage), process, "a checkpoint")


def test_ctrl_c_keeps_what_has_finished_and_the_next_run_goes_on_from_there(
    undisturbed: Undisturbed, cluster: dict[str, str], migrated: Path, tmp_path: Path
) -> None:
    results = faults.prepared(tmp_path, migrated, "results")
    arguments = sweep(results, "--concurrent", "1")
    with running(tmp_path / "first", *arguments, **cluster) as stopped:
        faults.until(lambda: len(faults.checkpoints(results / "store")) == 2, stopped, "the second trial")
        os.killpg(stopped.process.pid, signal.SIGINT)
        text = stopped.wait(expect=130)
    assert "stopped. What had finished is kept" in text
    assert "Traceback" not in text
    before = faults.records(faults.store_of(results))
    assert sorted(record.status for record in before.values()) == ["failed", "finished"]
    assert {record.note for record in before.values()} == {"", "interrupted: the sweep was stopped"}
    with running(tmp_path / "second", *arguments, **cluster) as again:
        assert "2 jobs, 1 of them already done" in again.wait()
    after = check(undisturbed, results)
    assert {fp: record.run_id for fp, record in after.items()} == {fp: r.run_id for fp, r in before.items()}
    assert faults.runs(before).items() <= faults.runs(after).items()


def test_a_full_disk_fails_its_trials_with_a_sentence_and_with_room_again_they_go_on(
    undisturbed: Undisturbed, cluster: dict[str, str], migrated: Path, tmp_path: Path, small_disk: Path
) -> None:
    results = faults.prepared(tmp_path, migrated, "results")
    arguments = sweep(results, "--storage", str(small_disk), "--concurrent", "1")
    ballast = small_disk / "ballast"
    with running(tmp_path / "first", *arguments, **cluster) as failing:
        first_checkpoint(small_disk, failing)
        fill(ballast)
        text = failing.wait(expect=1)
    assert "Table 0 is in the report, but not in the store" in text  # whose artifacts lie on the same disk
    assert "No space left on device" in text
    assert "Traceback" not in text
    failed = faults.records(faults.store_of(results)).values()
    assert [record.status for record in failed] == ["failed", "failed"]
    for record in failed:
        assert "can't write the checkpoint" in record.note
        assert "Free some space or name another place with --storage" in record.note
    (kept,) = faults.checkpoints(small_disk)
    assert list(small_disk.rglob("*.part")) == []
    assert read_checkpoint(str(kept)).experiment.fingerprint() == kept.parent.name
    ballast.unlink()
    with running(tmp_path / "second", *arguments, **cluster) as again:
        assert "2 jobs, 0 of them already done" in again.wait()
    check(undisturbed, results)


def test_what_a_full_store_does_not_take_is_sent_by_the_same_command_once_there_is_room(
    undisturbed: Undisturbed, cluster: dict[str, str], migrated: Path, tmp_path: Path, small_disk: Path
) -> None:
    shutil.copyfile(migrated, small_disk / "mlflow.db")
    results, uri, ballast = tmp_path / "results", f"sqlite:///{small_disk}/mlflow.db", small_disk / "ballast"
    arguments, env = sweep(results, "--tracking-uri", uri), {"HOME": str(tmp_path), **cluster}
    with running(tmp_path / "first", *arguments, **env) as full:
        first_checkpoint(results / "store", full)
        fill(ballast)
        text = full.wait(expect=1)
    assert text.count("not in the store yet (its disk is full: free some space there)") == 2
    # A little room may have come free when SQLite gave up its journal.
    kept = (f"{tmp_path}/.cache/rle-lab/unsent", f"{small_disk}/unsent")
    assert any(f"They are kept in {place}" in text for place in kept)
    assert "Traceback" not in text
    assert "SQL:" not in text
    assert "finished" not in {record.status for record in faults.records(uri).values()}
    ballast.unlink()
    with running(tmp_path / "second", *arguments, **env) as again:
        text = again.wait()
    assert "that an earlier command kept" in text
    assert "2 jobs, 2 of them already done" in text
    check(undisturbed, results, uri)


def test_where_all_of_it_lies_on_a_full_disk_the_same_command_goes_on_once_there_is_room(
    undisturbed: Undisturbed, cluster: dict[str, str], migrated: Path, tmp_path: Path, small_disk: Path
) -> None:
    results, ballast = faults.prepared(small_disk, migrated, "results"), small_disk / "ballast"
    env = {"HOME": str(tmp_path), **cluster}
    with running(tmp_path / "first", *sweep(results, "--concurrent", "1"), **env) as full:
        first_checkpoint(results / "store", full)
        fill(ballast)
        text = full.wait(expect=2)
    assert "can't write the checkpoint" in text
    assert "the report can't be written" in text
    assert "Traceback" not in text
    assert "SQL:" not in text
    ballast.unlink()
    with running(tmp_path / "second", *sweep(results, "--concurrent", "1"), **env) as again:
        again.wait()
    check(undisturbed, results)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 32 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(file: Path) -> None:
    with suppress(OSError), file.open("wb", buffering=0) as full:
        while True:
            full.write(b"\0" * 4096)


def test_a_killed_trial_and_a_tracking_server_that_is_away_for_a_while_lose_nothing(
    undisturbed: Undisturbed, ray: tuple[Cluster, Running], migrated: Path, tmp_path: Path
) -> None:
    cluster, node = ray[0].env, ray[1]
    results, port = faults.prepared(tmp_path, migrated, "results"), faults.free_port()
    database, uri = results / "store" / "mlflow.db", f"http://user:{SECRET}@127.0.0.1:{port}"
    servers = [server(tmp_path / "server1", database, port)]
    try:
        faults.until(lambda: "startup complete" in servers[0].text(), servers[0], "it is up")
        with running(tmp_path / "log", *sweep(results, "--tracking-uri", uri), **cluster) as process:
            first_checkpoint(results / "store", process)
            servers[0].kill()
            victims = node.descendants(TRIAL)
            faults.kill(victims[:1])
            faults.until(lambda: "[2/2]" in process.text(), process, "the end of both trials")
            servers.append(server(tmp_path / "server2", database, port))
            text = process.wait()
        assert victims
        assert "not written" not in text
        assert faults.telling(SECRET, tmp_path) == []
        check(undisturbed, results, uri)
    finally:
        for each in servers:
            each.kill()


def test_workers_their_driver_and_the_sweep_itself_are_killed_one_after_the_other(
    undisturbed: Undisturbed, ray: tuple[Cluster, Running], migrated: Path, tmp_path: Path
) -> None:
    cluster, node = ray[0].env, ray[1]
    results = faults.prepared(tmp_path, migrated, "results")
    arguments = sweep(results, "--workers", "1", "--concurrent", "1")
    with running(tmp_path / "first", *arguments, **cluster) as process:
        for victim in (WORKER, TRIAL):
            first_checkpoint(results / "store", process)
            written = faults.checkpoints(results / "store")[0].stat().st_mtime_ns
            victims = node.descendants(victim)
            faults.kill(victims)
            assert victims
            faults.until(lambda: later(results, written), process, "the trial went on")  # noqa: B023
        process.process.kill()
        process.process.wait()
    left = faults.records(faults.store_of(results))
    assert {record.status for record in left.values()} == {"running"}
    with running(
        tmp_path / "second", *arguments, **cluster
    ) as again:  # at once, while the dead one's processes end
        again.wait()
    assert check(undisturbed, results).keys() >= left.keys()


def later(results: Path, written: int) -> bool:
    """Whether the first training has written another checkpoint since."""
    return faults.checkpoints(results / "store")[0].stat().st_mtime_ns > written


def test_a_key_in_the_storages_address_is_in_no_message_no_file_and_no_log(
    ray: tuple[Cluster, Running], tmp_path: Path
) -> None:
    arguments = sweep(tmp_path / "results", "--storage", f"nope://key:{SECRET}@bucket/lab", "--only", "L1")
    with running(tmp_path / "log", *arguments, HOME=str(tmp_path), **ray[0].env) as process:
        text = process.wait(expect=1)
    assert "--storage nope://bucket/lab: no place for checkpoints" in text
    assert "Traceback" not in text
    assert faults.telling(SECRET, tmp_path) == []
    assert faults.telling(SECRET, ray[0].folder) == []
