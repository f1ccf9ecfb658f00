"""The way to a store: a queue of writes, calls with patience, and what is kept where both end."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

from orchestrator.tracking.outbox import Outbox
from orchestrator.tracking.patience import AwayError, Say, reason
from orchestrator.tracking.trial_writer import TrialWriter
from orchestrator.tracking.uri import StoreUri, TrackingError
from orchestrator.tracking.write_queue import Write, WriteQueue

HURRY = 4.0
"""Seconds that a store that is away is waited for where somebody wants to go."""
NAMED = 5
"""Lost writes that a message names."""

Result = TypeVar("Result")


class Channel:
    """What an earlier command could not send goes first.

    Args:
        uri: of the store.
        trials: who performs the writes.
        known: what is known of trials that were started, by fingerprint; those of earlier commands are added.
        patience: seconds for which the store may be away.
        say: shows a sentence.
    """

    def __init__(
        self, uri: StoreUri, trials: TrialWriter, known: dict[str, dict[str, Any]], patience: float, say: Say
    ) -> None:
        self._uri, self._patience = uri, patience
        self._gone = False  # the patience has ended once
        self._queue = WriteQueue(trials.perform, trials.lose, self._explain, say, uri.shown)
        self._outbox = Outbox(uri, self._queue, known, trials.token, say)
        self._outbox.send()

    def put(self, write: Write) -> None:
        """Write it after all that was put before."""
        self._queue.put(write)

    def call(self, what: str, operation: Callable[[], Result], patience: float | None = None) -> Result:
        """The answer of an operation, after all that was put before.

        Args:
            patience: seconds for which the store may be away; that of the channel if None.

        Raises:
            TrackingError: it failed, or the store is away for longer than the patience.
        """
        try:
            return self._queue.call(what, operation, self._patience if patience is None else patience)
        except TrackingError:
            raise
        except AwayError as error:
            raise self._away(what, error) from None
        except Exception as error:
            raise TrackingError(
                f"{self._uri.shown}: {what} failed: {self._explain(error)}", code="failed"
            ) from None

    def why_behind(self) -> str:
        """Why nothing can be written just now; empty where it can."""
        return self._queue.why_behind

    def flush(self) -> None:
        """Wait until everything is written. What a full disk does not take is kept, so that the store can be
        read.

        Raises:
            TrackingError: names what could not be written, or is kept; or the store is away for longer than
                the patience.
        """
        try:
            self._wait("writing what the trials reported", self._patience)
        except TrackingError:
            if not self._queue.is_full:
                raise
            why = self._queue.why_behind
            raise TrackingError(self._outbox.keep(self._queue.take(), why), code="kept") from None
        self._raise_lost()

    def close(self, *, hurry: bool) -> None:
        """Write what is left and end the thread; keep what a store that is away does not take.

        Raises:
            TrackingError: names what could not be written, or is kept.
        """
        away: TrackingError | None = None
        try:
            hurry = hurry or self._gone
            self._wait("writing what is left", self._patience, HURRY if hurry else math.inf)
        except TrackingError as error:
            away = error
        finally:
            why, full = self._queue.why_behind, self._queue.is_full
            kept = self._outbox.keep(self._queue.stop(), why)
        if kept:
            raise TrackingError(kept, code="kept")
        if away is not None and not full:  # a run that could only not be ended is, by the next command
            raise away
        self._raise_lost()

    def _wait(self, what: str, patience: float, at_most: float = math.inf) -> None:
        try:
            self._queue.wait(what, patience, at_most)
        except AwayError as error:
            raise self._away(what, error) from None

    def _away(self, what: str, error: AwayError) -> TrackingError:
        self._gone = True
        return TrackingError(
            f"{self._uri.shown}: the tracking store is away: {what} failed: {error}. "
            "The same command goes on from here once it is back",
            code="away",
        )

    def _explain(self, error: BaseException) -> str:
        return self._uri.hide(reason(error))

    def _raise_lost(self) -> None:
        if lost := self._queue.take_lost():
            more = f"; and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
            raise TrackingError(
                f"{self._uri.shown}: not written: {'; '.join(lost[:NAMED])}{more}", code="not-written"
            )
