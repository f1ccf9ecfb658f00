"""What can't be written at once is retried, in order, and reported when the patience ends."""

import pytest

from orchestrator.tracking.write_queue import PermanentError, WriteQueue, retry


def test_an_operation_is_tried_until_it_succeeds_or_patience_ends() -> None:
    attempts: list[int] = []

    def third() -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError
        return "done"

    assert retry(third, 5.0) == "done"
    attempts.clear()
    with pytest.raises(ConnectionError):
        retry(third, 0.0)
    assert len(attempts) == 1


def test_what_can_not_succeed_is_tried_once() -> None:
    attempts: list[int] = []

    def wrong() -> None:
        attempts.append(1)
        raise PermanentError

    with pytest.raises(PermanentError):
        retry(wrong, 5.0)
    assert len(attempts) == 1


def test_a_queue_keeps_the_order_and_waits_for_a_dead_store_once() -> None:
    done: list[int] = []
    tries = [0]

    def dead() -> None:
        tries[0] += 1
        raise ConnectionError("gone")

    queue = WriteQueue(0.25, str)
    queue.put("first", lambda: done.append(1))
    queue.put("second", dead)
    queue.wait()
    patient = tries[0]
    queue.put("third", dead)
    queue.put("fourth", lambda: done.append(4))
    queue.close()
    assert patient == 2
    assert tries[0] == patient + 1
    assert done == [1, 4]
    assert queue.take_lost() == ("second: gone", "third: gone")
    assert queue.take_lost() == ()
