"""`rle-lab status`: what runs where, for every sweep on a store."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from orchestrator.cli.guard import console
from orchestrator.cli.shared_options import add_json, add_store
from orchestrator.run.settings import home, tracking_uri
from orchestrator.util.machine_readable import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from orchestrator.tracking.status import SweepStatus, TrialStatus

NAMED = 5
"""Waiting jobs whose names are printed."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `status` to a command line."""
    parser = commands.add_parser("status", help="what runs where and what waits, for every sweep on a store")
    add_store(parser)
    add_json(parser, "it")
    parser.set_defaults(act=_act)


def _act(arguments: argparse.Namespace) -> int:
    from orchestrator.tracking import status

    uri = tracking_uri(arguments.tracking_uri, home() / "store")
    if (found := status.at(uri)) is None:
        from orchestrator.tracking.tracker import Tracker

        with Tracker.open(uri, None, create=False) as tracker:
            found = tracker.shared.status()
    if arguments.json:
        print_json([asdict(sweep) for sweep in found])
    else:
        show(found, console())
    return 0


def show(sweeps: "Sequence[SweepStatus]", terminal: "Console") -> None:
    """Print a table of running jobs for each sweep, and what waits."""
    from rich.table import Table

    from orchestrator.util.durations import duration

    if not sweeps:
        terminal.print("no sweep runs on this store")
    for sweep in sweeps:
        terminal.print(
            f"{sweep.command or 'a sweep'} on {sweep.host} (process {sweep.pid}), for "
            f"{duration(sweep.seconds)}, last heard of {duration(sweep.silent)} ago",
            soft_wrap=True,
        )
        table = Table(box=None, pad_edge=False)
        for title in ("job", "on", "for", "epoch", "measured"):
            table.add_column(title)
        for trial in sweep.running:
            table.add_row(trial.name, trial.host, duration(trial.seconds), _epoch(trial), _measured(trial))
        if sweep.running:
            terminal.print(table)
        more = f" and {sweep.waiting - NAMED} more" if sweep.waiting > NAMED else ""
        names = f": {'; '.join(sweep.next[:NAMED])}{more}" if sweep.waiting else ""
        terminal.print(f"{sweep.waiting} waiting{names}", soft_wrap=True)


def _epoch(trial: "TrialStatus") -> str:
    return f"{trial.epoch}/{trial.epochs}" if trial.epochs else ""


def _measured(trial: "TrialStatus") -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in trial.metrics.items())
