"""Inputs made at random: how many a test tries, and how many of each kind were tried."""

import functools
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

Result = TypeVar("Result")
Refusal = TypeVar("Refusal", bound=BaseException)

TIMES = int(os.environ.get("RLE_LAB_FUZZ_TIMES", "1"))
"""How many times as many inputs are tried as usual."""

TRIED: Counter[str] = Counter()


def fuzzed(
    kind: str, examples: int = 40, /, **strategies: SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Hypothesis' `given` for a test of inputs of a kind, which counts them."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def counting(*arguments: Any, **named: Any) -> None:
            TRIED[kind] += 1
            test(*arguments, **named)

        many = settings(max_examples=examples * TIMES, suppress_health_check=list(HealthCheck))
        wrapped: Callable[..., None] = many(given(**strategies)(counting))
        return wrapped

    return decorate


def tried(read: Callable[[], Result], kind: type[Refusal]) -> tuple[Result | None, Refusal | None]:
    """What it reads, or the error of this kind; any other error fails the test."""
    try:
        return read(), None
    except kind as error:
        return None, error


def save_counts() -> None:
    """Into the file that the runner names, if there is one."""
    if path := os.environ.get("RLE_LAB_FUZZ_COUNTS"):
        Path(path).write_text(json.dumps(TRIED))
