"""rle-lab: re-runs the experiments of the RLE supplement and sets every number beside the paper's."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol

from orchestrator.cli import (
    bench,
    completion,
    convert,
    export,
    import_checkpoint,
    predict,
    prepare,
    report,
    run,
    show,
    status,
    ui,
)
from orchestrator.cli.guard import console, guarded
from orchestrator.cli.parser import Parser
from orchestrator.cli.run import Sweeps
from orchestrator.cli.shared_options import add_json
from orchestrator.util.machine_readable import print_json

if TYPE_CHECKING:
    from orchestrator.config.experiment import Experiment


class Named(Protocol):
    """A sweep as lists show it."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str:
        """`Table 1: cost and benefit of a larger flow`."""
        ...


Listing = Callable[[], Sequence[Named]]
"""Gives the names of all sweeps, without importing one."""

Demo = Callable[[], "Experiment"]
"""Gives the experiment that `bench` times."""


def main(listed: Listing, sweeps: Sweeps, demo: Demo, arguments: Sequence[str] | None = None) -> NoReturn:
    """The command line `rle-lab` over the sweeps there are."""

    def act() -> int:
        parsed = parser(listed, sweeps, demo).parse_args(arguments)
        code: int = parsed.act(parsed)
        return code

    sys.exit(guarded(act))


def parser(listed: Listing, sweeps: Sweeps, demo: Demo) -> argparse.ArgumentParser:
    """Every command with its options."""
    found: argparse.ArgumentParser = Parser(prog="rle-lab", description=__doc__)
    found.add_argument("--version", nargs=0, action=_Version, help="print the version and exit")
    commands = found.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="the sweeps there are")
    add_json(listing, "them")
    listing.set_defaults(act=lambda arguments: _list(listed(), arguments.json))
    run.add_parser(commands, sweeps)
    show.add_parser(commands, sweeps)
    report.add_parsers(commands)
    bench.add_parser(commands, demo, sweeps)
    for module in (convert, prepare, predict, export, import_checkpoint, ui, status):
        module.add_parser(commands)
    completion.add_parser(commands, found, lambda: [sweep.name for sweep in listed()])
    return found


class _Version(argparse.Action):
    """Looked up only where it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"rle-lab {version('rle-lab')}")
        parser.exit()


def _list(sweeps: Sequence[Named], as_json: bool) -> int:
    described = [(sweep.name, *sweep.description.split(": ", 1)) for sweep in sweeps]
    if as_json:
        print_json([dict(zip(("sweep", "tables", "what"), one, strict=True)) for one in described])
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("sweep", "tables", "what"):
        table.add_column(title)
    for one in described:
        table.add_row(*one)
    console().print(table)
    return 0
