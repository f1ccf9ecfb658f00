"""Where output goes, and how errors are printed."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.util.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

LOG_WIDTH = 140


def console() -> "Console":
    """The terminal, or a log of a width that tables fit."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=LOG_WIDTH)


def guarded(work: Callable[[], int]) -> int:
    """The exit code of `work`, with a sentence instead of a traceback for what a user can mend."""
    try:
        return work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped. What had finished is kept; the same command resumes from there.", file=sys.stderr)
        return 130
