"""Paths of the command line."""

import argparse
from pathlib import Path


def place(text: str) -> Path:
    """The path that was typed, `~` expanded.

    Raises:
        argparse.ArgumentTypeError: nothing can be called so: too long, with a NUL, or in nobody's home.
    """
    try:
        path = Path(text).expanduser()
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no path: {why}") from None
    return path


def place_or_uri(text: str) -> str:
    """The same, absolute, or a URI as it is.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    return text if "://" in text else str(place(text).absolute())
