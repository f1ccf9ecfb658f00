"""Where output goes, and how errors are printed."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.util.errors import UserError
from orchestrator.util.stop_signals import stop_as_ctrl_c
from orchestrator.util.visible import make_output_unfailing, visible

if TYPE_CHECKING:
    from orchestrator.util.terminal import Terminal

STOPPED = 130
"""The exit code after Ctrl-C, as shells have it."""


def console(*, stderr: bool = False) -> "Terminal":
    """The terminal, or a log of a width that tables fit."""
    from orchestrator.util.terminal import terminal

    return terminal(stderr=stderr)


def guarded(work: Callable[[], int]) -> int:
    """The exit code of `work`, with a sentence instead of a traceback for what a user can mend."""
    make_output_unfailing()
    stop_as_ctrl_c()
    try:
        return work()
    except UserError as error:
        print(f"error: {visible(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped.", file=sys.stderr)
        return STOPPED
