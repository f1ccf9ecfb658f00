"""Expectations of errors by what stays: their class and their code, never their English."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from datasets.io.errors import UserError


@contextmanager
def refused(code: str, kind: type[Any] = UserError) -> Iterator[pytest.ExceptionInfo[Any]]:
    """The block raises an error of this kind, which has a `code`, with this code."""
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.code == code, f"{caught.value.code!r}: {caught.value}"


@contextmanager
def invalid(code: str) -> Iterator[pytest.ExceptionInfo[ValidationError]]:
    """The block raises pydantic's ValidationError of which one has this type."""
    with pytest.raises(ValidationError) as caught:
        yield caught
    codes = [error["type"] for error in caught.value.errors()]
    assert code in codes, f"{codes}: {caught.value}"
