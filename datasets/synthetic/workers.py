"""Work spread over processes, its results in order."""

import os
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import cv2

_CHUNK = 8  # items that a worker takes at a time
_WORTH = 100  # items that take about as long as the start of a worker, which imports PyTorch

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(
    task: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Generator[Result, None, None]:
    """`task` of each item, in the order of the items. Close it to stop the workers early.

    Args:
        task: can be pickled, as its results can.
        workers: processes; 0 takes one for each CPU, but no more than the items are worth starting.
    """
    wanted = workers or min(os.cpu_count() or 1, len(items) // _WORTH)
    processes = min(wanted, -(-len(items) // _CHUNK))
    if processes <= 1:
        yield from map(task, items)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _initialize) as pool:
        try:
            yield from pool.map(task, items, chunksize=_CHUNK)
        finally:
            pool.shutdown(cancel_futures=True)


def _initialize() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    cv2.setNumThreads(1)
