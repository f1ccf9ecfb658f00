"""Regular signs of life, sent from a thread in the background."""

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread


class Heartbeat:
    """A thread that calls `beat` at regular intervals until it is stopped. A beat that fails is ignored.

    Args:
        beat: what to do; must be safe beside the other threads of the process.
        seconds: from one beat to the next; the first comes after as long.
    """

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat, self._seconds = beat, seconds
        self._stopped = Event()
        Thread(target=self._work, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        """No further beats; one that is under way is not waited for."""
        self._stopped.set()

    def _work(self) -> None:
        while not self._stopped.wait(self._seconds):
            with suppress(Exception):
                self._beat()
