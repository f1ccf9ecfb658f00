"""Numbers of the command line, within bounds."""

import argparse


def whole(text: str, least: int, most: int) -> int:
    """The whole number that was typed.

    Raises:
        argparse.ArgumentTypeError: it is none, or out of bounds.
    """
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number") from None
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"must be from {least} to {most}")
    return value


def number(text: str, least: float, most: float) -> float:
    """The number that was typed.

    Raises:
        argparse.ArgumentTypeError: it is none, or out of bounds.
    """
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number") from None
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"must be from {least:g} to {most:g}")
    return value
