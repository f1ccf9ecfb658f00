"""Which errors patience may mend, and saying in time for what somebody waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

Say = Callable[[str], None]
"""Shows a sentence to the user; called from any thread."""

SILENT = 4.0
"""Seconds that something may be waited for without a word."""

AWAY = frozenset({"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED"})
"""MLflow's codes of a store that is away or overloaded."""
NOT_AWAY = ("disk is full", "readonly", "no such table", "no such column", "malformed", "not a database")
"""What databases say under one of these codes although another attempt does not mend it."""


class PermanentError(Exception):
    """An operation that can't succeed, however often it is tried."""


class AwayError(Exception):
    """The store has been away for longer than the patience; the text is the last reason."""


def is_away(error: BaseException) -> bool:
    """Whether an operation failed because the store could not be reached, so that another attempt may help.

    Nothing else is worth the patience: a wrong value stays wrong.
    """
    if isinstance(error, PermanentError):
        return False
    response = getattr(error, "response", None)  # of requests' errors
    if response is not None and hasattr(response, "status_code"):
        return bool(response.status_code >= 500 or response.status_code == 429)
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "RequestException" in kinds:
        return True
    code, text = getattr(error, "error_code", ""), str(error)
    if "OperationalError" in kinds or code in AWAY:
        return not any(words in text.lower() for words in NOT_AWAY)
    return code == "INTERNAL_ERROR" and text.startswith("API request to ")


@contextmanager
def announced(say: Say, sentence: Callable[[], str]) -> Iterator[None]:
    """Say for what the block waits, once, if it has not ended after a few seconds."""
    timer = Timer(SILENT, lambda: say(sentence()))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
