"""The sweep that nothing happened to, run once for all that disturb one."""

import time
from pathlib import Path

import pytest

from tests.support import faults
from tests.support.faults import SMALL, Undisturbed, running


@pytest.fixture(scope="session")
def undisturbed(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Of the two small tables, one trial at a time, on a cluster that it starts itself."""
    results = faults.prepared(tmp_path_factory.mktemp("undisturbed"), migrated, "results")
    arguments = (SMALL, "--scale", "smoke", "--results", str(results), "--concurrent", "1")
    began = time.monotonic()
    with running(results / "log", *arguments) as process:
        process.wait()
    took = time.monotonic() - began
    return Undisturbed(faults.records(faults.store_of(results)), faults.table(results), took)
