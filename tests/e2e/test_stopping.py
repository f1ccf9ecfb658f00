"""Signals, a head that dies and a reader that goes: each ends, or does not end, a sweep as it should."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import faults
from tests.support.faults import SMALL, Running, running

pytestmark = pytest.mark.cluster


def sweep(folder: Path) -> tuple[str, ...]:
    return (SMALL, "--scale", "smoke", "--results", str(folder / "results"), "--concurrent", "1")


def in_training(folder: Path, process: Running) -> None:
    faults.until(lambda: faults.checkpoints(folder / "results" / "store"), process, "a checkpoint")


def left(folder: Path) -> set[tuple[str, str]]:
    found = faults.records(faults.store_of(folder / "results")).values()
    return {(record.status, record.note) for record in found if record.status != "finished"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_behave_as_ctrl_c(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path / "log", *sweep(tmp_path)) as process:
        in_training(tmp_path, process)
        os.kill(process.process.pid, number)
        text = process.wait(expect=130)
    assert "stopped. What had finished is kept" in text
    assert "Traceback" not in text
    assert left(tmp_path) == {("failed", "interrupted: the sweep was stopped")}


def test_a_head_that_dies_ends_the_sweep_with_a_sentence(tmp_path: Path) -> None:
    with (
        faults.cluster(2) as (cluster, (node,)),
        running(tmp_path / "log", *sweep(tmp_path), **cluster.env) as process,
    ):
        in_training(tmp_path, process)
        node.kill()
        text = process.wait(expect=2)
    assert "the head of the Ray cluster has not answered" in text
    assert "the same command goes on from there" in text
    assert left(tmp_path) == {("failed", "interrupted: the sweep was stopped")}


def test_a_reader_that_goes_and_an_encoding_without_signs_end_nothing(tmp_path: Path) -> None:
    arguments = (SMALL, "--scale", "smoke", "--results", str(tmp_path / "[b]×"), "--only", "L1")
    line = '"$0" "$@" 2>&1 | head -1; exit ${PIPESTATUS[0]}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, *arguments],
        env=faults.environment(PYTHONIOENCODING="ascii"),
        cwd=faults.ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "[b]×" / "report.html").is_file()
