"""The report at the end of a run, or again from the store alone: always made, with what there is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from orchestrator.run.settings import home
from orchestrator.schema.plots import histories
from orchestrator.schema.record import Record
from orchestrator.tracking.tracker import Tracker, TrackingError
from orchestrator.util.errors import SweepError
from orchestrator.util.machine_readable import print_json
from orchestrator.util.mathematics import SCHEMA

if TYPE_CHECKING:
    from orchestrator.report.writer import Report


@dataclass(frozen=True)
class Written:
    """A report that was written.

    Args:
        report: it.
        records: those behind it, by fingerprint.
        remarks: what could not be written or read.
    """

    report: "Report"
    records: dict[str, Record]
    remarks: tuple[str, ...]


def rebuild(uri: str, name: str | None, results: Path | None) -> "Report":
    """Build a report again from the store alone.

    Args:
        uri: of the store.
        name: of the report, such as `demo`; the newest if None.
        results: where to write; a folder of the report's name under the default results if None.

    Raises:
        SweepError: the store holds no such report.
        TrackingError: there is no store, or it can't be read.
    """
    with Tracker.open(uri, None, create=False) as tracker:
        known = tracker.reports()
        if not known or (name is not None and name not in known):
            listed = ", ".join(known) or "none"
            raise SweepError(f"the store has no report {name or ''}; it has {listed}", code="no-report")
        name = name or known[-1]
        return write_report(tracker, name, results or home() / name).report


def write_report(tracker: Tracker, name: str, results: Path) -> Written:
    """Write a report of every table that belongs to it, and log the tables to the store.

    What could not be written to the store or read from it costs its own row or table there, and is named in
    the report.

    Raises:
        TrackingError: the store is away for longer than the patience.
        SweepError: the folder can't be written to.
    """
    from orchestrator.report import writer

    remarks: list[str] = []
    try:
        tracker.flush()
    except TrackingError as lost:
        if lost.code not in ("not-written", "kept"):
            raise
        remarks.append(str(lost))
    declarations = tracker.declarations(name)
    drawn = {key for d in declarations for plot in d.plots for key in histories(plot)}
    records = tracker.records({fp for d in declarations for fp in d.recorded}, drawn)
    details = tracker.details(fp for d in declarations for fp in d.plotted_probes)
    remarks += tracker.problems()
    try:
        report = writer.write(declarations, records, results, details, remarks)
    except OSError as error:
        sentences = (
            f"{results}: the report can't be written ({error}). Free some space there or name another folder "
            "with --results; the same command goes on from here",
            *remarks,
        )
        raise SweepError(". ".join(sentences), code="unwritable") from error
    unlogged = writer.log(tracker, report)
    return Written(report, records, (*remarks, *unlogged))


def show(report: "Report", tables: Collection[str], console: Console, *, as_json: bool) -> None:
    """Print these tables of a report, and their verdicts."""
    from orchestrator.report import terminal
    from orchestrator.report.plain import plain

    if as_json:
        print_json(plain(report, tables))
    else:
        terminal.render(console, report, tables)


def say_older(tracker: Tracker, console: Console) -> None:
    """Say how many jobs of other mathematics the store holds, of which none is used."""
    if count := tracker.older():
        console.print(
            f"{count} jobs in the store were run by code of other mathematics (not schema {SCHEMA}): "
            "none of them is used; `rle-lab report` still shows a report that was made of them",
            soft_wrap=True,
        )


def print_failures(records: Sequence[Record], remarks: Sequence[str], console: Console) -> int:
    """Print what went wrong; the exit code: 1 where something did, else 0."""
    failed = [record for record in records if record.status == "failed"]
    for record in failed:
        console.print(Text.assemble((f"{record.name} failed:", "red"), f" {record.note}"))
    for remark in remarks:
        console.print(remark, style="red", soft_wrap=True)
    return 1 if failed or remarks else 0
