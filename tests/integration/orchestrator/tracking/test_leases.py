"""Of several processes on one store one at a time has the lease on a job, and it ends with its owner."""

import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from orchestrator.schema.record import Record
from orchestrator.tracking import status
from orchestrator.tracking.client import now
from orchestrator.tracking.leases import CLAIM
from orchestrator.tracking.owner import SILENCE
from orchestrator.tracking.status import SweepStatus
from orchestrator.tracking.tracker import Tracker
from tests.support.tracked import TRIAL, client, train

JOBS = [f"job{number}" for number in range(6)]


def session(tracker: Tracker) -> str:
    """The id of the run of its process."""
    return tracker.shared._leases._run


def untimed(found: tuple[SweepStatus, ...] | None) -> list[SweepStatus]:
    """Without what differs from one look to the next."""
    return [
        replace(one, seconds=0, silent=0, running=tuple(replace(trial, seconds=0) for trial in one.running))
        for one in found or ()
    ]


def test_who_comes_second_waits_for_the_result_of_the_first(tracker: Tracker, uri: str) -> None:
    with Tracker.open(uri, None) as other:
        assert tracker.shared.claim("abc123") == "mine"
        assert other.shared.claim("abc123") == "theirs"
        assert other.shared.claim("another") == "mine"
        train(tracker)
        tracker.flush()
        record = other.shared.claim("abc123")
        assert isinstance(record, Record)
        assert (record.status, record.metrics["AP"]) == ("finished", 47.25)
        assert other.shared.claim("abc123", record.run_id) == "mine"  # that wants a fresh one


def test_what_failed_or_was_given_up_is_taken_over(tracker: Tracker, uri: str) -> None:
    with Tracker.open(uri, None) as other:
        assert other.shared.claim("abc123") == "mine"
        train(other, status="failed")
        other.flush()
        assert tracker.shared.claim("abc123") == "mine"
        assert other.shared.claim("abc123") == "theirs"
        assert other.shared.claim("left") == "mine"
        assert tracker.shared.claim("left") == "theirs"
    assert tracker.shared.claim("left") == "mine"


@pytest.mark.parametrize("dead", ["writer", "alive"])
def test_the_lease_of_a_dead_owner_expires(tracker: Tracker, uri: str, dead: str) -> None:
    with Tracker.open(uri, None) as other:
        assert other.shared.claim("abc123") == "mine"
        other.start(TRIAL)
        other.flush()
        runs = [session(other), other.records()["abc123"].run_id]
        for run_id in runs:
            pid = "1 1.0" if dead == "writer" else "1 1.00"
            host = client(tracker).get_run(run_id).data.tags["writer"].split()[0]
            owner = f"{host} 999999999 1.0 gone" if dead == "writer" else f"elsewhere {pid} gone"
            client(tracker).set_tag(run_id, "writer", owner)
        if dead == "alive":
            assert tracker.shared.claim("abc123") == "theirs"  # on another machine, and not silent for long
            for run_id in runs:
                client(tracker).set_tag(run_id, "alive", str(now() - SILENCE - 1))
        assert tracker.shared.claim("abc123") == "mine"
        tracker.end_abandoned()
        assert client(tracker).get_run(runs[0]).info.status == "KILLED"


def test_a_run_of_a_living_process_that_has_no_lease_is_left_to_it(tracker: Tracker, uri: str) -> None:
    with Tracker.open(uri, None) as older:
        older.start(TRIAL)
        older.flush()
        assert tracker.shared.claim("abc123") == "theirs"


def test_of_many_that_ask_at_once_exactly_one_gets_each_job(uri: str) -> None:
    trackers = [Tracker.open(uri, None) for _ in range(4)]
    got: list[str] = []
    start = threading.Barrier(len(trackers))

    def ask(tracker: Tracker, order: list[str]) -> None:
        start.wait()
        for job in order:
            while (claim := tracker.shared.claim(job)) == "theirs":
                if got.count(job):
                    break
                time.sleep(0.01)
            if claim == "mine":
                got.append(job)

    orders = [JOBS, JOBS, JOBS[::-1], JOBS[::-1]]
    threads = [threading.Thread(target=ask, args=pair) for pair in zip(trackers, orders, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(got) == Counter(JOBS)
    for tracker in trackers:
        tracker.close()


def test_status_tells_of_every_sweep_what_runs_and_what_waits(tracker: Tracker, uri: str) -> None:
    assert tracker.shared.status() == ()
    with Tracker.open(uri, None) as other:
        other.shared.announce("rle-lab run x", {"abc123": TRIAL.name, "b": "second", "c": "third"})
        tracker.shared.announce("rle-lab run y", {"abc123": TRIAL.name})
        assert other.shared.claim("abc123") == "mine"
        other.start(TRIAL)
        other.epoch("abc123", 2, {"loss": 3.0, "AP": 12.0, "error": 1.0})
        other.tag("abc123", {"node": "worker-7"})
        other.flush()
        first, second = tracker.shared.status()
        assert untimed(status.at(uri)) == untimed((first, second))  # read without MLflow
        assert (first.command, first.waiting, first.next) == ("rle-lab run x", 2, ("second", "third"))
        assert (second.command, second.waiting, second.running) == ("rle-lab run y", 1, ())
        (trial,) = first.running
        assert (trial.name, trial.host, trial.epoch, trial.epochs) == (TRIAL.name, "worker-7", 2, 40)
        assert trial.metrics == {"AP": 12.0, "loss": 3.0}
        assert client(tracker).get_run(session(other)).data.tags[f"{CLAIM}abc123"] == "1"
        other.finish("abc123", "finished", {}, 1.0)
        other.flush()
        assert f"{CLAIM}abc123" not in client(tracker).get_run(session(other)).data.tags
        train(tracker, replace(TRIAL, fingerprint="done"))
    assert [sweep.command for sweep in tracker.shared.status()] == ["rle-lab run y"]
