"""`rle-lab run`, and what a sweep file does when it is run by itself."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from orchestrator.cli.guard import console, guarded
from orchestrator.cli.options import add_options, command, options
from orchestrator.cli.parser import Parser
from orchestrator.util.errors import SweepError

if TYPE_CHECKING:
    from orchestrator.sweep.sweep import Sweep

Sweeps = Callable[[], Sequence["Sweep"]]
"""Returns all sweeps; called only where they are needed, since importing them takes seconds."""


def main(sweep: "Sweep", arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one sweep from the command line and exit."""
    doc = sys.modules["__main__"].__doc__ or sweep.description
    parser = Parser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, prog=f"{sweep.name}.py"
    )
    add_options(parser)
    sys.exit(guarded(lambda: run([sweep], parser.parse_args(arguments))))


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", sweeps: Sweeps) -> None:
    """Add `run` to a command line."""
    parser = commands.add_parser("run", help="run sweeps, all of them if none is named")
    parser.add_argument("sweep", nargs="*", metavar="SWEEP", help="as `rle-lab list` names them")
    add_options(parser)
    parser.set_defaults(act=lambda arguments: _act(arguments, sweeps()))


def run(sweeps: Sequence["Sweep"], parsed: argparse.Namespace) -> int:
    """Run sweeps as parsed options ask for; the exit code."""
    from orchestrator.run.runner import run_sweeps

    line = command([os.path.relpath(sys.argv[0]), *sys.argv[1:]])
    return run_sweeps(sweeps, options(parsed), line, console())


def _act(arguments: argparse.Namespace, sweeps: Sequence["Sweep"]) -> int:
    known = {sweep.name: sweep for sweep in sweeps}
    for name in arguments.sweep:
        if name not in known:
            raise SweepError(f"no sweep {name!r}; there are {', '.join(known)}", code="no-sweep")
    return run([known[name] for name in arguments.sweep or known], arguments)
