"""SIGTERM and SIGHUP stop as Ctrl-C does."""

import os
import signal
from collections.abc import Iterator

import pytest

from orchestrator.util.stop_signals import STOPPING, stop_as_ctrl_c

NUMBERS = [signal.Signals[name] for name in STOPPING]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """As in a terminal, whatever started the tests: nohup and a shell's & ignore some."""
    before = {number: signal.getsignal(number) for number in (*NUMBERS, signal.SIGINT)}
    for number in NUMBERS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    signal.sigtimedwait([], 0.01)


@pytest.mark.parametrize("number", NUMBERS)
def test_they_interrupt(number: signal.Signals) -> None:
    stop_as_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        send(number)


@pytest.mark.parametrize("number", NUMBERS)
def test_they_do_what_ctrl_c_would_do_just_then(number: signal.Signals) -> None:
    stop_as_ctrl_c()
    heard: list[int] = []
    signal.signal(signal.SIGINT, lambda sent, frame: heard.append(sent))
    send(number)
    assert heard == [signal.SIGINT]


@pytest.mark.parametrize("number", NUMBERS)
def test_they_interrupt_what_a_shell_has_shielded_from_ctrl_c(number: signal.Signals) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop_as_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        send(number)


def test_nohup_stays_nohup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop_as_ctrl_c()
    send(signal.SIGHUP)
