"""Text of others as it may be shown, and output that ends no work."""

import re
import sys
from contextlib import suppress
from typing import TextIO, cast

_CONTROL = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f"  # but for tab and newline
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"  # what turns or breaks a line
    "\ud800-\udfff]"  # bytes of a file's name that are no text
)


def visible(text: str) -> str:
    r"""`text` with `\x1b` instead of an escape character, and so on; tabs and newlines stay.

    >>> visible("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


class Unfailing:
    """A stream that takes every text and outlives its reader, so that no output ends the work it tells about.

    What an encoding lacks is written as an escape; what can't be written at all (a closed pipe, a full disk,
    a terminal that is gone) is lost.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """All of it, or nothing."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self.write(text.encode(encoding, "backslashreplace").decode(encoding))
        except (OSError, ValueError):  # closed, at one end or the other
            pass
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Each as `write` does."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """As far as it goes."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def make_output_unfailing() -> None:
    """From now on what this process prints can't end it."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Unfailing):
            setattr(sys, name, cast(TextIO, Unfailing(stream)))
