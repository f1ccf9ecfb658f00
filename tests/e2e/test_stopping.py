"""Signals, a head that dies and a reader that goes: each ends, or does not end, a sweep as it should."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import faults
from tests.support.faults import SMALL, Cluster, Running, running

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def ray() -> Iterator[tuple[Cluster, Running]]:
    """A cluster for all, whose head dies in the last test."""
    with faults.cluster(2) as (cluster, (node,)):
        yield cluster, node


def sweep(folder: Path) -> tuple[str, ...]:
    return (SMALL, "--scale", "smoke", "--results", str(folder / "results"), "--concurrent", "1")


def in_training(folder: Path, process: Running) -> None:
    faults.until(lambda: faults.checkpoints(folder / "results" / "store"), process, "a checkpoint")


def left(folder: Path) -> set[tuple[str, str]]:
    found = faults.records(faults.store_of(folder / "results")).values()
    return {(record.status, record.note) for record in found if record.status != "finished"}


def stopped_by(number: signal.Signals, folder: Path, **env: str) -> None:
    with running(folder / "log", *sweep(folder), **env) as process:
        in_training(folder, process)
        os.kill(process.process.pid, number)
        text = process.wait(expect=130)
    assert "stopped. What had finished is kept" in text
    assert "Traceback" not in text
    assert left(folder) == {("failed", "interrupted: the sweep was stopped")}


def test_sigterm_behaves_as_ctrl_c_on_a_cluster_that_the_sweep_started(tmp_path: Path) -> None:
    stopped_by(signal.SIGTERM, tmp_path)


def test_sighup_behaves_as_ctrl_c_on_a_cluster_that_was_there(
    ray: tuple[Cluster, Running], tmp_path: Path
) -> None:
    stopped_by(signal.SIGHUP, tmp_path, **ray[0].env)


def test_a_reader_that_goes_and_an_encoding_without_signs_end_nothing(
    ray: tuple[Cluster, Running], tmp_path: Path
) -> None:
    arguments = (SMALL, "--scale", "smoke", "--results", str(tmp_path / "[b]×"), "--only", "L1")
    line = '"$0" "$@" 2>&1 | head -1; exit ${PIPESTATUS[0]}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, *arguments],
        env=faults.environment(PYTHONIOENCODING="ascii", **ray[0].env),
        cwd=faults.ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "[b]×" / "report.html").is_file()


def test_a_head_that_dies_ends_the_sweep_with_a_sentence(
    ray: tuple[Cluster, Running], tmp_path: Path
) -> None:
    cluster, node = ray
    with running(tmp_path / "log", *sweep(tmp_path), **cluster.env) as process:
        in_training(tmp_path, process)
        node.kill()
        text = process.wait(expect=2)
    assert "the head of the Ray cluster has not answered" in text
    assert "the same command goes on from there" in text
    assert left(tmp_path) == {("failed", "interrupted: the sweep was stopped")}
