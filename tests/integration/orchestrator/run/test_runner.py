"""A run whose jobs are done: what it reads, what it writes, and how it ends. No Ray is started."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.objectives import L1
from orchestrator.cli.options import add_options, options
from orchestrator.config import fingerprint
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.report.plain import plain
from orchestrator.run import dry_run
from orchestrator.run.reporting import rebuild
from orchestrator.run.runner import run_sweeps
from orchestrator.run.session import missing_jobs
from orchestrator.run.settings import RunSettings
from orchestrator.schedule import native_precision
from orchestrator.schedule.native_precision import Native
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.schema.record import Record
from orchestrator.sweep.plan import Planned, PlanSettings, plan_table
from orchestrator.sweep.sweep import Column, Metric, Row, Sweep, Table
from orchestrator.tracking import reader, table_reader
from orchestrator.tracking.tracker import Tracker, TrialInfo
from orchestrator.util.errors import SweepError
from orchestrator.util.mathematics import SCHEMA, Precision
from orchestrator.util.terminal import Terminal
from tests.support.errors import refused


@pytest.fixture
def table(experiment: Experiment) -> Table:
    rows = [Row("RLE", experiment), Row("L1", vary(experiment, objective=L1()))]
    columns = [Column(DeclaredColumn(name="AP"), Metric("AP"))]
    return Table("0", title="Two rows", description="", rows=lambda scale: rows, columns=columns, paper=())


@pytest.fixture
def settings(uri: str, tmp_path: Path) -> RunSettings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return options(
        parser.parse_args(["--scale", "smoke", "--results", str(tmp_path / "r"), "--tracking-uri", uri])
    )


def finish(table: Table, uri: str, status: Any = "finished") -> None:
    """Log every job of the table as ended."""
    planned = plan_table(table, PlanSettings("smoke", "smoke", (0,), lambda data: data.name, ""))
    with Tracker.open(uri, None) as tracker:
        for fingerprint, job in planned.jobs.items():
            assert job.data is not None
            data = job.data.fingerprint()
            tracker.start(TrialInfo(fingerprint, job.describe(), "coco-smoke", 0, {}, "{}", data=data))
            tracker.finish(fingerprint, status, {"AP": 40.0}, 1.0)


def test_a_run_without_missing_jobs_reads_records_back_once_and_downloads_no_declaration(
    table: Table, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(table, settings.tracking_uri)
    reads: list[str] = []
    for module, name in ((reader, "records"), (table_reader, "_declaration")):
        read = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *args, name=name, read=read: [reads.append(name), read(*args)][1]
        )
    console = Terminal(record=True, width=140)
    assert run_sweeps([Sweep("two", "two rows", (table,))], settings, "command", console) == 0
    assert reads == ["records", "records"]  # what is known before, and what the report shows
    assert "2 jobs, 2 of them already done" in console.export_text()
    assert (settings.results / "tables" / "table_0.csv").is_file()


def test_a_report_is_built_again_from_the_store_to_the_last_byte(
    table: Table, settings: RunSettings, tmp_path: Path
) -> None:
    finish(table, settings.tracking_uri)
    run_sweeps([Sweep("two", "two rows", (table,))], settings, "command", Terminal(quiet=True))
    rebuild(settings.tracking_uri, None, tmp_path / "again")
    for name in ("tables/table_0.csv", "report.html"):
        assert (tmp_path / "again" / name).read_bytes() == (settings.results / name).read_bytes()
    with refused("no-report", SweepError):
        rebuild(settings.tracking_uri, "absent", tmp_path / "absent")


def test_a_dry_run_runs_and_writes_nothing(table: Table, settings: RunSettings) -> None:
    finish(table, settings.tracking_uri)
    dry = RunSettings(**(vars(settings) | {"dry_run": True, "fresh": True}))
    console = Terminal(record=True, width=140)
    assert run_sweeps([Sweep("two", "two rows", (table,))], dry, "command", console) == 0
    assert "2 trainings, 0 measurements, 2 of them done" in console.export_text()
    assert not settings.results.joinpath("report.html").exists()


def record(experiment: Experiment, status: Any) -> Record:
    return Record(experiment.fingerprint(), "", status, 0, {})


def test_what_starts_from_a_diverged_training_is_not_run_unless_that_is_run_again(
    experiment: Experiment,
) -> None:
    start = vary(experiment, objective=L1())
    started = vary(experiment, start=start)
    jobs = {job.fingerprint(): job for job in (start, started)}
    known = {start.fingerprint(): record(start, "diverged")}
    assert missing_jobs(jobs, known, fresh=set()) == {}
    assert missing_jobs(jobs, known, fresh=jobs.keys()) == jobs
    assert missing_jobs(jobs, {start.fingerprint(): record(start, "failed")}, fresh=set()) == jobs
    finished = {start.fingerprint(): record(start, "finished")}
    assert list(missing_jobs(jobs, finished, fresh=set())) == [started.fingerprint()]


@pytest.fixture
def left_open(experiment: Experiment) -> Sweep:
    """A sweep whose recipe leaves the precision to the machine."""
    auto = vary(experiment, schedule=vary(experiment.schedule, precision="auto"))
    columns = [Column(DeclaredColumn(name="AP"), Metric("AP"))]
    rows = [Row("RLE", auto)]
    table = Table("0", title="One row", description="", rows=lambda scale: rows, columns=columns, paper=())
    return Sweep("open", "one row", (table,))


@pytest.mark.parametrize(
    ("chosen", "native", "planned", "told"),
    [(None, "bf16", "bf16", 1), (None, "float32", "float32", 1), ("float32", "bf16", "float32", 0)],
)
def test_a_plan_names_the_precision_that_it_settled_and_says_why(
    left_open: Sweep,
    settings: RunSettings,
    monkeypatch: pytest.MonkeyPatch,
    chosen: Precision | None,
    native: Precision,
    planned: str,
    told: int,
) -> None:
    found: list[Planned] = []
    monkeypatch.setattr(dry_run, "show", lambda plans, known, console: found.extend(plans))
    monkeypatch.setattr(native_precision, "native", lambda request: Native(native, "by A"))
    console = Terminal(record=True, width=140)
    wanted = replace(settings, precision=chosen, dry_run=True, seeds=(0, 1))
    run_sweeps([left_open], wanted, "command", console)
    schedules = [job.schedule.precision for plan in found for job in plan.jobs.values()]
    assert schedules == [planned, planned]
    assert console.export_text().count(f"backbones in {native} (by A)") == told


def test_results_of_another_precision_or_of_older_mathematics_are_not_used_again(
    table: Table, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "SCHEMA", SCHEMA - 1)
    older = vary(table.rows("smoke")[0].experiment, seed=0).fingerprint()  # type: ignore[index]
    monkeypatch.undo()
    assert older != vary(table.rows("smoke")[0].experiment, seed=0).fingerprint()  # type: ignore[index]
    with Tracker.open(settings.tracking_uri, None) as tracker:
        tracker.start(TrialInfo(older, "RLE", "coco-smoke", 0, {}, "{}", schema=SCHEMA - 1))
        tracker.finish(older, "finished", {"AP": 40.0}, 1.0)
    console = Terminal(record=True, width=200)
    run_sweeps([Sweep("two", "two rows", (table,))], replace(settings, dry_run=True), "command", console)
    text = console.export_text()
    assert "1 jobs in the store were run by code of other mathematics" in text
    assert "0 of them done" in text


def test_for_programs_a_dry_run_and_a_report_are_one_json_value_each(
    table: Table, settings: RunSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(table, settings.tracking_uri)
    sweep = [Sweep("two", "two rows", (table,))]
    run_sweeps(sweep, replace(settings, dry_run=True, json=True), "command", Terminal(stderr=True))
    planned = json.loads(capsys.readouterr().out)
    assert (planned["trainings"], planned["measurements"], planned["done"]) == (2, 0, 2)
    (found,) = planned["tables"]
    assert [(row["row"], row["done"], row["selected"]) for row in found["rows"]] == [
        ("RLE", 1, True),
        ("L1", 1, True),
    ]
    run_sweeps(sweep, replace(settings, json=True), "command", Terminal(stderr=True))
    report = json.loads(capsys.readouterr().out)
    cells = {(cell["row"], cell["column"]): cell for cell in report["tables"][0]["cells"]}
    assert cells["L1", "AP"]["mean"] == 40.0
    assert cells["L1", "AP"]["seeds"] == {"0": 40.0}
    again = plain(rebuild(settings.tracking_uri, None, settings.results))
    assert json.loads(json.dumps(again)) == report
