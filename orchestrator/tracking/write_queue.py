"""Writes to a store that may be away for a while: in order, in the background, tried again."""

import time
from collections.abc import Callable
from queue import Queue
from threading import Thread
from typing import TypeVar

FIRST_PAUSE = 0.1  # seconds; doubled after each attempt
LONGEST_PAUSE = 15.0

Result = TypeVar("Result")


class PermanentError(Exception):
    """An operation that can't succeed, however often it is tried."""


def retry(operation: Callable[[], Result], patience: float) -> Result:
    """Try until the operation succeeds, with growing pauses.

    Args:
        operation: must be harmless to repeat after it failed half-way.
        patience: seconds after which the last failure is raised; 0 for a single attempt.

    Raises:
        PermanentError: as the operation raised it, at once.
        Exception: whatever the last attempt raised.
    """
    end, pause = time.monotonic() + patience, FIRST_PAUSE
    while True:
        try:
            return operation()
        except PermanentError:
            raise
        except Exception:
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


class WriteQueue:
    """A queue of operations and the one thread that executes them in order.

    After an operation has been tried for as long as `patience`, each later one has a single attempt until one
    succeeds again, so that a store that is gone for good costs the patience once.

    Args:
        patience: seconds for which an operation is tried.
        explain: turns an exception into what may be shown to a user.
    """

    def __init__(self, patience: float, explain: Callable[[Exception], str]) -> None:
        self._patience, self._explain = patience, explain
        self._queue: Queue[tuple[str, Callable[[], None]] | None] = Queue()
        self._lost: list[str] = []
        self._thread = Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def put(self, what: str, operation: Callable[[], None]) -> None:
        """Execute it after all that was put before. `what` names it in case it is lost."""
        self._queue.put((what, operation))

    def wait(self) -> None:
        """Until everything that was put has been done or lost."""
        self._queue.join()

    def take_lost(self) -> tuple[str, ...]:
        """What could not be done since the last call, with the reasons."""
        lost, self._lost = self._lost, []
        return tuple(lost)

    def close(self) -> None:
        """Finish what was put, then end the thread. Nothing can be put afterwards."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        away = False
        while (item := self._queue.get()) is not None:
            what, operation = item
            try:
                retry(operation, 0.0 if away else self._patience)
                away = False
            except PermanentError as error:
                self._lost.append(f"{what}: {self._explain(error)}")
            except Exception as error:
                away = True
                self._lost.append(f"{what}: {self._explain(error)}")
            finally:
                self._queue.task_done()
        self._queue.task_done()
