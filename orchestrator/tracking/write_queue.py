"""Calls of a store that may be away for a while: in order, in the background, tried until it is back."""

import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Event, Thread
from typing import Any, TypeVar

from orchestrator.tracking.patience import AwayError, Say, announced, is_away, is_full

FIRST_PAUSE = 0.1  # seconds; doubled after each attempt
LONGEST_PAUSE = 15.0
FULL = 20.0
"""Seconds for which a store whose disk is full is waited for: it takes somebody to make room."""
REASON = 120  # signs of why a store is away; drivers tell long stories

Result = TypeVar("Result")


@dataclass(frozen=True)
class Write:
    """Something to be written, as values, so that it can be kept on disk while the store is away.

    Args:
        kind: the operation.
        what: it in words.
        fingerprint: of the trial that it belongs to; empty for none.
        fields: the operation's arguments, which JSON holds.
    """

    kind: str
    what: str
    fingerprint: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Call:
    """Something of which a caller waits for the answer."""

    operation: Callable[[], Any]
    answer: "Future[Any]"


class WriteQueue:
    """A queue of writes and calls, and the one thread that executes them in order.

    A write that fails because the store is away or its disk is full stays at the head and is tried for as
    long as this process lives; nothing is written past it. Anything else that fails is lost, and named.

    Args:
        perform: executes a write; must be harmless to repeat after it failed half-way.
        lost: told of a write that failed for good, with the reason, in the thread of the queue.
        explain: turns an exception into what may be shown to a user.
        say: shows a sentence.
        store: its address, to be read.
    """

    def __init__(
        self,
        perform: Callable[[Write], None],
        lost: Callable[[Write, str], None],
        explain: Callable[[BaseException], str],
        say: Say,
        store: str,
    ) -> None:
        self._perform, self._on_lost, self._explain = perform, lost, explain
        self._say, self._store = say, store
        self._items: deque[Write | _Call] = deque()
        self._changed, self._stopped = Condition(), Event()
        self._away, self._full, self._since, self._told = "", False, 0.0, False
        self._lost: list[str] = []
        self._thread = Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def put(self, write: Write) -> None:
        """Execute it after all that was put before."""
        self._append(write)

    def call(self, what: str, operation: Callable[[], Result], patience: float) -> Result:
        """The answer of an operation, after all that was put before. Ctrl-C ends the wait at once.

        Args:
            what: it in words, for whoever waits.
            operation: must be harmless to repeat.
            patience: seconds for which the store may be away.

        Raises:
            AwayError: it was away for longer.
            Exception: whatever the operation raised.
        """
        call = _Call(operation, Future())
        self._append(call)
        try:
            self._until(call.answer.done, what, patience)
        except BaseException:
            with self._changed:
                if call in self._items:
                    self._items.remove(call)
            raise
        result: Result = call.answer.result()
        return result

    def wait(self, what: str, patience: float, at_most: float = math.inf) -> None:
        """Until everything that was put has been done or lost.

        Args:
            what: it in words, for whoever waits.
            patience: seconds for which the store may be away.
            at_most: seconds that may pass even where the store only takes long to answer.

        Raises:
            AwayError: the store was away for longer than the patience.
        """
        self._until(lambda: not self._items, what, patience, at_most)

    def take_lost(self) -> tuple[str, ...]:
        """What could not be done since the last call, with the reasons."""
        lost, self._lost = self._lost, []
        return tuple(lost)

    @property
    def why_behind(self) -> str:
        """Why nothing can be written just now; empty where it can."""
        return self._away

    @property
    def is_full(self) -> bool:
        """Whether that is because the store's disk is full."""
        return bool(self._away) and self._full

    def take(self) -> list[Write]:
        """Take out the writes that have not been done, the one under way among them."""
        with self._changed:
            left = [item for item in self._items if isinstance(item, Write)]
            self._items = deque(item for item in self._items if not isinstance(item, Write))
            self._away = ""
            self._changed.notify_all()
        return left

    def stop(self) -> list[Write]:
        """End the thread; what `take` gives. Nothing can be put afterwards."""
        self._stopped.set()
        return self.take()

    def _append(self, item: Write | _Call) -> None:
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def _until(self, done: Callable[[], bool], what: str, patience: float, at_most: float = math.inf) -> None:
        began = time.monotonic()
        with announced(self._say, lambda: self._waiting(what)), self._changed:
            while not done():
                self._changed.wait(0.2)
                now = time.monotonic()
                # A store that has been away for long gets a few more attempts, not the whole patience.
                away_for, waited = now - self._since, now - began
                most = min(patience, FULL) if self._full else patience
                if self._away and away_for > most and waited > min(most, 2 * LONGEST_PAUSE):
                    raise AwayError(self._away)
                if waited > at_most:
                    raise AwayError(self._away or "it does not answer")

    def _waiting(self, what: str) -> str:
        why = f", which is away ({self._away})" if self._away else ""
        return f"waiting for the tracking store {self._store}{why}: {what}. Ctrl-C ends it and loses nothing"

    def _work(self) -> None:
        pause = FIRST_PAUSE
        while (item := self._head()) is not None:
            try:
                self._execute(item)
            except Exception as error:
                full = is_full(error) and isinstance(item, Write)
                if is_away(error) or full:
                    self._note_away(error, full=full)
                    self._stopped.wait(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
                    continue
                self._fail(item, error)
            pause = FIRST_PAUSE
            self._done(item)

    def _head(self) -> Write | _Call | None:
        with self._changed:
            while not self._items and not self._stopped.is_set():
                self._changed.wait()
            return None if self._stopped.is_set() else self._items[0]

    def _execute(self, item: Write | _Call) -> None:
        if isinstance(item, Write):
            self._perform(item)
        else:
            item.answer.set_result(item.operation())

    def _fail(self, item: Write | _Call, error: Exception) -> None:
        if isinstance(item, _Call):
            item.answer.set_exception(error)
            return
        reason = self._explain(error)
        self._lost.append(f"{item.what}: {reason}")
        self._on_lost(item, reason)

    def _note_away(self, error: Exception, *, full: bool) -> None:
        now = time.monotonic()
        if not self._away:
            self._since, self._told = now, False
        why, self._full = self._explain(error), full
        self._away = why if len(why) <= REASON else f"{why[: REASON - 1]}…"
        if now - self._since > 2 and not self._told:
            self._told = True
            self._say(
                f"the tracking store {self._store} is away ({self._away}); what is to be written waits for it"
            )

    def _done(self, item: Write | _Call) -> None:
        with self._changed:
            if self._away and self._told:
                self._say(f"the tracking store {self._store} is back")
            self._away = ""
            if item in self._items:
                self._items.remove(item)
            self._changed.notify_all()
