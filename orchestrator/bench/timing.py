"""Times of several implementations, measured in turns so that load on the machine affects all alike.

Without a GPU they are CPU seconds of this process, which exclude waiting for other programs.
"""

import math
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch.utils.benchmark import Timer

Clock = Callable[[], float]
"""Seconds since some moment."""


@dataclass(frozen=True)
class Times:
    """Seconds a call, by contestant, one for each round; the first contestant is the baseline."""

    seconds: Mapping[str, tuple[float, ...]]

    def median(self, name: str) -> float:
        """Seconds a call, the median over rounds."""
        return statistics.median(self.seconds[name])

    def ratio(self, name: str) -> float:
        """How many times faster than the baseline: the median of ratios within one round."""
        baseline = next(iter(self.seconds.values()))
        return statistics.median(b / own for b, own in zip(baseline, self.seconds[name], strict=True))


def compete(contestants: Mapping[str, Callable[[], object]], rounds: int = 11, least: float = 0.03) -> Times:
    """Time every contestant once in each round, on one thread.

    Args:
        contestants: what to call, by name, the baseline first.
        rounds: how many; medians are taken over them.
        least: seconds that a turn takes at least; short calls are repeated within it.
    """
    timers = {name: _timer(call) for name, call in contestants.items()}
    # The first measurement pays for caches and compilation, and says how often to repeat.
    repeats = {
        name: max(1, math.ceil(least / max(timer.timeit(1).mean, 1e-9))) for name, timer in timers.items()
    }
    turns = [
        {name: timer.timeit(repeats[name]).mean for name, timer in timers.items()} for _ in range(rounds)
    ]
    return Times({name: tuple(turn[name] for turn in turns) for name in contestants})


def cost(call: Callable[[], object], clock: Clock = time.process_time) -> tuple[float, float]:
    """Seconds of one call, and the peak of what it allocates in MB.

    It is called three times: to warm up, for the time, and for the memory, since tracing takes time.

    Args:
        clock: that of the processors' time if none is named.
    """
    call()
    started = clock()
    call()
    seconds = clock() - started
    tracemalloc.start()
    try:
        call()
        return seconds, tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _timer(call: Callable[[], object]) -> Timer:
    if torch.cuda.is_available():  # the default clock waits for the GPU
        return Timer("call()", globals={"call": call}, num_threads=1)
    return Timer("call()", globals={"call": call}, num_threads=1, timer=time.process_time)
