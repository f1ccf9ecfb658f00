"""Between the queue and the disk: what was kept is sent, and what was not sent is kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.tracking import unsent
from orchestrator.tracking.patience import Say
from orchestrator.tracking.unsent import Unsent
from orchestrator.tracking.uri import StoreUri
from orchestrator.tracking.write_queue import Write, WriteQueue


class Outbox:
    """What a store has not taken.

    Args:
        store_uri: of the store.
        queue: of its writes.
        trials: what is known of the trials that were started, by fingerprint; those that are resumed are
            added.
        writer: the token of this process in the tag `writer` of its runs.
        say: shows a sentence.
    """

    def __init__(
        self,
        store_uri: StoreUri,
        queue: WriteQueue,
        trials: dict[str, dict[str, Any]],
        writer: str,
        say: Say,
    ) -> None:
        self._folders, self._queue, self._trials = unsent.folders(store_uri), queue, trials
        self._writer, self._say = writer, say
        self._store = store_uri.shown
        self._taken: list[Unsent] = []

    def send(self) -> None:
        """Put what earlier commands kept into the queue."""
        for found in unsent.take(self._folders):
            if isinstance(found, str):
                self._say(found)
                continue
            self._taken.append(found)
            self._say(
                f"{_count(len(found.writes))} that an earlier command kept for {self._store} are sent now"
            )
            for write in found.writes:
                if write.kind == "resume":
                    trial: Mapping[str, Any] = write.fields["trial"]
                    self._trials[write.fingerprint] = dict(trial)
                self._queue.put(write)

    def keep(self, left: Sequence[Write], why: str = "") -> str:
        """Keep what was taken out of the queue; a sentence about it, empty if there is nothing.

        Args:
            left: in order.
            why: it did not arrive.
        """
        left = [write for write in left if write.kind != "interrupt"]
        if not left:
            self._forget()
            return ""
        what = f"{self._store}: {_count(len(left))} did not arrive{why and f' ({why})'}"
        try:
            path = unsent.save(self._folders, left, self._trials, self._writer)
        except OSError as error:
            return (
                f"{what} and could not be kept either ({error}): their trials count as "
                "unfinished, and the same command runs them again from their checkpoints"
            )
        self._forget()
        return f"{what}. They are kept in {path}, and the next command on this store sends them"

    def _forget(self) -> None:
        for found in self._taken:
            found.delete()
        self._taken = []


def _count(writes: int) -> str:
    return f"{writes} {'write' if writes == 1 else 'writes'}"
