"""Seeds follow undecided claims, round by round, through the store. No Ray is started: jobs end as told."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.objectives import DLE, L1
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.jobs.job import Job
from orchestrator.run import runner
from orchestrator.run.session import Session
from orchestrator.run.settings import RunSettings
from orchestrator.schema.claims import CellRef, Greater
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.schema.record import Record
from orchestrator.sweep.sweep import Column, Metric, Row, Sweep, Table
from orchestrator.tracking.tracker import Tracker, TrialInfo
from orchestrator.util.terminal import Terminal

MEANS = {"RLE": 60.0, "DLE": 51.2, "L1": 50.0}


class KilledError(Exception):
    """The process ends here."""


@pytest.fixture
def sweep(experiment: Experiment) -> Sweep:
    objectives = {"DLE": DLE(), "L1": L1()}
    rows = [Row("RLE", experiment), *(Row(k, vary(experiment, objective=o)) for k, o in objectives.items())]

    def better(name: str) -> Greater:
        return Greater(description=name, a=CellRef(row=name, column="AP"), b=CellRef(row="L1", column="AP"))

    table = Table(
        "0",
        title="Three rows",
        description="",
        rows=lambda scale: rows,
        columns=[Column(DeclaredColumn(name="AP"), Metric("AP"))],
        paper=(),
        claims=(better("RLE"), better("DLE")),
    )
    return Sweep("three", "three rows", (table,))


@pytest.fixture
def settings(uri: str, tmp_path: Path) -> RunSettings:
    return RunSettings(
        scale="demo", seeds=(0, 1, 2), results=tmp_path / "r", tracking_uri=uri,
        storage=str(tmp_path / "store"), until_decided=True,
    )  # fmt: skip


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[str, int]]]:
    """What each round ran, as (row, seed)."""
    return finish_jobs(monkeypatch, lambda ran: None)


def finish_jobs(
    monkeypatch: pytest.MonkeyPatch, after: Callable[[list[list[tuple[str, int]]]], None]
) -> list[list[tuple[str, int]]]:
    ran: list[list[tuple[str, int]]] = []

    def finish(jobs: Mapping[str, Job], planned: Any, session: Session, **_: Any) -> None:
        tracker = session.tracker
        ran.append([])
        for fingerprint, job in jobs.items():
            (row,) = {p.rows[fingerprint] for p in planned}
            swing = 1.0 * (-1) ** (job.seed // 2 if row == "L1" else job.seed)
            assert job.data is not None
            seen = job.data.fingerprint()
            tracker.start(TrialInfo(fingerprint, job.describe(), "coco-demo", job.seed, {}, "{}", data=seen))
            tracker.finish(fingerprint, "finished", {"AP": MEANS[row] + swing}, 1.0)
            ran[-1].append((row, job.seed))
            after(ran)

    monkeypatch.setattr(runner, "run_jobs", finish)
    return ran


def stored(settings: RunSettings) -> tuple[tuple[int, ...], Mapping[str, Record]]:
    with Tracker.open(settings.tracking_uri, None) as tracker:
        (declaration,) = tracker.declarations("demo")
        return declaration.looks, tracker.records(declaration.fingerprints)


def test_rows_of_undecided_claims_alone_get_more_seeds(
    sweep: Sweep, settings: RunSettings, rounds: list[list[tuple[str, int]]]
) -> None:
    console = Terminal(record=True, width=140)
    assert runner.run_sweeps([sweep], settings, "command", console) == 0
    assert {row for row, _ in rounds[0]} == set(MEANS)
    assert {row for later in rounds[1:] for row, _ in later} == {"DLE", "L1"}
    counts = {row: 1 + max(seed for some in rounds for r, seed in some if r == row) for row in MEANS}
    assert counts["RLE"] == 4
    assert counts["DLE"] == counts["L1"] > 4
    looks, _ = stored(settings)
    assert looks[0] == 4
    assert looks[-1] == counts["DLE"]


def test_started_again_after_a_kill_it_makes_the_same_decisions(
    sweep: Sweep, settings: RunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill_in_second_round(ran: list[list[tuple[str, int]]]) -> None:
        if len(ran) == 2 and len(ran[1]) == 2:
            raise KilledError

    first = finish_jobs(monkeypatch, kill_in_second_round)
    with pytest.raises(KilledError):
        runner.run_sweeps([sweep], settings, "command", Terminal(quiet=True))
    second = finish_jobs(monkeypatch, lambda ran: None)
    runner.run_sweeps([sweep], settings, "command", Terminal(quiet=True))
    once = {job for some in (*first, *second) for job in some}
    assert len(once) == sum(map(len, (*first, *second)))  # nothing ran twice
    table = (settings.results / "tables" / "table_0.csv").read_bytes()

    undisturbed = replace(settings, tracking_uri=f"sqlite:///{tmp_path}/other.db", results=tmp_path / "other")
    finish_jobs(monkeypatch, lambda ran: None)
    runner.run_sweeps([sweep], undisturbed, "command", Terminal(quiet=True))
    assert (undisturbed.results / "tables" / "table_0.csv").read_bytes() == table


def test_seeds_added_by_another_command_are_another_look(
    sweep: Sweep, settings: RunSettings, rounds: list[list[tuple[str, int]]]
) -> None:
    plain = replace(settings, until_decided=False)
    runner.run_sweeps([sweep], plain, "command", Terminal(quiet=True))
    runner.run_sweeps([sweep], replace(plain, seeds=tuple(range(5))), "command", Terminal(quiet=True))
    assert stored(settings)[0] == (3, 5)
    page = (settings.results / "README.md").read_text()
    assert "looks after 3, 5 seeds" in page
    assert [len(some) for some in rounds] == [9, 6]


def test_fresh_runs_each_job_once_however_many_rounds_there_are(
    sweep: Sweep, settings: RunSettings, rounds: list[list[tuple[str, int]]]
) -> None:
    runner.run_sweeps([sweep], settings, "command", Terminal(quiet=True))
    before = [sorted(some) for some in rounds]
    rounds.clear()
    runner.run_sweeps([sweep], replace(settings, fresh=True), "command", Terminal(quiet=True))
    assert [sorted(some) for some in rounds] == before
