"""Unit tests stay within their process."""

import os
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from typing import NoReturn

import pytest


def refuse(process: BaseProcess) -> NoReturn:
    raise AssertionError(f"a unit test starts {process}: it belongs into tests/integration")


@pytest.fixture(scope="module", autouse=True)
def one_process() -> Iterator[None]:
    """As on a machine with one core, what would be spread over processes is done here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: 1)
        patch.setattr(BaseProcess, "start", refuse)
        yield
