"""A store that is a sqlite file: looked at before MLflow migrates it, and its files follow it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from orchestrator.tracking.client import PROJECT
from orchestrator.tracking.uri import TrackingError

NOTHING = "nothing of this project is in it. Name its store with --tracking-uri URI"
ANOTHER = "Name another with --tracking-uri sqlite:////path.db"
PATIENCE = 1.0  # seconds for which another process may hold the file; who looks is more patient

_OURS = """
    select experiment_id, name, artifact_location from experiments
    where experiment_id in (select experiment_id from experiment_tags where key = 'project' and value = ?)
"""

_FILES = (("runs", "artifact_uri"), ("logged_models", "artifact_location"))
"""Tables and columns that say where files of an experiment lie."""


def look(file: Path, *, create: bool) -> None:
    """Refuse a file that MLflow must not touch; it is only read.

    Args:
        file: the database.
        create: whether it may be made, or become MLflow's where it is empty.

    Raises:
        TrackingError: it is no database, another program's, somebody else's of another MLflow; or, without
            `create`, there is nothing of this project in it.
    """
    if not file.exists():
        if create:
            return
        raise TrackingError(f"{file}: does not exist. Name a store with --tracking-uri URI", code="no-store")
    try:
        with reading(file) as database:
            tables = {name for (name,) in database.execute("select name from sqlite_master")}
            if not tables and create:
                return
            is_mlflow = {"alembic_version", "experiments", "experiment_tags"} <= tables
            ours = is_mlflow and database.execute(_OURS, (PROJECT,)).fetchone() is not None
            version = _version(database) if is_mlflow else ""
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "unable to open" in str(error):
            raise
        raise TrackingError(f"{file}: no sqlite database ({error}). {ANOTHER}", code="not-a-store") from None
    if not create and not ours:
        raise TrackingError(f"{file}: {NOTHING}", code="no-store")
    if not is_mlflow:
        raise TrackingError(f"{file}: the database of another program. {ANOTHER}", code="not-a-store")
    if not ours and version != _newest_version():
        raise TrackingError(
            f"{file}: somebody else's store, of another version of MLflow, which would migrate it. {ANOTHER}",
            code="not-a-store",
        )


def follow(file: Path, artifacts: Path) -> None:
    """Where experiments' files lie beside the store, moved with it, the store looks for them there.

    Args:
        file: the database, migrated.
        artifacts: the folder in which each experiment of this project has a folder of its name.
    """
    with closing(sqlite3.connect(file, timeout=PATIENCE)) as database, database:
        for identity, name, location in database.execute(_OURS, (PROJECT,)).fetchall():
            here = artifacts / name
            if location == here.as_uri() or not here.is_dir():
                continue
            database.execute(
                "update experiments set artifact_location = ? where experiment_id = ?",
                (here.as_uri(), identity),
            )
            for table, column in _FILES:
                database.execute(
                    f"update {table} set {column} = ? || substr({column}, ?) "
                    f"where experiment_id = ? and substr({column}, 1, ?) = ?",
                    (here.as_uri(), len(location) + 1, identity, len(location) + 1, f"{location}/"),
                )


def _version(database: sqlite3.Connection) -> str:
    row = database.execute("select version_num from alembic_version").fetchone()
    return str(row[0]) if row else ""


def _newest_version() -> str:
    from mlflow.store.db.utils import _get_latest_schema_revision

    return str(_get_latest_schema_revision())


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can't write."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as database:
        yield database
