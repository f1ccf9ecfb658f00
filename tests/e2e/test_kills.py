"""Parts of a sweep of two tables are killed at random moments: the same command ends in the same tables.

RLE_LAB_KILLS=25 RLE_LAB_KILL_SEED=7 pytest tests/e2e/test_kills.py
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import psutil
import pytest

from tests.support import faults
from tests.support.faults import HEAD, SMALL, TRIAL, WORKER, Running, Undisturbed, running, server

pytestmark = pytest.mark.cluster

KILLS = int(os.environ.get("RLE_LAB_KILLS", "3"))
SEED = int(os.environ.get("RLE_LAB_KILL_SEED", "0"))

ENDS = {"trainer": (0,), "actor": (0,), "sweep": (-9, 0), "head": (2, 0), "server": (0,)}
"""With which code a sweep ends of which each part may be killed; 0 also where it had ended before."""
TITLES = {"trainer": WORKER, "actor": TRIAL, "head": HEAD}


@dataclass(frozen=True)
class Kill:
    """What is killed, and when: after this share of the time that an undisturbed sweep takes."""

    part: str
    share: float

    def __str__(self) -> str:
        return f"{self.part} at {self.share:.2f}"


def kills(count: int, seed: int) -> list[Kill]:
    """So many, each part as often as the others."""
    draw = random.Random(seed)
    parts = draw.sample(sorted(ENDS), len(ENDS))
    return [Kill(part, draw.random()) for part in islice(cycle(parts), count)]


def sweep(results: Path, *more: str) -> tuple[str, ...]:
    return (SMALL, "--scale", "smoke", "--results", str(results), "--concurrent", "1", *more)


@contextmanager
def tracking(kill: Kill, results: Path) -> Iterator[tuple[list[str], list[Running]]]:
    """The option that names the store, and the server behind it where that is what is killed."""
    if kill.part != "server":
        yield [], []
        return
    port = faults.free_port()
    servers = [started(results, port, "server")]
    try:
        yield ["--tracking-uri", f"http://127.0.0.1:{port}"], servers
    finally:
        for each in servers:
            each.kill()


def started(results: Path, port: int, name: str) -> Running:
    process = server(results.parent / name, results / "store" / "mlflow.db", port)
    faults.until(lambda: "startup complete" in process.text(), process, "it is up")
    return process


def strike(kill: Kill, process: Running, servers: list[Running], results: Path, options: list[str]) -> None:
    """Kill the part, once it is there."""
    match kill.part:
        case "sweep":
            process.process.kill()
        case "server":
            servers[0].kill()
            servers.append(started(results, int(options[1].rpartition(":")[2]), "again"))
        case part:
            while process.process.poll() is None and not (found := process.descendants(TITLES[part])):
                time.sleep(0.05)
            if process.process.poll() is None:
                faults.kill(found[:1])


@pytest.mark.parametrize("kill", kills(KILLS, SEED), ids=str)
def test_after_a_kill_the_same_command_ends_in_the_same_tables(
    kill: Kill, undisturbed: Undisturbed, migrated: Path, tmp_path: Path
) -> None:
    results = faults.prepared(tmp_path, migrated, "results")
    left: list[psutil.Process] = []
    with tracking(kill, results) as (options, servers):
        arguments = sweep(results, *options, *(["--workers", "1"] if kill.part == "trainer" else []))
        try:
            with running(tmp_path / "first", *arguments) as first:
                end = time.monotonic() + kill.share * undisturbed.seconds
                while time.monotonic() < end and first.process.poll() is None:
                    time.sleep(0.05)
                left = first.descendants()
                strike(kill, first, servers, results, options)
                code = first.process.wait(faults.PATIENCE)
            assert code in ENDS[kill.part], first.text()
            assert code == 0 or "Traceback" not in first.text()
            if code != 0:
                with running(tmp_path / "second", *arguments) as second:
                    second.wait()
        finally:
            faults.kill(left)
        found = faults.records(faults.store_of(results))
    assert faults.table(results) == undisturbed.tables
    assert faults.outcome(found) == faults.outcome(undisturbed.records)
