"""A head that dies: the sweep ends with a sentence, before Ray ends its process with none.

The main thread then waits inside Ray and can't be interrupted, so another one has to do it.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import ray

GONE = 25.0
"""Seconds without an answer; Ray itself ends the process after 60."""
PAUSE = 1.0
EXIT_CODE = 2


@contextmanager
def watched(give_up: Callable[[], None]) -> Iterator[None]:
    """End the process where nothing listens at the head for a while.

    Args:
        give_up: called before, from another thread, to write down what there is.
    """
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    over = threading.Event()
    arguments = (host.strip("[]"), int(port)), over, give_up
    threading.Thread(target=_watch, args=arguments, name="head", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _watch(place: tuple[str, int], over: threading.Event, give_up: Callable[[], None]) -> None:
    seen = time.monotonic()
    while not over.wait(PAUSE):
        try:
            socket.create_connection(place, timeout=GONE / 5).close()
            seen = time.monotonic()
        except OSError:
            if time.monotonic() - seen > GONE:
                _leave(give_up)


def _leave(give_up: Callable[[], None]) -> None:
    print(
        f"\nerror: the head of the Ray cluster has not answered for {GONE:.0f} seconds. What had finished is "
        "kept; once a cluster is up again, the same command goes on from there.",
        file=sys.stderr,
        flush=True,
    )
    with suppress(Exception):
        give_up()
    sys.stdout.flush()
    os._exit(EXIT_CODE)
