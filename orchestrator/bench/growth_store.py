"""How reading the store, a dry run and a report grow with the trials in the store."""

import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.objectives import RLE
from models.realnvp import RealNVP
from orchestrator.bench.growth_plot import Panel, time_and_memory
from orchestrator.bench.result import Tell
from orchestrator.bench.timing import cost
from orchestrator.config.experiment import Experiment
from orchestrator.config.precision import settled
from orchestrator.config.vary import vary
from orchestrator.run.reporting import rebuild
from orchestrator.run.runner import run_sweeps
from orchestrator.run.settings import RunSettings
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.schema.plots import Curves
from orchestrator.sweep.plan import Planned, PlanSettings, plan_table
from orchestrator.sweep.sweep import Column, Metric, Row, Sweep, Table
from orchestrator.tracking.tracker import Tracker, TrialInfo
from orchestrator.util.terminal import Terminal

ROWS = 10
TRIALS = (10, 100, 1_000)
EPOCHS, METRICS = 2, ("AP", "AP50", "AP75", "loss")


def measure(tell: Tell, demo: Experiment, trials: Sequence[int] = TRIALS) -> tuple[Panel, Panel]:
    """Seconds and memory by trials, which fill one table of ten rows with more and more seeds.

    Args:
        trials: ascending multiples of ten.
    """
    demo = settled(demo, "float32", lambda: "float32")
    costs: dict[float, dict[str, tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="rle-lab-bench-") as folder:
        done: set[str] = set()
        for count in trials:
            tell(f"{count:,} trials")
            planned = plan_table(_table(demo), _plan_settings(count // ROWS))
            _fill(planned, done, _uri(Path(folder)))
            done |= planned.jobs.keys()
            costs[count] = _costs(_table(demo), count // ROWS, Path(folder))
    return time_and_memory("store", "trials", costs)


def _costs(table: Table, seeds: int, folder: Path) -> dict[str, tuple[float, float]]:
    settings, quiet = _dry_run(seeds, folder), Terminal(file=io.StringIO(), width=140)
    sweep = Sweep("growth", "a table that grows", (table,))
    return {
        "all records": cost(lambda: _read(_uri(folder))),
        "dry run": cost(lambda: run_sweeps([sweep], settings, "", quiet)),
        "report": cost(lambda: rebuild(_uri(folder), "demo", folder / "report")),
    }


def _dry_run(seeds: int, folder: Path) -> RunSettings:
    return RunSettings(
        scale="demo",
        data_root=None,
        detections=None,
        skip_broken=False,
        pack=True,
        seeds=tuple(range(seeds)),
        workers=None,
        gpus_per_worker=None,
        concurrent=None,
        results=folder,
        tracking_uri=_uri(folder),
        storage=str(folder / "store"),
        only=(),
        fresh=False,
        dry_run=True,
    )


def _read(uri: str) -> None:
    with Tracker.open(uri, None) as tracker:
        tracker.records(history=())


def _uri(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.db'}"


def _table(demo: Experiment) -> Table:
    def rows(scale: str) -> Iterator[Row]:
        for number in range(ROWS):
            yield Row(f"row {number}", vary(demo, objective=RLE(flow=RealNVP(width=8 * (number + 1)))))

    columns = [Column(DeclaredColumn(name=name), Metric(name)) for name in METRICS[:3]]
    plots = (Curves(key="AP", title="AP by epoch"),)
    return Table(
        "0", title="Generated records", description="", rows=rows, columns=columns, paper=(), plots=plots
    )


def _plan_settings(seeds: int) -> PlanSettings:
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
