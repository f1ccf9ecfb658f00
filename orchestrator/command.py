"""What a sweep file does when it is run."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from orchestrator.options import add_options, command, options
from orchestrator.sweep import Sweep

if TYPE_CHECKING:
    from rich.console import Console

LOG_WIDTH = 140


def main(sweep: Sweep, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one sweep from the command line and exit."""
    doc = sys.modules["__main__"].__doc__ or sweep.says
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, prog=f"{sweep.name}.py"
    )
    add_options(parser)
    parsed = parser.parse_args(arguments)
    sys.exit(guarded(lambda: run([sweep], parsed)))


def run(sweeps: Sequence[Sweep], parsed: argparse.Namespace) -> int:
    """Run sweeps as parsed options ask for; the exit code."""
    from orchestrator.conduct import conduct

    line = command([os.path.relpath(sys.argv[0]), *sys.argv[1:]])
    return conduct(sweeps, options(parsed), line, console())


def console() -> "Console":
    """The terminal, or a log of a width that tables fit."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=LOG_WIDTH)


def guarded(work: Callable[[], int]) -> int:
    """The exit code of `work`, with a sentence instead of a traceback for what a user can mend."""
    from datasets.errors import DataError
    from orchestrator.checkpoints import CheckpointError
    from orchestrator.schedule.cluster import ClusterError
    from orchestrator.sweep import SweepError
    from orchestrator.tracking import TrackingError

    try:
        return work()
    except (DataError, CheckpointError, ClusterError, SweepError, TrackingError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped. What had finished is kept; the same command goes on from there.", file=sys.stderr)
        return 130
