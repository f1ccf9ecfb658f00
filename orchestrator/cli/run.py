"""`rle-lab run`, and what a sweep file does when it is run by itself."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from orchestrator.cli import own_file
from orchestrator.cli.guard import STOPPED, console, guarded
from orchestrator.cli.options import add_options, command, options
from orchestrator.cli.parser import Parser
from orchestrator.util.errors import SweepError

if TYPE_CHECKING:
    from orchestrator.run.settings import RunSettings
    from orchestrator.sweep.sweep import Sweep

EXPERIMENT_FILES = (".json", ".yaml", ".yml")
"""Endings of files that hold an experiment."""

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
    parser = commands.add_parser("run", help="run sweeps, if none is named all but the longest and searches")
    parser.add_argument(
        "sweep",
        nargs="*",
        metavar="SWEEP|FILE",
        help="as `rle-lab list` names them, of which likelihood and searches run only where they are named; "
        "a Python file of your own that defines SWEEP; or an experiment's JSON or YAML, as `rle-lab show` "
        "prints it and MLflow keeps it as experiment.json, with its own seed unless --seeds says otherwise",
    )
    own_file.add_code(parser)
    add_options(parser)
    parser.set_defaults(act=lambda arguments: _act(arguments, sweeps))


def run(sweeps: Sequence["Sweep"], parsed: argparse.Namespace) -> int:
    """Run sweeps as parsed options ask for; the exit code."""
    return _run(sweeps, options(parsed))


def chosen(names: Sequence[str], sweeps: Sweeps) -> list["Sweep"]:
    """The sweeps of these names and in files of one's own; where there is no name, all of the project's but
    those that say otherwise.

    Raises:
        SweepError: there is none of a name, or a file has none.
    """
    if names and all(name.endswith(own_file.ENDING) for name in names):
        return [own_file.sweep_in(Path(name)) for name in names]
    known = {sweep.name: sweep for sweep in sweeps()}
    found = []
    for name in names or [sweep.name for sweep in known.values() if not sweep.only_by_name]:
        if name.endswith(own_file.ENDING):
            found.append(own_file.sweep_in(Path(name)))
        elif name in known:
            found.append(known[name])
        else:
            raise SweepError(
                f"no sweep {name!r}; there are {', '.join(known)}, or name a file", code="no-sweep"
            )
    return found


def _run(sweeps: Sequence["Sweep"], settings: "RunSettings") -> int:
    from orchestrator.run.runner import run_sweeps

    line = command([os.path.relpath(sys.argv[0]), *sys.argv[1:]])
    try:
        return run_sweeps(sweeps, settings, line, console(stderr=settings.json))
    except KeyboardInterrupt:
        print("\nstopped. What had finished is kept; the same command resumes from there.", file=sys.stderr)
        return STOPPED


def _act(arguments: argparse.Namespace, sweeps: Sweeps) -> int:
    names: list[str] = arguments.sweep
    own_file.load_code(arguments.code)
    files = [Path(name) for name in names if name.endswith(EXPERIMENT_FILES)]
    if not files:
        return run(chosen(names, sweeps), arguments)
    from orchestrator.sweep.experiment_files import read, sweep_of

    others = [name for name in names if not name.endswith(EXPERIMENT_FILES)]
    named = chosen(others, sweeps) if others else []
    experiments = {file: read(file) for file in files}
    settings = options(arguments)
    if arguments.seeds is None and not arguments.until_decided:
        seeds = {experiment.seed for experiment in experiments.values()}
        if len(seeds) > 1 or others:
            raise SweepError(
                "experiments of several seeds, or beside sweeps: name them all with --seeds N, or run "
                "one file at a time, which has its own seed",
                code="which-seeds",
            )
        settings = replace(settings, seeds=tuple(seeds))
    return _run([*named, *(sweep_of(file, one) for file, one in experiments.items())], settings)
