"""Whether a machine was quiet while something was timed on it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

QUIET = 0.2
"""The share of a machine's processors that other processes may use while it counts as quiet."""


@dataclass
class Others:
    """What other processes used of the processors while a block ran.

    Args:
        share: 0 for a quiet machine, 1 for one on which all processors were taken.
    """

    share: float = 0.0

    def warnings(self) -> tuple[str, ...]:
        """A warning for the record of a timing, empty where the machine was quiet."""
        if self.share <= QUIET:
            return ()
        return (
            f"timed while other processes used {100 * self.share:.0f} % of the machine's processors: the "
            "times are too long by an unknown factor; --fresh on a quiet machine measures again",
        )


@contextmanager
def watched() -> Iterator[Others]:
    """Measure what others use while the block runs; the share is set at its end."""
    others = Others()
    busy, own, began = _busy(), time.process_time(), time.monotonic()
    yield others
    seconds = max(time.monotonic() - began, 1e-9) * (os.cpu_count() or 1)
    used = (_busy() - busy) - (time.process_time() - own)
    others.share = min(max(used / seconds, 0.0), 1.0)


def _busy() -> float:
    """Seconds that all processors of this machine have worked since it started."""
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))
