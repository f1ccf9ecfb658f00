"""Files read whole, and nothing else: no pipe that waits for ever, no device that never ends."""

import os
import stat
from pathlib import Path
from typing import IO

LARGEST = 2**30
"""Bytes of a picture's file: more than the most pixels take, uncompressed and of 16 bits."""


def open_regular(path: Path) -> IO[bytes]:
    """The open file.

    Raises:
        OSError: it is missing, can't be read, or is a folder, a pipe, a socket or a device.
    """
    return os.fdopen(_opened(path), "rb")


def head(path: Path, count: int) -> bytes:
    """The first bytes of a file; as fast as can be.

    Raises:
        OSError: as `open_regular`.
    """
    number = _opened(path)
    try:
        return os.read(number, count)
    finally:
        os.close(number)


def _opened(path: Path) -> int:
    # Opening a pipe waits for its other end, unless told not to.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError("it is no regular file")
    return number


def read_regular(path: Path, largest: int = LARGEST) -> bytes:
    """All bytes of a file.

    Raises:
        OSError: as `open_regular`, or there are more bytes than `largest`.
    """
    with open_regular(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > largest:
            raise OSError(f"it has {size} bytes, more than {largest}")
        return file.read(size + 1)
