"""Signs of life: whose runs are ended when, and by whom."""

import errno
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from orchestrator.schema.declaration import Declaration
from orchestrator.tracking import tracker as trackers
from orchestrator.tracking.heartbeat import Heartbeat
from orchestrator.tracking.owner import SILENCE
from orchestrator.tracking.tracker import Tracker, TrackingError, TrialInfo
from tests.support.errors import refused
from tests.support.tracked import SECRET

TRIAL = TrialInfo("abc123", "RLE 3x64, seed 0", "coco-demo", 0, {}, "{}")
ELSEWHERE = "orchestrator.tracking.owner.socket.gethostname"


@pytest.fixture
def tracker(uri: str) -> Iterator[Tracker]:
    with Tracker.open(uri, None) as opened:
        yield opened


def run(tracker: Tracker) -> Any:
    return tracker._client.get_run(tracker.records()["abc123"].run_id)


def begin_elsewhere(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(ELSEWHERE, lambda: "elsewhere")
        tracker.start(TRIAL)
        tracker.flush()


def silent_for(tracker: Tracker, milliseconds: int) -> None:
    alive = int(time.time() * 1000) - milliseconds
    tracker._client.set_tag(tracker.records()["abc123"].run_id, "alive", str(alive))


def test_a_run_of_another_machine_is_ended_once_it_has_been_silent_for_long(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_elsewhere(tracker, monkeypatch)
    assert tracker.end_abandoned() == ()
    silent_for(tracker, SILENCE - 30_000)
    assert tracker.end_abandoned() == ()
    silent_for(tracker, SILENCE + 30_000)
    assert tracker.end_abandoned() == ("abc123",)
    assert run(tracker).info.status == "KILLED"
    assert tracker.end_abandoned() == ()


def test_a_run_that_never_gave_a_sign_of_life_counts_from_its_start(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_elsewhere(tracker, monkeypatch)
    tracker._client.delete_tag(run(tracker).info.run_id, "alive")
    assert tracker.end_abandoned() == ()
    hence = time.time() * 1000 + SILENCE + 30_000
    monkeypatch.setattr("orchestrator.tracking.owner.now", lambda: int(hence))
    assert tracker.end_abandoned() == ("abc123",)


def test_a_run_of_this_machine_needs_no_sign_of_life_while_its_process_lives(tracker: Tracker) -> None:
    tracker.start(TRIAL)
    silent_for(tracker, 100 * SILENCE)
    assert tracker.end_abandoned() == ()


def test_signs_of_life_come_while_a_trial_runs_and_end_with_it(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "HEARTBEAT", 0.01)
    with Tracker.open(uri, None) as tracker:
        tracker.start(TRIAL)
        began = run(tracker).data.tags["alive"]
        while run(tracker).data.tags["alive"] == began:
            time.sleep(0.01)
        tracker.finish("abc123", "finished", {}, 1.0)
        tracker.flush()
        tracker._trials.beat()
        assert tracker._trials._running() == []


def test_a_beat_that_fails_is_not_the_last() -> None:
    beats: list[int] = []
    enough = Event()

    def beat() -> None:
        beats.append(1)
        if len(beats) == 3:
            enough.set()
        raise ConnectionError

    heartbeat = Heartbeat(beat, 0.001)
    assert enough.wait(10)
    heartbeat.stop()


def test_a_trial_that_runs_when_its_tracker_closes_is_marked_as_interrupted(uri: str) -> None:
    with Tracker.open(uri, None) as tracker:
        for fingerprint in ("abc123", "done"):
            tracker.start(replace(TRIAL, fingerprint=fingerprint))
        tracker.finish("done", "finished", {}, 1.0)
    with Tracker.open(uri, None) as later:
        records = later.records()
        assert (records["abc123"].status, records["done"].status) == ("failed", "finished")
        assert records["abc123"].note == "interrupted: the sweep was stopped"
        assert run(later).info.status == "KILLED"
        later.start(TRIAL)
        later.finish("abc123", "finished", {}, 1.0)
        assert later.records()["abc123"].run_id == records["abc123"].run_id


def test_the_store_keeps_no_key_of_an_address(tracker: Tracker, tmp_path: Path) -> None:
    storage, uri = f"s3://key:{SECRET}@bucket/lab", f"http://user:{SECRET}@host"
    tracker.start(replace(TRIAL, checkpoint=f"{storage}/abc123/checkpoint.pt"))
    command = f"python sweeps/flow_size.py --storage {storage} --tracking-uri {uri}"
    tracker.declare(
        Declaration(
            table="1", title="", scale="smoke", report="smoke", data="", data_fingerprints=(), seeds=(0,),
            columns=(), rows=(), command=command,
        )
    )  # fmt: skip
    (declared,) = tracker.declarations("smoke")
    assert declared.command == (
        "python sweeps/flow_size.py --storage s3://bucket/lab --tracking-uri http://host"
    )
    assert run(tracker).data.tags["checkpoint"] == "s3://bucket/lab/abc123/checkpoint.pt"
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert kept == []


def test_a_full_disk_is_reported_at_once_and_keeps_nothing_else_from_being_written(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    tracker = Tracker.open(uri, None, patience=1000.0)
    monkeypatch.setattr(tracker._client, "log_text", full)
    tracker.start(TRIAL)
    tracker.finish("abc123", "finished", {"AP": 1.0}, 1.0)
    with refused("not-written", TrackingError) as caught:
        tracker.flush()
    assert "the start of RLE 3x64, seed 0" in str(caught.value)
    assert "No space left on device" in str(caught.value)
    assert tracker.records()["abc123"].metrics == {"AP": 1.0}
    tracker.close()
