"""Items spread over the cluster in chunks: in order, counted, and errors as they were."""

from collections.abc import Iterator

import pytest

from datasets.io.errors import DataError
from orchestrator.schedule.connection import connect
from orchestrator.schedule.parallel_map import parallel_map
from tests.support.errors import refused


@pytest.fixture(scope="module", autouse=True)
def ray_ends() -> Iterator[None]:
    yield
    import ray

    ray.shutdown()


def doubled(items: list[int]) -> list[int]:
    if 13 in items:
        raise DataError("a.json", "has a 13", record="x[3]", remedy="Change it", code="thirteen")
    return [2 * item for item in items]


def test_chunks_come_back_in_order_and_progress_counts_items() -> None:
    connect()
    seen: list[tuple[int, int]] = []
    made = parallel_map(doubled, list(range(10)), 3, lambda *now: seen.append(now))
    assert made == [[0, 2, 4], [6, 8, 10], [12, 14, 16], [18]]
    assert sorted(done for done, _ in seen)[-1] == 10
    assert {total for _, total in seen} == {10}
    assert parallel_map(doubled, [], 3) == []


def test_what_a_task_raises_is_raised_here_as_it_was() -> None:
    connect()
    with refused("thirteen", DataError) as caught:
        parallel_map(doubled, [1, 13, 2], 1)
    assert type(caught.value) is DataError
    assert str(caught.value) == "a.json: x[3]: has a 13. Change it."
