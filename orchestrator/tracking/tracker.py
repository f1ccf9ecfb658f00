"""The tracking store: trials, declarations and tables in MLflow, written by the process that runs the sweeps.

Nothing else imports MLflow. Trials are written through a queue, so that a server that is away for a minute
delays nothing and loses nothing; whatever is asked of the store waits for what was written before it.
"""

import errno
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import pandas as pd

from orchestrator.schema.declaration import Declaration
from orchestrator.schema.record import Record
from orchestrator.tracking import reader
from orchestrator.tracking.client import Store, now
from orchestrator.tracking.connect import connect
from orchestrator.tracking.heartbeat import Heartbeat
from orchestrator.tracking.table_writer import TableWriter
from orchestrator.tracking.trial_writer import TrialInfo, TrialWriter
from orchestrator.tracking.uri import StoreUri, TrackingError, parse
from orchestrator.tracking.write_queue import PermanentError, WriteQueue, retry
from orchestrator.util.redact import redacted

__all__ = ["Tracker", "TrackingError", "TrialInfo"]

PATIENCE = 600.0  # seconds
HEARTBEAT = 60.0  # seconds
PERMANENT = frozenset(
    {
        "INVALID_PARAMETER_VALUE",
        "RESOURCE_DOES_NOT_EXIST",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "NOT_IMPLEMENTED",
    }
)
"""Errors that another attempt does not mend."""
NOT_WRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES})
"""The same where the disk is full or a folder of artifacts can't be written to."""

Result = TypeVar("Result")


class Tracker:
    """A tracking store that has been opened. Use it as a context manager, or call `close`."""

    def __init__(self, client: Any, entities: Any, store_uri: StoreUri, patience: float) -> None:
        self._client, self._uri, self._patience = client, store_uri, patience
        store = Store(client, entities, store_uri.artifacts)
        self._trials, self._tables = TrialWriter(store), TableWriter(store)
        self._queue = WriteQueue(patience, self._explain)
        self._declared: dict[str, Declaration] = {}  # by run id
        self._heartbeat = Heartbeat(self._trials.beat, HEARTBEAT)

    @classmethod
    def open(cls, uri: str, artifacts: Path | None, *, patience: float = PATIENCE) -> Self:
        """Connect to a store; a sqlite file is created and migrated before anything else touches it.

        Args:
            uri: see `uri.parse`.
            artifacts: the folder for the artifacts of a database; beside a sqlite file if None.
            patience: seconds for which a call is tried again while the store is away.

        Raises:
            TrackingError: the address is wrong or the store can't be reached.
        """
        store_uri = parse(uri, artifacts)
        try:
            client, entities = connect(store_uri)
        except Exception as error:
            # The cause is not chained: its text may hold the password.
            reason = store_uri.hide(str(error)).strip().rstrip(".")
            raise TrackingError(
                f"{store_uri.shown}: the tracking store can't be reached: {reason}", code="unreachable"
            ) from None
        return cls(client, entities, store_uri, patience)

    def start(self, trial: TrialInfo) -> None:
        """A trial begins or goes on: a run that did not finish is resumed, else a new one is made."""
        self._enqueue(f"the start of {trial.name}", lambda: self._trials.start(trial))

    def epoch(self, fingerprint: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Metrics of an epoch (from 1). An epoch that was logged before is skipped.

        Raises:
            ValueError: a metric's name that MLflow can't hold.
        """
        named, when = _named(metrics), now()
        self._enqueue(
            f"epoch {epoch} of {fingerprint}", lambda: self._trials.epoch(fingerprint, epoch, named, when)
        )

    def finish(
        self,
        fingerprint: str,
        status: Literal["finished", "diverged", "failed"],
        metrics: Mapping[str, float],
        duration: float,
        note: str = "",
        warnings: Sequence[str] = (),
        detail: str = "",
    ) -> None:
        """A trial has ended, with its last metrics, its duration in seconds and, of a probe, its detail.

        Raises:
            ValueError: a metric's name that MLflow can't hold.
        """
        named, when, kept = _named(metrics), now(), tuple(warnings)
        self._enqueue(
            f"the end of {fingerprint}",
            lambda: self._trials.finish(
                fingerprint, status, named, duration, note=note, warnings=kept, detail=detail, when=when
            ),
        )

    def tag(self, fingerprint: str, tags: Mapping[str, str]) -> None:
        """Add tags to the run of a fingerprint, such as another table that it serves."""
        self._enqueue(f"tags of {fingerprint}", lambda: self._trials.tag(fingerprint, tags))

    def end_abandoned(self) -> tuple[str, ...]:
        """Mark the runs that dead processes left running as killed; their fingerprints.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        return self._call("marking dead runs", self._trials.end_abandoned)

    def records(
        self, fingerprints: Iterable[str] | None = None, history: Collection[str] | None = None
    ) -> dict[str, Record]:
        """The newest run of each fingerprint, by fingerprint; of all that the store knows if None.

        Args:
            fingerprints: those wanted.
            history: the metrics whose values by epoch are wanted, which costs a call for each of each run;
                every metric if None.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        wanted = None if fingerprints is None else tuple(fingerprints)
        return self._call("reading records", lambda: reader.records(self._client, wanted, history))

    def older(self) -> int:
        """How many jobs have only runs by code of other mathematics (`util/mathematics.py`).

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        return self._call("counting older runs", lambda: reader.older(self._client))

    def details(self, fingerprints: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What finished probes measured beside their metrics, by fingerprint; figures are drawn from it.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        wanted = tuple(fingerprints)
        return self._call("reading details", lambda: reader.details(self._client, wanted))

    def declare(self, declaration: Declaration) -> None:
        """Store a table's declaration. If it differs, it takes the place of the same table of its report.

        Raises:
            TrackingError: it can't be written.
        """
        kept = _without_credentials(declaration)
        run_id = self._call(f"declaring table {kept.table}", lambda: self._tables.declare(kept))
        self._declared[run_id] = kept

    def reports(self) -> list[str]:
        """The names of the reports that have tables; the one that was declared last is at the end.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        return self._call("reading reports", lambda: reader.reports(self._client))

    def declarations(self, report: str) -> tuple[Declaration, ...]:
        """The newest declaration of each table of a report: tables in their own order, then figures.

        Raises:
            TrackingError: one can't be read, or was written by another version.
        """
        return self._call(
            "reading declarations", lambda: reader.declarations(self._client, report, self._declared)
        )

    def log_table(
        self, declaration: Declaration, frame: pd.DataFrame, files: Mapping[str, Path], verdicts_json: str
    ) -> None:
        """Keep a filled table, its files (by their names in the run) and verdicts with its declaration.

        A file in Markdown, if there is one, becomes part of the run's description. A table that differs from
        the one logged before takes its place, in a run of its own.

        Raises:
            TrackingError: it can't be written.
        """
        self._call(
            f"logging table {declaration.table}",
            lambda: self._tables.log_table(_without_credentials(declaration), frame, files, verdicts_json),
        )

    def flush(self) -> None:
        """Wait until everything is written.

        Raises:
            TrackingError: names what could not be written since the last call.
        """
        self._queue.wait()
        self._raise_lost()

    def close(self) -> None:
        """`flush`, mark trials that have not ended as interrupted, and end the writing thread. Nothing can be
        written afterwards."""
        self._heartbeat.stop()
        self._enqueue("what was interrupted", self._trials.interrupt)
        self._queue.close()
        self._raise_lost()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except TrackingError as lost:
            if error is None:
                raise
            error.add_note(str(lost))  # what went wrong first stays the error

    def _enqueue(self, what: str, operation: Callable[[], None]) -> None:
        self._queue.put(what, lambda: _attempt(operation))

    def _call(self, what: str, operation: Callable[[], Result]) -> Result:
        self._queue.wait()
        try:
            return retry(lambda: _attempt(operation), self._patience)
        except Exception as error:
            raise TrackingError(
                f"{self._uri.shown}: {what} failed: {self._explain(error)}", code="failed"
            ) from None

    def _explain(self, error: Exception) -> str:
        return self._uri.hide(str(error))

    def _raise_lost(self) -> None:
        lost = self._queue.take_lost()
        if lost:
            raise TrackingError(f"{self._uri.shown}: not written: {'; '.join(lost)}", code="not-written")


def _without_credentials(declaration: Declaration) -> Declaration:
    """Its command line may hold the passwords of addresses."""
    return declaration.model_copy(update={"command": redacted(declaration.command)})


def _named(metrics: Mapping[str, float]) -> dict[str, float]:
    return {reader.metric_name(key): float(value) for key, value in metrics.items()}


def _attempt(operation: Callable[[], Result]) -> Result:
    from mlflow.exceptions import MlflowException

    try:
        return operation()
    except MlflowException as error:
        if error.error_code in PERMANENT:
            raise PermanentError(error.message) from error
        raise
    except OSError as error:
        if error.errno in NOT_WRITABLE:
            raise PermanentError(str(error)) from error
        raise
