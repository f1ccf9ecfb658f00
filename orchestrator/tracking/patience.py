"""Which errors patience may mend, and saying in time for what somebody waits."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

Say = Callable[[str], None]
"""Shows a sentence to the user; called from any thread."""

SILENT = 4.0
"""Seconds that something may be waited for without a word."""

AWAY = frozenset({"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED"})
"""MLflow's codes of a store that is away or overloaded."""
FULL = ("disk is full", "no space left on device")
"""What databases say where there is no room for them."""
NOT_AWAY = (*FULL, "readonly", "no such table", "no such column", "malformed", "not a database")
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
    if "RequestException" in _kinds(error):
        return True
    if _is_of_database(error):
        return not any(words in str(error).lower() for words in NOT_AWAY)
    code = getattr(error, "error_code", "")
    return code == "INTERNAL_ERROR" and str(error).startswith("API request to ")


def is_full(error: BaseException) -> bool:
    """Whether an operation failed because a database's disk is full, which only the user can mend."""
    return _is_of_database(error) and any(words in str(error).lower() for words in FULL)


def is_locked(error: BaseException) -> bool:
    """Whether an operation failed because another process holds a database."""
    return _is_of_database(error) and "is locked" in str(error)


def reason(error: BaseException) -> str:
    """Why an operation failed, without the SQL that databases tell, and with the remedy for a full disk."""
    if is_full(error):
        return "its disk is full: free some space there"
    text = re.split(r"\[SQL: |\(Background on this error", str(error))[0].strip()
    return re.sub(r"^\([\w.]+\) ", "", text) if _is_of_database(error) else text


def _is_of_database(error: BaseException) -> bool:
    return "OperationalError" in _kinds(error) or getattr(error, "error_code", "") in AWAY


def _kinds(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


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
