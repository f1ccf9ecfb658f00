"""One function over many items, on all of the cluster."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import ray

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 4
"""Chunks for each CPU that wait their turn; more would only fill the scheduler's queue."""


def parallel_map(
    work: Callable[[Sequence[Item]], Result],
    items: Sequence[Item],
    chunk: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Result]:
    """`work` on each chunk of the items, as Ray tasks; the results in the order of the chunks.

    The cluster has to be connected. A task whose process or node is lost runs again elsewhere; every node
    needs to see what the items name, such as files.

    Args:
        work: can be pickled, as its results can.
        chunk: items a task.
        progress: called with items done and in all, after each chunk.

    Raises:
        Exception: whatever `work` raised first; the other tasks are cancelled, as on Ctrl-C.
    """
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    task = ray.remote(max_retries=3)(_run)
    shared = ray.put(work)
    room = max(1, int(_AHEAD * ray.cluster_resources().get("CPU", 1)))
    results: list[Result | None] = [None] * len(chunks)
    running: dict[Any, int] = {}
    waiting, done = iter(range(len(chunks))), 0
    try:
        while True:
            while len(running) < room and (number := next(waiting, None)) is not None:
                running[task.remote(shared, chunks[number])] = number
            if not running:
                return results  # type: ignore[return-value]  # every place is filled
            (ready, *_), _ = ray.wait(list(running))
            number = running.pop(ready)
            results[number] = _result(ready)
            done += len(chunks[number])
            progress(done, len(items))
    finally:
        for left in running:
            ray.cancel(left, force=True)


def _run(work: Callable[[Sequence[Any]], Any], items: Sequence[Any]) -> Any:
    return work(items)


def _result(ready: Any) -> Any:
    """Raises what the task raised, and not Ray's wrapping of it."""
    try:
        return ray.get(ready)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
