"""The terminal: what others named is never markup and never a control sequence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

from orchestrator.util.visible import visible

LOG_WIDTH = 140
"""Of a log, so that tables fit."""


class Terminal(Console):
    """A console to which strings are text and nothing else: no markup, no emoji codes, no control characters.

    Styles are arguments or `Text`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """As text, whatever was asked for."""
        return super().render_str(visible(text), **(options | {"markup": False, "emoji": False}))

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Whatever a `Text` was made of, what reaches the terminal can be seen."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def status(self, status: RenderableType, **options: Any) -> Status:
        """A line with a spinner."""
        return super().status(Text(visible(status)) if isinstance(status, str) else status, **options)


def terminal(*, stderr: bool = False) -> Terminal:
    """The terminal, or a log of a width that tables fit.

    Args:
        stderr: whether it is that of errors, where the output is for programs.
    """
    found = Terminal(stderr=stderr)
    return found if found.is_terminal else Terminal(width=LOG_WIDTH, stderr=stderr)


def bars(console: Console) -> Progress:
    """Bars of progress that vanish at the end, and are not drawn into a log."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(markup=False),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """One of these bars, and what moves it: called with what is done and what there is in all."""
    with bars(console) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
