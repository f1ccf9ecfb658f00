"""What can't be written at once is tried again, in order, and told of when patience ends."""

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


def test_an_outbox_keeps_the_order_and_pays_a_dead_stores_patience_once() -> None:
    done: list[int] = []
    tries = [0]

    def dead() -> None:
        tries[0] += 1
        raise ConnectionError("gone")

    outbox = WriteQueue(0.25, str)
    outbox.put("first", lambda: done.append(1))
    outbox.put("second", dead)
    outbox.wait()
    patient = tries[0]
    outbox.put("third", dead)
    outbox.put("fourth", lambda: done.append(4))
    outbox.close()
    assert patient == 2
    assert tries[0] == patient + 1
    assert done == [1, 4]
    assert outbox.take_lost() == ("second: gone", "third: gone")
    assert outbox.take_lost() == ()
