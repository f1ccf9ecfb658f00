"""The collector is paused, and only meanwhile."""

import gc

import pytest

from datasets.io.gc_pause import gc_paused


def test_the_collector_is_paused_and_goes_on() -> None:
    assert gc.isenabled()
    with gc_paused():
        assert not gc.isenabled()
        with gc_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    @gc_paused()
    def fails() -> None:
        assert not gc.isenabled()
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            fails()
        assert gc.isenabled()
