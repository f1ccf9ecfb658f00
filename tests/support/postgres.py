"""A PostgreSQL server in a folder that goes away with it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import free_port

SECONDS = 120.0
"""For it to start, on a busy machine."""


def program(name: str) -> str:
    """One of the server's; Debian keeps them where no shell looks."""
    places = [os.environ["PATH"], *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip("there is no PostgreSQL on this machine; Debian has it as the package postgresql")
    return found


@contextmanager
def server() -> Iterator[str]:
    """Start one, which only this machine reaches; its address for MLflow."""
    pytest.importorskip("psycopg2", reason="pip install 'rle-lab[postgres]'")
    initdb, postgres = program("initdb"), program("postgres")
    folder = Path(tempfile.mkdtemp(prefix="rle-pg-", dir="/tmp"))
    # It refuses to run as root.
    other: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
    if other:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    data, port = str(folder / "data"), free_port()
    started: subprocess.Popen[bytes] | None = None
    try:
        made = [initdb, "-D", data, "-U", "lab", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C"]
        subprocess.run(made, check=True, capture_output=True, cwd="/", **other)
        line = [postgres, "-D", data, "-F", "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
        started = subprocess.Popen(line, cwd="/", stderr=subprocess.DEVNULL, **other)
        _wait(port)
        yield f"postgresql+psycopg2://lab@127.0.0.1:{port}/postgres"
    finally:
        if started is not None:
            started.send_signal(signal.SIGINT)  # or it waits for connections that a pool keeps
            started.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int) -> None:
    import psycopg2

    end = time.monotonic() + SECONDS
    while True:
        try:
            psycopg2.connect(host="127.0.0.1", port=port, user="lab", dbname="postgres").close()
            return
        except psycopg2.OperationalError:
            if time.monotonic() > end:
                raise
        time.sleep(0.1)
