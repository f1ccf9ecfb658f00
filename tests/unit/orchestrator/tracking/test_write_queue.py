"""What can't be written at once waits, in order; what can never be is named; nobody waits in silence."""

import _thread
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Timer

import pytest

from orchestrator.tracking.patience import AwayError, PermanentError, is_away, reason
from orchestrator.tracking.write_queue import Write, WriteQueue


class Store:
    """A store that is away as long as it is told, and keeps what it gets."""

    def __init__(self) -> None:
        self.away = False
        self.got: list[str] = []
        self.said: list[str] = []
        self.lost: list[tuple[str, str]] = []

    def perform(self, write: Write) -> None:
        if self.away:
            raise ConnectionError("gone")
        if write.kind == "wrong":
            raise ValueError("no number")
        self.got.append(write.what)


@contextmanager
def queue_of(store: Store) -> Iterator[WriteQueue]:
    queue = WriteQueue(
        store.perform, lambda write, why: store.lost.append((write.what, why)), str, store.said.append, "S"
    )
    yield queue
    queue.stop()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.tracking.write_queue.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("orchestrator.tracking.write_queue.LONGEST_PAUSE", 0.02)


def test_nothing_is_written_past_what_waits_for_the_store() -> None:
    store = Store()
    store.away = True
    with queue_of(store) as queue:
        for what in ("first", "second"):
            queue.put(Write("w", what))
        with pytest.raises(AwayError, match="gone"):
            queue.wait("all", 0.1)
        assert store.got == []
        store.away = False
        queue.wait("all", 5.0)
    assert store.got == ["first", "second"]
    assert queue.take_lost() == ()


def test_what_can_never_be_written_is_named_once_and_costs_no_patience() -> None:
    store = Store()
    began = time.monotonic()
    with queue_of(store) as queue:
        queue.put(Write("wrong", "first"))
        queue.put(Write("w", "second"))
        queue.wait("all", 600.0)
    assert time.monotonic() - began < 5
    assert store.got == ["second"]
    assert store.lost == [("first", "no number")]
    assert queue.take_lost() == ("first: no number",)
    assert queue.take_lost() == ()


def test_an_answer_comes_after_what_was_put_before_and_its_error_at_once() -> None:
    store = Store()
    with queue_of(store) as queue:
        queue.put(Write("w", "first"))
        assert queue.call("reading", lambda: list(store.got), 5.0) == ["first"]
        with pytest.raises(ZeroDivisionError):
            queue.call("reading", lambda: 1 // 0, 600.0)


def test_who_gives_up_leaves_nothing_behind_and_the_writes_can_be_kept() -> None:
    store = Store()
    store.away = True
    with queue_of(store) as queue:
        queue.put(Write("w", "first", "abc", {"epoch": 1}))
        with pytest.raises(AwayError):
            queue.call("reading", lambda: 1, 0.05)
        assert queue.stop() == [Write("w", "first", "abc", {"epoch": 1})]


def test_who_waits_is_told_for_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.tracking.patience.SILENT", 0.01)
    store, release = Store(), Event()
    with queue_of(store) as queue:
        queue.put(Write("w", "first"))
        queue.call("reading records", lambda: (time.sleep(0.2), release.set()), 5.0)
    assert store.said == [
        "waiting for the tracking store S: reading records. Ctrl-C ends it and loses nothing"
    ]


def test_who_wants_to_go_does_not_wait_for_a_store_that_only_does_not_answer() -> None:
    store, release = Store(), Event()
    store.perform = lambda write: release.wait(60)  # type: ignore[assignment,method-assign]
    with queue_of(store) as queue:
        queue.put(Write("w", "first"))
        with pytest.raises(AwayError, match="answer"):
            queue.wait("all", 600.0, at_most=0.3)
        assert [write.what for write in queue.stop()] == ["first"]
        release.set()


def test_ctrl_c_ends_a_wait_for_a_store_that_never_answers() -> None:
    # As in a terminal: a shell's & ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _interrupted_wait()
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupted_wait() -> None:
    store, never = Store(), Event()
    with queue_of(store) as queue:
        queue.put(Write("w", "kept"))
        queue.wait("all", 5.0)
        Timer(0.3, _thread.interrupt_main).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            queue.call("reading", lambda: never.wait(60), 600.0)
        assert time.monotonic() - began < 5
        never.set()


class Response:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


class RequestException(OSError):  # noqa: N818  # the name that requests gives it
    response: Response | None = None


class MlflowError(Exception):
    error_code = ""


def of_mlflow(code: str, text: str) -> Exception:
    error = MlflowError(text)
    error.error_code = code
    return error


def answered(status: int) -> Exception:
    error = RequestException("x")
    error.response = Response(status)
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (RequestException("no route"), True),
        (answered(503), True),
        (answered(429), True),
        (answered(404), False),
        (of_mlflow("TEMPORARILY_UNAVAILABLE", "(sqlite3.OperationalError) database is locked"), True),
        (of_mlflow("TEMPORARILY_UNAVAILABLE", "(sqlite3.OperationalError) database or disk is full"), False),
        (of_mlflow("TEMPORARILY_UNAVAILABLE", "attempt to write a readonly database"), False),
        (of_mlflow("INTERNAL_ERROR", "API request to http://h failed with exception x"), True),
        (of_mlflow("INTERNAL_ERROR", "invalid literal for int()"), False),
        (of_mlflow("INVALID_PARAMETER_VALUE", "API request to http://h failed"), False),
        (ValueError("invalid literal"), False),
        (KeyError("seed"), False),
        (OSError(28, "No space left on device"), False),
        (PermanentError("x"), False),
    ],
)
def test_patience_is_for_a_store_that_is_away_alone(error: Exception, *, away: bool) -> None:
    assert is_away(error) == away


def test_a_write_waits_for_room_on_a_full_disk_for_a_while_and_a_call_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestrator.tracking.write_queue.FULL", 0.1)
    store, full = Store(), of_mlflow("TEMPORARILY_UNAVAILABLE", FULL)

    def refuse(*_: object) -> None:
        raise full

    perform = store.perform
    store.perform = refuse  # type: ignore[method-assign]
    with queue_of(store) as queue:
        with pytest.raises(MlflowError):
            queue.call("declaring", refuse, 600.0)
        queue.put(Write("w", "first"))
        with pytest.raises(AwayError, match="disk is full"):
            queue.wait("all", 600.0)
        assert queue.is_full
        (left,) = queue.take()
        assert queue.why_behind == ""
        queue._perform = perform
        queue.put(left)
        queue.wait("all", 5.0)
    assert store.got == ["first"]


LOCKED = "(sqlite3.OperationalError) database is locked\n[SQL: UPDATE runs SET a=?]\n[parameters: (1,)]"
FULL = "(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT]"


def test_reasons_hold_no_sql() -> None:
    assert reason(of_mlflow("TEMPORARILY_UNAVAILABLE", LOCKED)) == "database is locked"
    assert "SQL" not in reason(of_mlflow("TEMPORARILY_UNAVAILABLE", FULL))
    assert reason(ValueError("(a) b [SQL]")) == "(a) b [SQL]"
