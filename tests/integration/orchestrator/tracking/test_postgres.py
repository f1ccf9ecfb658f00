"""A store in PostgreSQL: what several people at once write to is read back, on a server of the test's own."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.tracking.tracker import Tracker, TrackingError
from tests.support import postgres
from tests.support.errors import refused
from tests.support.tracked import TRIAL, declaration, train

JOBS = [f"job{number}" for number in range(4)]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres.server() as uri:
        yield uri


def test_what_is_no_store_is_not_made_one(database: str) -> None:
    with refused("no-store", TrackingError):
        Tracker.open(database, None, create=False)


def test_a_driver_that_is_missing_is_named_with_where_it_is(database: str, tmp_path: Path) -> None:
    with refused("no-driver", TrackingError) as caught:
        Tracker.open(database.replace("psycopg2", "pg8000"), tmp_path)
    assert "pg8000" in str(caught.value)


def test_two_sweeps_at_once_share_their_jobs_and_are_read_without_a_folder(
    database: str, tmp_path: Path
) -> None:
    Tracker.open(database, tmp_path / "artifacts").close()
    got: list[str] = []

    def sweep() -> None:
        with Tracker.open(database, tmp_path / "artifacts") as tracker:
            tracker.shared.announce("rle-lab run x", dict.fromkeys(JOBS, "a job"))
            for job in JOBS:
                if tracker.shared.claim(job) == "mine":
                    got.append(job)
                    train(tracker, replace(TRIAL, fingerprint=job, data_name="generated coco"))
            tracker.declare(declaration())

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == JOBS
    with Tracker.open(database, None, create=False) as reader:
        found = reader.records()
        assert {fp: record.status for fp, record in found.items()} == dict.fromkeys(JOBS, "finished")
        assert found[JOBS[0]].history["loss"] == ((1, 1.0), (2, 0.5), (3, 1 / 3))
        assert reader.declarations("demo") == (declaration(),)
        assert reader.older() == 0
        assert reader.shared.status() == ()
