"""Connecting to a tracking store: nothing is made in one that is somebody else's."""

import fcntl
import glob
import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from orchestrator.tracking import sqlite_file
from orchestrator.tracking.patience import Say, announced, is_locked, reason
from orchestrator.tracking.threads import in_threads
from orchestrator.tracking.uri import StoreUri, TrackingError, sqlite_uri

ALWAYS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it would print the address with its password
}
UNLESS_SET = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # the write queue is patient enough
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}

PAUSE = 0.2
"""Seconds from one look at a file that another process holds to the next."""


def connect(store_uri: StoreUri, *, create: bool = True) -> tuple[Any, Any]:
    """MLflow's client and its entities, after a first call that shows the store to be there.

    Args:
        store_uri: of the store.
        create: whether a database that is not there yet is made; otherwise nothing is made or migrated where
            this project has no experiment.

    Raises:
        TrackingError: it is the database of something else, or nothing of this project is in it.
        Exception: MLflow's own, with an address in its text that may hold a password.
    """
    os.environ.update({**UNLESS_SET, **os.environ, **ALWAYS})
    if store_uri.file is not None and not (create and _lock(store_uri.file).exists()):
        sqlite_file.look(store_uri.file, create=create)  # before anything is made beside it
    elif not create and store_uri.is_database:
        _look(store_uri)
    from mlflow import MlflowClient, entities

    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It logs each error with its traceback, and raises it too.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    with _exclusive(store_uri.file), _without_traces(store_uri):
        if store_uri.file is not None:
            sqlite_file.look(store_uri.file, create=create)
            if not store_uri.file.exists() or not store_uri.file.stat().st_size:
                _make(store_uri.file)
        client = MlflowClient(tracking_uri=store_uri.uri)
        client.search_experiments(max_results=1)
        if store_uri.file is not None and store_uri.artifacts is not None:
            sqlite_file.follow(store_uri.file, store_uri.artifacts)
    return client, entities


def reached(store_uri: StoreUri, *, create: bool, patience: float, say: Say) -> tuple[Any, Any]:
    """`connect`, which says for what it waits and waits for who holds a sqlite file. Ctrl-C ends it at once.

    Args:
        store_uri: of the store.
        create: as for `connect`.
        patience: seconds for which another process may hold it.
        say: shows a sentence.

    Raises:
        TrackingError: the store can't be reached, or must not be touched.
    """
    began, why = time.monotonic(), "to answer"
    with announced(say, lambda: f"waiting for the tracking store {store_uri.shown} {why}. Ctrl-C ends it"):
        while True:
            try:
                return in_threads(lambda uri: connect(uri, create=create), [store_uri], 1)[0]
            except TrackingError:
                raise
            except ModuleNotFoundError as error:
                raise TrackingError(
                    f"{store_uri.shown}: the database's driver is not installed ({error}). For PostgreSQL, "
                    "pip install 'rle-lab[postgres]' has that of addresses that begin with postgresql+psycopg2://",
                    code="no-driver",
                ) from None
            except Exception as error:
                if not is_locked(error) or time.monotonic() - began > patience:
                    # The cause is not chained: its text may hold the password.
                    told = store_uri.hide(reason(error)).strip().rstrip(".")
                    raise TrackingError(
                        f"{store_uri.shown}: the tracking store can't be reached: {told}", code="unreachable"
                    ) from None
            why = "until another process releases it, which has locked it"
            time.sleep(PAUSE)


def _make(file: Path) -> None:
    """Make a store beside its place, and move it there: one that was left half-made, by a full disk or a
    kill, would be taken for somebody else's."""
    from mlflow import MlflowClient

    target = file.resolve()
    part = target.with_name(f"{target.name}.part-{uuid.uuid4().hex}")  # MLflow remembers those that it made
    try:
        MlflowClient(tracking_uri=sqlite_uri(part)).search_experiments(max_results=1)
        part.replace(target)
    finally:
        for trace in target.parent.glob(
            f"{glob.escape(target.name)}.part-*"
        ):  # its journal, and of killed ones
            trace.unlink(missing_ok=True)


def _look(store_uri: StoreUri) -> None:
    """Refuse a database that holds no MLflow store, which MLflow would make one."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(store_uri.uri)
    try:
        if not sqlalchemy.inspect(engine).has_table("experiments"):
            raise TrackingError(f"{store_uri.shown}: {sqlite_file.NOTHING}", code="no-store")
    finally:
        engine.dispose()


def _lock(file: Path) -> Path:
    return file.with_name(file.name + ".lock")


@contextmanager
def _exclusive(file: Path | None) -> Iterator[None]:
    """One process at a time: two that create the same sqlite file at once break it for good."""
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with _lock(file).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _without_traces(store_uri: StoreUri) -> Iterator[None]:
    """Without the empty folders that MLflow makes of a path that it has not decoded."""
    if store_uri.file is None:
        yield
        return
    written = Path(store_uri.uri.partition(":///")[2].partition("?")[0]).parent
    absent = [folder for folder in (written, *written.parents) if not folder.exists()]
    yield
    for folder in absent:
        with suppress(OSError):
            folder.rmdir()
