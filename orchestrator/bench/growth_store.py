"""How reading the store, a dry run and a report grow with the trials in the store."""

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from models.objectives import RLE
from models.realnvp import RealNVP
from orchestrator.bench.growth_plot import Panel, time_and_memory
from orchestrator.bench.result import Tell
from orchestrator.bench.timing import Clock, cost
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


def measure(
    tell: Tell, demo: Experiment, trials: Sequence[int] = TRIALS, uri: str = "", clock: Clock = process_time
) -> tuple[Panel, Panel, Panel]:
    """Seconds and memory by trials, which fill one table of ten rows with more and more seeds; and
    milliseconds to write one more.

    Args:
        trials: ascending multiples of ten.
        uri: of an empty store; a sqlite file of its own if empty.
        clock: in seconds.
    """
    demo = settled(demo, "float32", lambda: "float32")
    costs: dict[float, dict[str, tuple[float, float]]] = {}
    writing: dict[float, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="rle-lab-bench-") as folder:
        store = Store(uri or f"sqlite:///{folder}/store.db", Path(folder), clock)
        done: set[str] = set()
        for count in trials:
            tell(f"{count:,} trials")
            planned = plan_table(_table(demo), _plan_settings(count // ROWS))
            began = clock()
            _fill(planned, done, store)
            writing[count] = {"a trial": 1e3 * (clock() - began) / (count - len(done))}
            done |= planned.jobs.keys()
            costs[count] = _costs(_table(demo), count // ROWS, store)
    return (*time_and_memory("store", "trials", costs), Panel("trials", "writing, ms", writing))


def holds_trials(uri: str) -> bool:
    """Whether the store at an address does, which a bench must not mix with made-up ones."""
    folder = tempfile.TemporaryDirectory(prefix="rle-lab-bench-")
    with folder as name, Store(uri, Path(name)).open() as tracker:
        return bool(tracker.records(history=()))


@dataclass(frozen=True)
class Store:
    """The address, the folder beside it, and how time is taken."""

    uri: str
    folder: Path
    clock: Clock = process_time

    def open(self) -> Tracker:
        """Connect to it."""
        return Tracker.open(self.uri, self.folder / "store" / "artifacts")

    def read(self) -> None:
        """All records."""
        with self.open() as tracker:
            tracker.records(history=())

    def status(self) -> None:
        """What runs."""
        with self.open() as tracker:
            tracker.shared.status()


def _costs(table: Table, seeds: int, store: Store) -> dict[str, tuple[float, float]]:
    settings, quiet = _dry_run(seeds, store), Terminal(file=io.StringIO(), width=140)
    sweep = Sweep("growth", "a table that grows", (table,))
    calls: dict[str, Callable[[], object]] = {
        "status": store.status,
        "all records": store.read,
        "dry run": lambda: run_sweeps([sweep], settings, "", quiet),
        "report": lambda: rebuild(store.uri, "demo", store.folder / "report"),
    }
    return {name: cost(call, store.clock) for name, call in calls.items()}


def _dry_run(seeds: int, store: Store) -> RunSettings:
    return RunSettings(
        scale="demo",
        seeds=tuple(range(seeds)),
        results=store.folder,
        tracking_uri=store.uri,
        storage=str(store.folder / "store"),
        dry_run=True,
    )


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


def _fill(planned: Planned, done: set[str], store: Store) -> None:
    """Lease and log the trials that are not done, as a sweep would, with made-up metrics."""
    with store.open() as tracker:
        tracker.declare(planned.declaration)
        for number, (fingerprint, job) in enumerate(planned.jobs.items()):
            if fingerprint in done:
                continue
            tracker.shared.claim(fingerprint)
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
        headline=METRICS[0],
        data=job.data.fingerprint(),
    )
