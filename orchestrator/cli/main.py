"""rle-lab: re-runs the experiments of the RLE supplement and sets every number beside the paper's."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol

from orchestrator.cli import bench, export, import_checkpoint, predict, prepare, report, run, ui
from orchestrator.cli.guard import guarded
from orchestrator.cli.run import Sweeps

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
    parsed = parser(listed, sweeps, demo).parse_args(arguments)
    sys.exit(guarded(lambda: parsed.act(parsed)))


def parser(listed: Listing, sweeps: Sweeps, demo: Demo) -> argparse.ArgumentParser:
    """Every command with its options."""
    found = argparse.ArgumentParser(prog="rle-lab", description=__doc__)
    commands = found.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="the sweeps there are")
    listing.set_defaults(act=lambda _: _list(listed()))
    run.add_parser(commands, sweeps)
    report.add_parsers(commands)
    bench.add_parser(commands, demo, sweeps)
    for module in (prepare, predict, export, import_checkpoint, ui):
        module.add_parser(commands)
    return found


def _list(sweeps: Sequence[Named]) -> int:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("sweep", "tables", "what"):
        table.add_column(title)
    for sweep in sweeps:
        tables, _, what = sweep.description.partition(": ")
        table.add_row(sweep.name, tables, what)
    Console().print(table)
    return 0
