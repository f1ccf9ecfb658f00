"""What one call costs: CPU seconds, and the peak of what it allocates."""

import time
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple


class Cost(NamedTuple):
    """Of one call."""

    seconds: float
    megabytes: float


def cost(call: Callable[[], object]) -> Cost:
    """Run `call` three times: for what only the first call pays, for the time, and for the memory, since
    watching memory takes time."""
    call()
    began = time.process_time()
    call()
    seconds = time.process_time() - began
    tracemalloc.start()
    try:
        call()
        return Cost(seconds, tracemalloc.get_traced_memory()[1] / 1e6)
    finally:
        tracemalloc.stop()
