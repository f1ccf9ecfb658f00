"""Text of others is shown as it is, and output ends nothing."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orchestrator.util.terminal import Terminal, bars
from orchestrator.util.visible import Unfailing, visible

HOSTILE = [
    "X[/b]",
    "[data]",
    "[red]a",
    "[/]",
    ":smile:",
    "a\x1b[31mb\x07",
    "\x9b2J",
    "\u202egnp.exe",
    "\udcff",
    "a\r",
]


def shown(terminal: Terminal) -> str:
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


def a_terminal(**options: object) -> Terminal:
    return Terminal(file=io.StringIO(), width=120, **options)


CONTROL = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]"


@pytest.mark.parametrize("text", HOSTILE)
def test_strings_of_others_are_printed_as_they_are_and_control_nothing(text: str) -> None:
    terminal = a_terminal()
    table = Table(title=text, caption=text, width=100)
    table.add_column(text)
    table.add_row(text)
    for renderable in (text, table):
        terminal.print(renderable, style="red")
    assert shown(terminal).count(visible(text)) == 5
    assert not re.search(CONTROL, shown(terminal))


@pytest.mark.parametrize("text", HOSTILE)
def test_styled_text_of_others_controls_nothing(text: str) -> None:
    terminal = a_terminal()
    terminal.print(Text.assemble((text, "red"), " failed"))
    assert not re.search(CONTROL, shown(terminal))
    assert "failed" in shown(terminal)


@pytest.mark.parametrize("text", HOSTILE)
def test_progress_and_status_show_text_as_it_is(text: str) -> None:
    terminal = a_terminal(force_terminal=True, color_system=None)
    with bars(terminal) as progress:
        progress.add_task(text, total=1)
        progress.refresh()
    with terminal.status(text):
        pass
    with Live(text, console=terminal):
        pass
    assert shown(terminal).count(visible(text)) >= 3
    assert text == visible(text) or text not in shown(terminal)


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_visible_can_be_written_and_stays_so(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    visible(text).encode()
    assert not re.search(CONTROL, visible(text))


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_a_reader_that_is_gone_ends_nothing() -> None:
    stream = Unfailing(Broken())
    terminal = Terminal(file=stream)  # type: ignore[arg-type]
    terminal.print("text")
    print("text", file=stream, flush=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
def test_every_text_fits_every_encoding(encoding: str) -> None:
    buffer = io.BytesIO()
    stream = Unfailing(io.TextIOWrapper(buffer, encoding))
    print("5 × 3 – σ \udcff", file=stream, flush=True)  # type: ignore[arg-type]
    assert "5" in buffer.getvalue().decode(encoding)
    assert r"\udcff" in buffer.getvalue().decode(encoding)
