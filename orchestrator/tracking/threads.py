"""Calls at the same time, in threads that never keep a process from ending."""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> list[Result]:
    """The results for all items, in their order; unlike a pool's, the threads are not waited for at exit.

    Raises:
        Exception: what the work raised first; items that had not begun are left.
    """
    waiting: SimpleQueue[tuple[int, Item]] = SimpleQueue()
    for pair in enumerate(items):
        waiting.put(pair)
    results: dict[int, Result] = {}
    errors: list[Exception] = []

    def run() -> None:
        while not errors:
            try:
                index, item = waiting.get_nowait()
            except Empty:
                return
            try:
                results[index] = work(item)
            except Exception as error:
                errors.append(error)

    started = [Thread(target=run, daemon=True) for _ in range(min(threads, len(items)))]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(items))]
