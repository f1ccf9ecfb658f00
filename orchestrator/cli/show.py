"""`rle-lab show`: the experiment of a row, to be read, changed and run."""

import argparse

from orchestrator.cli.run import Sweeps, chosen
from orchestrator.cli.shared_options import add_scale


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", sweeps: Sweeps) -> None:
    """Add `show` to a command line."""
    parser = commands.add_parser(
        "show", help="the experiment of a row, as JSON or YAML, which `rle-lab run FILE` runs"
    )
    parser.add_argument("row", metavar="ROW", help="as tables in CSV and --dry-run --json name it")
    parser.add_argument(
        "--sweep",
        action="append",
        default=[],
        metavar="SWEEP",
        help="look in this sweep only, or in that of a Python file of your own, as for `run`; repeatable",
    )
    parser.add_argument("--group", default="", help="of columns with an experiment of their own (Table 3)")
    add_scale(parser)
    parser.add_argument(
        "--format", choices=["json", "yaml"], default="json", help="how to print it (default: json)"
    )
    parser.set_defaults(act=lambda arguments: _act(arguments, sweeps))


def _act(arguments: argparse.Namespace, sweeps: Sweeps) -> int:
    from orchestrator.sweep.experiment_files import find, printed

    found = find(
        chosen(arguments.sweep or [sweep.name for sweep in sweeps()], sweeps),
        arguments.row,
        arguments.scale,
        arguments.group,
    )
    print(printed(found, arguments.format))
    return 0
