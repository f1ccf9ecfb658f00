"""A head that dies: the sweep ends with a sentence, before Ray ends its process with none."""

import atexit
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from orchestrator.schedule.cluster import ClusterError

GONE = 25.0
"""Seconds without an answer; Ray itself ends the process after 60."""
PAUSE = 1.0


@contextmanager
def watched() -> Iterator[None]:
    """Interrupt what runs in here where nothing listens at the head for a while.

    Raises:
        ClusterError: the head is gone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    over, lost = threading.Event(), threading.Event()

    def interrupt(*_: object) -> None:
        if not over.is_set():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR2, interrupt)
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    place = host.strip("[]"), int(port)
    threading.Thread(target=_watch, args=(place, over, lost), name="head", daemon=True).start()
    try:
        yield
    except BaseException as error:
        if not lost.is_set():
            raise
        raise _gone() from error
    finally:
        over.set()
        signal.signal(signal.SIGUSR2, before)


def _watch(place: tuple[str, int], over: threading.Event, lost: threading.Event) -> None:
    seen = time.monotonic()
    while not over.wait(PAUSE):
        try:
            socket.create_connection(place, timeout=GONE / 5).close()
            seen = time.monotonic()
        except OSError:
            if time.monotonic() - seen > GONE:
                lost.set()
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR2)
                return


def _gone() -> ClusterError:
    atexit.register(_leave)
    return ClusterError(
        f"the head of the Ray cluster has not answered for {GONE:.0f} seconds. What had finished is kept; "
        "once a cluster is up again, the same command goes on from there",
        code="head-lost",
    )


def _leave() -> None:
    """At once: Ray would wait for the head, and end the process with an error of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(2)
