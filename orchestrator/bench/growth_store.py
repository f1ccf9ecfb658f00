"""How reading the store, a dry run and a report grow with the trials in the store."""

import argparse
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from models.flow import Flow
from models.objectives import RLE
from orchestrator.bench.growth_cost import Cost, cost
from orchestrator.bench.growth_plot import Panel, Series
from orchestrator.bench.result import Tell
from orchestrator.cli.options import add_options, options
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.run.runner import rebuild, run_sweeps
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.schema.plots import Curves
from orchestrator.sweep.plan import Planned, PlanSettings, plan_table
from orchestrator.sweep.sweep import Column, Metric, Row, Sweep, Table
from orchestrator.tracking.tracker import Tracker, TrialInfo

ROWS = 10
TRIALS = (10, 100, 1_000)
EPOCHS, METRICS = 2, ("AP", "AP50", "AP75", "loss")
STEPS = ("all records", "dry run", "report")


def measure(tell: Tell, demo: Experiment, trials: Sequence[int] = TRIALS) -> tuple[Panel, Panel]:
    """Seconds and memory by trials, which fill one table of ten rows with more and more seeds.

    Args:
        trials: ascending multiples of ten.
    """
    found: dict[int, dict[str, Cost]] = {}
    with tempfile.TemporaryDirectory(prefix="rle-lab-bench-") as folder:
        done: set[str] = set()
        for count in trials:
            tell(f"{count:,} trials")
            planned = plan_table(_table(demo), _setting(count // ROWS))
            _fill(planned, done, _uri(Path(folder)))
            done |= planned.jobs.keys()
            found[count] = _costs(_table(demo), count // ROWS, Path(folder))
    return _panel("store, s", 0, found), _panel("store, MB", 1, found)


def _panel(y: str, which: int, found: Mapping[int, Mapping[str, Cost]]) -> Panel:
    series = (
        Series(step, tuple((count, costs[step][which]) for count, costs in found.items())) for step in STEPS
    )
    return Panel("trials", y, tuple(series))


def _costs(table: Table, seeds: int, folder: Path) -> dict[str, Cost]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    asked = ["--dry-run", "--seeds", str(seeds), "--results", str(folder), "--tracking-uri", _uri(folder)]
    wanted, quiet = options(parser.parse_args(asked)), Console(file=io.StringIO(), width=140)
    sweep = Sweep("growth", "a table that grows", (table,))
    return {
        "all records": cost(lambda: _read(_uri(folder))),
        "dry run": cost(lambda: run_sweeps([sweep], wanted, "", quiet)),
        "report": cost(lambda: rebuild(_uri(folder), "demo", folder / "report")),
    }


def _read(uri: str) -> None:
    with Tracker.open(uri, None) as tracker:
        tracker.records(history=())


def _uri(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.db'}"


def _table(demo: Experiment) -> Table:
    def rows(scale: str) -> Iterator[Row]:
        for number in range(ROWS):
            yield Row(f"row {number}", vary(demo, objective=RLE(flow=Flow(width=8 * (number + 1)))))

    columns = [Column(DeclaredColumn(name=name), Metric(name)) for name in METRICS[:3]]
    plots = (Curves(key="AP", title="AP by epoch"),)
    return Table(
        "0", title="Generated records", description="", rows=rows, columns=columns, paper=(), plots=plots
    )


def _setting(seeds: int) -> PlanSettings:
    return PlanSettings(
        scale="demo", report="demo", seeds=tuple(range(seeds)), data=lambda config: config.name, command=""
    )


def _fill(planned: Planned, done: set[str], uri: str) -> None:
    """Log the trials that are not done, as a sweep would, with made-up metrics."""
    with Tracker.open(uri, None) as tracker:
        tracker.declare(planned.declaration)
        for number, (fingerprint, job) in enumerate(planned.jobs.items()):
            if fingerprint in done:
                continue
            tracker.start(_info(fingerprint, job, planned.rows[fingerprint]))
            metrics = dict.fromkeys(METRICS, 50 + number % 7)
            for epoch in range(1, EPOCHS + 1):
                tracker.epoch(fingerprint, epoch, metrics)
            tracker.finish(fingerprint, "finished", metrics, duration=1.0)


def _info(fingerprint: str, job: object, row: str) -> TrialInfo:
    assert isinstance(job, Experiment)
    return TrialInfo(
        fingerprint=fingerprint,
        name=f"{row}, seed {job.seed}",
        group="growth",
        seed=job.seed,
        tags={"table.0": row},
        json=job.model_dump_json(indent=1),
        data=job.data.fingerprint(),
    )
