"""A search against a real store, with trainings that are only recorded: it goes on where it was stopped."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.options import add_options, options
from orchestrator.config.experiment import Experiment
from orchestrator.run import runner
from orchestrator.run.runner import decisions, run_sweeps
from orchestrator.run.session import Session
from orchestrator.run.settings import RunSettings
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.schema.plots import Curves, FieldImportance, Front, ParallelCoordinates
from orchestrator.search.halving import Budget, SearchPlan
from orchestrator.search.space import Choice, Range, Space
from orchestrator.sweep.plan import Planned
from orchestrator.sweep.sweep import Column, Counted, Metric, Row, Search, Sweep
from orchestrator.tracking.tracker import Tracker, TrialInfo
from orchestrator.util.terminal import Terminal
from tests.support.errors import refused

SPACE = Space(
    {"objective.flow.width": Choice((4, 8, 16, 32)), "schedule.optimiser.lr": Range(1e-4, 1e-1, log=True)}
)
COLUMNS = [
    Column(
        DeclaredColumn(name="FLOPs", better="lower", human=True),
        Counted(lambda e: float(e.objective.flow.flops(17, 2))),
    ),
    Column(DeclaredColumn(name="AP", better="higher"), Metric("AP")),
]


class StoppedError(Exception):
    """A process that was killed between two trainings."""


class Trainings:
    """In place of Ray: what is planned is recorded as trained at once, until `left` are none."""

    def __init__(self, left: int = 10**6) -> None:
        self.left, self.done = left, 0

    def __call__(
        self, jobs: Mapping[str, Any], planned: list[Planned], session: Session, **asked: Mapping[str, Any]
    ) -> None:
        for fingerprint, job in jobs.items():
            if self.done == self.left:
                raise StoppedError
            self.done += 1
            until = asked.get("until", {}).get(fingerprint, job.epochs)
            record(session.tracker, fingerprint, job, until)


def record(tracker: Tracker, fingerprint: str, job: Experiment, until: int) -> None:
    rate, width = job.schedule.optimiser.lr, job.objective.flow.width
    data = job.data.fingerprint()
    tracker.start(TrialInfo(fingerprint, job.describe(), "coco-smoke", 0, {}, "{}", headline="AP", data=data))
    for epoch in range(1, until + 1):
        tracker.epoch(fingerprint, epoch, {"AP": 100 * rate + width + epoch, "loss": 1.0})
    status = "finished" if until == job.epochs else "stopped"
    tracker.finish(fingerprint, status, {"AP": 100 * rate + width + until}, 2.0 * until)


@pytest.fixture
def sweep(experiment: Experiment) -> Sweep:
    plan = SearchPlan(experiment, SPACE, Budget(epochs=24), generation=4, rungs=2, eta=2)
    plots = (
        Front(x="FLOPs", y="AP"),
        FieldImportance(key="AP"),
        ParallelCoordinates(key="AP"),
        Curves(key="AP"),
    )
    before = Row("trained before", SPACE.applied(experiment, (32, 0.0005)))
    search = Search(
        "Widths",
        "Widths",
        lambda scale: plan,
        COLUMNS,
        ("AP", "FLOPs"),
        plots=plots,
        grid=lambda scale: [before],
    )
    return Sweep("widths", "Widths: a search", searches=(search,))


def settings_of(uri: str, folder: Path, *more: str) -> RunSettings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    place = ["--scale", "smoke", "--results", str(folder), "--tracking-uri", uri]
    return options(parser.parse_args([*place, *more]))


def test_a_search_that_is_stopped_again_and_again_decides_as_one_that_is_not(
    sweep: Sweep, uri: str, migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, other = settings_of(uri, tmp_path / "whole"), tmp_path / "other"
    other.mkdir()
    (other / "mlflow.db").write_bytes(migrated.read_bytes())
    parts = settings_of(f"sqlite:///{other}/mlflow.db", other)
    console = Terminal(width=200)
    undisturbed = Trainings()
    monkeypatch.setattr(runner, "run_jobs", undisturbed)
    assert run_sweeps([sweep], whole, "", console) == 0
    trained = 0
    for left in (1, 4):
        stopped = Trainings(left)
        monkeypatch.setattr(runner, "run_jobs", stopped)
        with pytest.raises(StoppedError):
            run_sweeps([sweep], parts, "", console)
        trained += stopped.done
    rest = Trainings()
    monkeypatch.setattr(runner, "run_jobs", rest)
    assert run_sweeps([sweep], parts, "", console) == 0
    assert trained + rest.done == undisturbed.done
    assert decisions(sweep.searches, parts, console) == decisions(sweep.searches, whole, console)
    tables = [(folder / "tables" / "widths.csv").read_text() for folder in (other, tmp_path / "whole")]
    assert tables[0] == tables[1]
    again = Trainings()
    monkeypatch.setattr(runner, "run_jobs", again)
    assert run_sweeps([sweep], parts, "", console) == 0
    assert again.done == 0


def test_the_report_has_the_best_and_the_grid_where_the_store_has_it_with_figures(
    sweep: Sweep, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(uri, tmp_path)
    (row,) = sweep.searches[0].grid("smoke")
    with Tracker.open(uri, None) as tracker:
        record(tracker, row.experiment.fingerprint(), row.experiment, row.experiment.epochs)
    monkeypatch.setattr(runner, "run_jobs", Trainings())
    assert run_sweeps([sweep], settings, "", Terminal(width=200)) == 0
    table = (tmp_path / "tables" / "widths.csv").read_text()
    assert "trained before" in table
    assert "trial " in table
    drawn = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {
        "widths_AP_by_FLOPs.svg",
        "widths_field_importance_1.svg",
        "widths_parallel_coordinates_2.svg",
    } <= drawn
    assert "A search for AP" in (tmp_path / "README.md").read_text()


def test_a_dry_run_says_how_far_a_search_is(
    sweep: Sweep, uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(uri, tmp_path, "--dry-run", "--json")
    assert run_sweeps([sweep], settings, "", Terminal(stderr=True)) == 0
    (ahead,) = json.loads(capsys.readouterr().out)["searches"]
    assert (ahead["trials"], ahead["trainings"], ahead["until"]) == (4, 4, 2)
    assert (ahead["unit"], ahead["budget"], ahead["spent"]) == ("epochs", 24, 0)


@pytest.mark.parametrize(
    ("option", "code"),
    [
        (("--only", "trial 0"), "not-for-search"),
        (("--vary", "objective.flow.width=4"), "not-for-search"),
        (("--until-decided",), "not-for-search"),
        (("--fresh",), "not-for-search"),
    ],
)
def test_options_of_rows_are_refused(
    option: tuple[str, ...], code: str, sweep: Sweep, uri: str, tmp_path: Path
) -> None:
    with refused(code):
        run_sweeps([sweep], settings_of(uri, tmp_path, *option), "", Terminal())
