"""Work spread over processes comes back in order."""

import math
import operator
import os

import pytest

from datasets.synthetic.workers import map_in_order


def test_results_come_map_in_order() -> None:
    assert list(map_in_order(math.factorial, range(40), workers=2)) == [math.factorial(n) for n in range(40)]


def test_much_work_is_done_by_other_processes_and_a_little_here() -> None:
    assert os.getpid() not in set(map_in_order(operator.call, [os.getpid] * 40, workers=2))
    assert set(map_in_order(operator.call, [os.getpid] * 8, workers=2)) == {os.getpid()}
    assert list(map_in_order(math.factorial, [], workers=2)) == []


def test_without_a_number_workers_are_started_where_that_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert set(map_in_order(operator.call, [os.getpid] * 100, workers=0)) == {os.getpid()}
    assert os.getpid() not in set(map_in_order(operator.call, [os.getpid] * 200, workers=0))


def test_an_error_of_a_worker_arrives() -> None:
    with pytest.raises(ValueError, match="not defined for negative"):
        list(map_in_order(math.factorial, [*range(20), -1, *range(20)], workers=2))
