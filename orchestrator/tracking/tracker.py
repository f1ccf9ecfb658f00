"""The tracking store: trials, declarations and tables in MLflow, written by the process that runs the sweeps.

Nothing else imports MLflow. Trials are written through a queue, so that a server that is away for a minute
delays nothing and loses nothing; whatever is asked of the store waits for what was written before it.
"""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from orchestrator.schema.declaration import Declaration
from orchestrator.schema.record import Record
from orchestrator.tracking import reader, table_reader
from orchestrator.tracking.channel import Channel
from orchestrator.tracking.client import Store, now
from orchestrator.tracking.connect import reached
from orchestrator.tracking.heartbeat import Heartbeat
from orchestrator.tracking.model_writer import ModelWriter
from orchestrator.tracking.patience import Say
from orchestrator.tracking.run_record import metric_name
from orchestrator.tracking.shared_work import SharedWork
from orchestrator.tracking.table_writer import TableWriter
from orchestrator.tracking.trial_info import TrialInfo
from orchestrator.tracking.trial_writer import TrialWriter
from orchestrator.tracking.uri import StoreUri, TrackingError, parse
from orchestrator.tracking.write_queue import Write
from orchestrator.util.redact import redacted, shown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tracker", "TrackingError", "TrialInfo"]

PATIENCE, HEARTBEAT = 600.0, 60.0  # seconds


def _print(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


class Tracker:
    """A tracking store that has been opened. Use it as a context manager, or call `close`.

    What an earlier command could not send to it is sent first.
    """

    def __init__(self, store: Store, store_uri: StoreUri, patience: float, say: Say) -> None:
        self._client, self._uri, self._say = store.client, store_uri, say
        self._trials, self._tables = TrialWriter(store), TableWriter(store)
        self._known: dict[str, dict[str, Any]] = {}  # trials that were started, by fingerprint
        self._channel = Channel(store_uri, self._trials, self._known, patience, say)
        self._declared: dict[str, Declaration] = {}  # by run id
        self._problems: dict[str, None] = {}
        self.shared = SharedWork(self._channel, self._trials.leases, store.client)
        self.models = ModelWriter(self._channel, store.client)
        self._heartbeat = Heartbeat(self._trials.beat, HEARTBEAT)

    @classmethod
    def open(
        cls,
        uri: str,
        artifacts: Path | None,
        *,
        patience: float = PATIENCE,
        create: bool = True,
        prefix: str = "",
        say: Say = _print,
    ) -> Self:
        """Connect to a store; a sqlite file is created and migrated before anything else touches it.

        Args:
            uri: see `uri.parse`.
            artifacts: the folder for the artifacts of a database; beside a sqlite file if None.
            patience: seconds for which the store may be away, and another process may hold a sqlite file.
            create: whether a database is made where there is none; else there must be something of this
                project in it.
            prefix: before the names of experiments that are made.
            say: shows a sentence about what is waited for.

        Raises:
            TrackingError: the address is wrong, the store can't be reached, or it is somebody else's.
        """
        store_uri = parse(uri, artifacts, create=create)
        client, entities = reached(store_uri, create=create, patience=patience, say=say)
        return cls(Store(client, entities, store_uri, prefix), store_uri, patience, say)

    def start(self, trial: TrialInfo) -> None:
        """A trial begins or goes on: a run that did not finish is resumed, else a new one is made."""
        fields = {**asdict(trial), "checkpoint": shown(trial.checkpoint)}
        self._known[trial.fingerprint] = fields
        self._channel.put(Write("start", f"the start of {trial.name}", trial.fingerprint, {"trial": fields}))

    def epoch(self, fingerprint: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Metrics of an epoch (from 1). An epoch that was logged before is skipped.

        Raises:
            ValueError: a metric's name that MLflow can't hold.
        """
        fields = {"epoch": epoch, "metrics": _named(metrics), "when": now()}
        self._channel.put(Write("epoch", f"epoch {epoch} of {self._name(fingerprint)}", fingerprint, fields))

    def finish(
        self,
        fingerprint: str,
        status: Literal["finished", "diverged", "stopped", "failed"],
        metrics: Mapping[str, float],
        duration: float,
        note: str = "",
        warnings: Sequence[str] = (),
        detail: str = "",
    ) -> None:
        """A trial has ended or was stopped, with its last metrics, its seconds and, of a probe, its detail.

        Its run counts as finished only if all of it could be written.

        Raises:
            ValueError: a metric's name that MLflow can't hold.
        """
        fields = {
            "status": status, "metrics": _named(metrics), "duration": duration, "note": note,
            "warnings": list(warnings), "detail": detail, "when": now(),
        }  # fmt: skip
        self._channel.put(Write("finish", f"the end of {self._name(fingerprint)}", fingerprint, fields))

    def tag(self, fingerprint: str, tags: Mapping[str, str]) -> None:
        """Add tags to the run of a fingerprint, such as another table that it serves."""
        fields = {"tags": dict(tags)}
        self._channel.put(Write("tag", f"tags of {self._name(fingerprint)}", fingerprint, fields))

    def reserve(self, groups: Iterable[str]) -> None:
        """Make the experiments that trials of these groups will need, before anything is trained.

        Raises:
            TrackingError: one belongs to somebody else, or the store is away for longer than the patience.
        """
        names = sorted(set(groups))
        self._channel.call("making experiments", lambda: [self._trials.group(name) for name in names])

    def end_abandoned(self) -> tuple[str, ...]:
        """Mark the runs that dead processes left running as killed; their fingerprints.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        return self._channel.call("marking dead runs", self._trials.end_abandoned)

    def records(
        self, fingerprints: Iterable[str] | None = None, history: Collection[str] | None = None
    ) -> dict[str, Record]:
        """The run that counts of each fingerprint, by fingerprint; of all that the store knows if None. What
        can't be read is left out, and named by `problems`.

        Args:
            fingerprints: those wanted.
            history: the metrics whose values by epoch are wanted, which costs a call for each of each run;
                every metric if None.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        wanted = None if fingerprints is None else tuple(fingerprints)
        found, problems = self._channel.call(
            "reading records", lambda: reader.records(self._client, wanted, history)
        )
        self._problems |= dict.fromkeys(problems)
        return found

    def problems(self) -> tuple[str, ...]:
        """Sentences about the records that could not be read so far, and were left out."""
        return tuple(self._problems)

    def older(self) -> int:
        """How many jobs have only runs by code of other mathematics (`util/mathematics.py`).

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        return self._channel.call("counting older runs", lambda: reader.older(self._client))

    def details(self, fingerprints: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What finished probes measured beside their metrics, by fingerprint; figures are drawn from it.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        wanted = tuple(fingerprints)
        found, problems = self._channel.call("reading details", lambda: reader.details(self._client, wanted))
        self._problems |= dict.fromkeys(problems)
        return found

    def declare(self, declaration: Declaration) -> None:
        """Store a table's declaration. If it differs, it takes the place of the same table of its report.

        Raises:
            TrackingError: it can't be written.
        """
        kept = _without_credentials(declaration)
        run_id = self._channel.call(f"declaring table {kept.table}", lambda: self._tables.declare(kept))
        self._declared[run_id] = kept

    def reports(self) -> list[str]:
        """The names of the reports that have tables; the one that was declared last is at the end.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        return self._channel.call("reading reports", lambda: table_reader.reports(self._client))

    def pages(self) -> dict[str, str]:
        """The addresses of MLflow's lists of trials, after the server's own, by experiment.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        return self._channel.call("reading experiments", lambda: reader.pages(self._client))

    def declarations(self, report: str) -> tuple[Declaration, ...]:
        """The newest declaration of each table of a report: tables in their own order, then figures.

        Raises:
            TrackingError: one can't be read, or was written by another version.
        """
        return self._channel.call(
            "reading declarations", lambda: table_reader.declarations(self._client, report, self._declared)
        )

    def log_table(
        self, declaration: Declaration, frame: "pd.DataFrame", files: Mapping[str, Path], verdicts_json: str
    ) -> None:
        """Keep a filled table, its files (by their names in the run) and verdicts with its declaration.

        A file in Markdown, if there is one, becomes part of the run's description. A table that differs from
        the one logged before takes its place, in a run of its own.

        Raises:
            TrackingError: it can't be written.
        """
        self._channel.call(
            f"logging table {declaration.table}",
            lambda: self._tables.log_table(_without_credentials(declaration), frame, files, verdicts_json),
        )

    def why_behind(self) -> str:
        """Why nothing can be written just now, so that what a trial reports waits; empty where it can."""
        return self._channel.why_behind()

    def flush(self) -> None:
        """Wait until everything is written.

        Raises:
            TrackingError: names what could not be written since the last call; or that a full disk did not
                take, which is kept; or the store is away for longer than the patience, and `close` keeps what
                was not sent.
        """
        self._channel.flush()

    def close(self, *, hurry: bool = False) -> None:
        """Write what is left, mark trials that have not ended as interrupted, and end the writing thread.
        Nothing can be written afterwards.

        What a store that is away does not take is kept on disk, and sent by the next command.

        Args:
            hurry: whether somebody wants to go: the store is waited for for a few seconds only.

        Raises:
            TrackingError: names what could not be written, or is kept.
        """
        self._heartbeat.stop()
        self._channel.put(Write("interrupt", "what was interrupted"))
        self._channel.close(hurry=hurry)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close(hurry=not isinstance(error, Exception | None))
        except TrackingError as lost:
            if error is None:
                raise
            error.add_note(str(lost))  # what went wrong first stays the error
            self._say(str(lost))

    def _name(self, fingerprint: str) -> str:
        return str(self._known.get(fingerprint, {}).get("name", fingerprint))


def _without_credentials(declaration: Declaration) -> Declaration:
    """Its command line may hold the passwords of addresses."""
    return declaration.model_copy(update={"command": redacted(declaration.command)})


def _named(metrics: Mapping[str, float]) -> dict[str, float]:
    return {metric_name(key): float(value) for key, value in metrics.items()}
