"""What tests of whole commands share."""

from pathlib import Path

import pytest

from orchestrator.tracking.tracker import Tracker


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    Tracker.open(f"sqlite:///{file}", None).close()
    return file
