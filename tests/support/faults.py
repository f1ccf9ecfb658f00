"""Sweeps as processes, and what the tests do to them: look inside, kill parts, compare what comes out."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from orchestrator.schema.record import Record
from orchestrator.tracking.tracker import Tracker
from tests.support.paths import ROOT

SMALL = "tests/support/small_sweep.py"
TRIAL = "ray::ImplicitFunc"
"""What a trial's process is called: its own actor, or the driver of Ray Train workers."""
WORKER = "ray::RayTrainWorker"
HEAD = "gcs_server"
"""A part of the title of the process without which a cluster is none."""
PATIENCE = 600.0
"""Seconds for anything to happen at all; only reached by what hangs."""

STARTS = 6


@dataclass(frozen=True)
class Undisturbed:
    """A sweep that nothing happened to."""

    records: dict[str, Record]
    tables: str
    seconds: float


def environment(**more: str) -> dict[str, str]:
    """This process's, without what would lead a sweep to another store or cluster."""
    left_out = ("MLFLOW_TRACKING_URI", "RAY_ADDRESS")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"COLUMNS": "150", "PYTHONUNBUFFERED": "1", "PATH": path} | more


@dataclass(frozen=True)
class Running:
    """A process and all that it started."""

    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        return self.log.read_text()

    def wait(self, expect: int = 0) -> str:
        """What it printed, once it has ended as expected."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it hangs: {self.text()}") from None
        assert code == expect, self.text()
        return self.text()

    def descendants(self, title: str = "") -> list[psutil.Process]:
        """The processes that it started, directly or not, whose titles begin so or whose program is it."""
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.process.pid).children(recursive=True)
            titles = {process: _title(process) for process in found}
            return [
                process for process, own in titles.items() if own.startswith(title) or f"/{title} " in own
            ]
        return []

    def kill(self) -> None:
        """-9 to it and all that it started, as when a machine loses its power."""
        everything = self.descendants()
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        for process in everything:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def until(happened: Callable[[], object], process: Running, what: str) -> None:
    """Wait for something that a process will do."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert process.process.poll() is None, f"it ended before {what}: {process.text()}"
        assert time.monotonic() < end, f"it hangs before {what}: {process.text()}"
        time.sleep(0.01)


def _title(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def start(log: Path, *arguments: str, **env: str) -> Running:
    """Start a Python program of the repository, in a process group of its own as a shell does."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment(**env),
            start_new_session=True,
        )
    return Running(process, log)


@contextmanager
def running(log: Path, *arguments: str, **env: str) -> Iterator[Running]:
    """The same, ended at the end whatever happens."""
    started = start(log, *arguments, **env)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.kill()


def kill(processes: Sequence[psutil.Process]) -> None:
    """-9 to each."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


def prepared(folder: Path, store: Path, name: str) -> Path:
    """A results folder with an empty store in it, since to make one takes seconds."""
    (folder / name / "store").mkdir(parents=True)
    shutil.copyfile(store, folder / name / "store" / "mlflow.db")
    return folder / name


def checkpoints(storage: Path) -> list[Path]:
    """Those that trainings have written."""
    return sorted(storage.glob("*/checkpoint.pt"))


def records(uri: str) -> dict[str, Record]:
    """All that a store knows of trials, by fingerprint."""
    with Tracker.open(uri, None) as tracker:
        return tracker.records()


def store_of(results: Path) -> str:
    """The address of the store inside a results folder."""
    return f"sqlite:///{results}/store/mlflow.db"


def table(results: Path) -> str:
    """The finished tables, as written."""
    return "\n".join((results / "tables" / f"table_{name}.csv").read_text() for name in ("0", "1"))


def outcome(found: dict[str, Record]) -> dict[str, tuple[object, ...]]:
    """What must not depend on interruptions: how each trial ended, and every number of every epoch."""
    return {
        fingerprint: (record.status, record.seed, dict(record.metrics), dict(record.history))
        for fingerprint, record in found.items()
    }


def runs(found: dict[str, Record]) -> dict[str, str]:
    """The run of each finished trial: another one if it was trained again."""
    return {fp: record.run_id for fp, record in found.items() if record.status == "finished"}


def telling(secret: str, folder: Path) -> list[Path]:
    """The files below a folder in which a secret stands."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if secret.encode() in path.read_bytes()]


def server(log: Path, database: Path, port: int) -> Running:
    """Start a tracking server with a sqlite file behind it."""
    return start(
        log,
        *("-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{database}"),
        *("--artifacts-destination", str(database.parent / "artifacts")),
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
    )


def free_port() -> int:
    """A port of this machine that nothing listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster of its own on this machine, which only its token opens."""

    folder: Path
    port: int
    dashboard: int  # its port; 0 for none

    @property
    def env(self) -> dict[str, str]:
        """For whatever joins it or talks to it."""
        return {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.folder / "token"),
            "RAY_ADDRESS": f"127.0.0.1:{self.port}",
            "RAY_USAGE_STATS_ENABLED": "0",
            # A node that is gone is missed after a while; on a busy machine one that is there may be slow.
            "RAY_health_check_initial_delay_ms": "10000",
            "RAY_health_check_period_ms": "1000",
            "RAY_health_check_failure_threshold": "20",
        }

    def head(self, cpus: int, *more: str, **env: str) -> Running:
        """Start the node that keeps the books."""
        dashboard = ("--include-dashboard", str(bool(self.dashboard)))
        at = ("--dashboard-port", str(self.dashboard)) if self.dashboard else ()
        place = ("--head", "--port", str(self.port), "--temp-dir", str(self.folder / "ray"))
        return self._start("head", cpus, *place, *dashboard, *at, *more, **env)

    def node(self, name: str, cpus: int) -> Running:
        """Start a further node."""
        return self._start(name, cpus, "--address", f"127.0.0.1:{self.port}")

    def _start(self, name: str, cpus: int, *arguments: str, **more: str) -> Running:
        env = {name: value for name, value in self.env.items() if name != "RAY_ADDRESS"} | more
        return start(
            self.folder / f"{name}.log",
            *("-m", "ray.scripts.scripts", "start", "--block", "--node-ip-address", "127.0.0.1"),
            *("--num-cpus", str(cpus), "--num-gpus", "0", "--object-store-memory", str(80 * 2**20)),
            *("--memory", str(12 * 2**30), "--min-worker-port", "0", "--max-worker-port", "0"),
            *("--resources", f'{{"{name}": 1}}'),
            *arguments,
            **env,
        )


def up(begin: Callable[[], Running]) -> Running:
    """A node that is up. Ray gives one 30 seconds for it, which on a busy machine may not be enough."""
    for _ in range(STARTS):
        node = begin()
        while node.process.poll() is None:
            if "Ray runtime started" in node.text():
                return node
            time.sleep(0.05)
    raise AssertionError(f"Ray does not start: {node.text()}")


def new_cluster(*, dashboard: bool = False) -> Cluster:
    """One that has no node yet."""
    # Ray's sockets lie in its folder, and their names must be short.
    folder = Path(tempfile.mkdtemp(prefix="rle", dir="/tmp"))
    (folder / "token").write_text(secrets.token_hex(32))
    return Cluster(folder, free_port(), free_port() if dashboard else 0)


@contextmanager
def cluster(*cpus: int, dashboard: bool = False) -> Iterator[tuple[Cluster, list[Running]]]:
    """A cluster, and its nodes with so many CPUs each, of which the first is the head."""
    made = new_cluster(dashboard=dashboard)
    nodes: list[Running] = []
    try:
        nodes.append(up(lambda: made.head(cpus[0])))
        for index, count in enumerate(cpus[1:], 1):  # one by one, or they would take the same sockets
            nodes.append(up(partial(made.node, f"node{index}", count)))
        yield made, nodes
    finally:
        for node in reversed(nodes):
            node.kill()
        shutil.rmtree(made.folder, ignore_errors=True)
