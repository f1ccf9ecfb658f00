"""Numbers of the command line, within bounds."""

import argparse
from collections.abc import Callable
from typing import TypeVar

Number = TypeVar("Number", int, float)


def whole(text: str, least: int, most: int) -> int:
    """The whole number that was typed.

    Raises:
        argparse.ArgumentTypeError: it is none, or out of bounds.
    """
    return _typed(text, int, "a whole number", least, most)


def number(text: str, least: float, most: float) -> float:
    """The number that was typed.

    Raises:
        argparse.ArgumentTypeError: it is none, or out of bounds.
    """
    return _typed(text, float, "a number", least, most)


def _typed(text: str, parse: Callable[[str], Number], what: str, least: Number, most: Number) -> Number:
    try:
        value = parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {what}") from None
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"must be from {least:g} to {most:g}")
    return value
