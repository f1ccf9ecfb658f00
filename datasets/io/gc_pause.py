"""Many objects made at once, without Python's garbage collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause the collector where hundreds of thousands of objects are made that live on: it would go through
    all of them again and again, and its share of the time would grow with their number."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
