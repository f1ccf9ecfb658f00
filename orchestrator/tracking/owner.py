"""Whose a run is: the tag `writer` names the process that writes it."""

import re
import socket
from typing import Any

import psutil

from orchestrator.tracking.client import now

SWEEP = "sweep"
"""The tag of the run of a process that runs sweeps: its command."""

SILENCE = 15 * 60_000
"""Milliseconds without a sign of life after which a run that another machine writes counts as abandoned.
Longer than a store may be away, and than clocks differ."""


def process() -> str:
    """This process, as no other is called on any machine, in three words."""
    this = psutil.Process()
    return f"{socket.gethostname()} {this.pid} {this.create_time():.2f}"


def is_written(run: Any) -> bool:
    """Whether a living process is writing a run, as far as can be told."""
    return run.info.status == "RUNNING" and not is_dead(run)


def is_dead(run: Any) -> bool:
    """Whether a run's writer was a process of this machine that has ended, or is one elsewhere and silent.

    A run of which this can't be read is not this project's to end.
    """
    tags = run.data.tags
    if not tags.keys() & {"fingerprint", SWEEP}:
        return False
    alive = tags.get("alive", str(run.info.start_time))
    match tags.get("writer", "").split():
        case [host, pid, began, *_] if re.fullmatch(r"\d{1,9} \d{1,12}(\.\d{1,9})?", f"{pid} {began}"):
            if host == socket.gethostname():
                return not _is_alive(int(pid), float(began))
            return bool(re.fullmatch(r"\d{1,18}", alive)) and now() - int(alive) > SILENCE
        case _:
            return False


def _is_alive(pid: int, began: float) -> bool:
    try:
        found = psutil.Process(pid)
        return found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - began) <= 1
    except psutil.NoSuchProcess:
        return False
