"""Connecting to a tracking store."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.tracking.uri import StoreUri

ALWAYS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it would print the address with its password
}
UNLESS_SET = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # the write queue is patient enough
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def connect(store_uri: StoreUri) -> tuple[Any, Any]:
    """MLflow's client and its entities, after a first call that shows the store to be there."""
    os.environ.update({**UNLESS_SET, **os.environ, **ALWAYS})
    from mlflow import MlflowClient, entities

    for noisy in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with _exclusive(store_uri.file):
        client = MlflowClient(tracking_uri=store_uri.uri)
        client.search_experiments(max_results=1)
    return client, entities


@contextmanager
def _exclusive(file: Path | None) -> Iterator[None]:
    """One process at a time: two that create the same sqlite file at once break it for good."""
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(file.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
