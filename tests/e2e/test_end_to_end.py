"""Whole sweeps, run as a user runs them: a process, a folder of results, a report."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli.run import main
from orchestrator.tracking.tracker import Tracker
from sweeps import flow_size
from tests.support import faults
from tests.support.paths import ROOT

COLUMNS = ["table", "row", "column", "paper", "mean", "std", "n", "status", "lost"]


JOBS = 9
"""Of Table 7: eight trainings, and the gradient's curve of one."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def run(*arguments: str, expect: int = 0, **env: str) -> str:
    done = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=environment() | env,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {"COLUMNS": "150"}


def table(results: Path, number: int) -> list[dict[str, str]]:
    with (results / "tables" / f"table_{number}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    return rows


def cell(rows: list[dict[str, str]], row: str, column: str) -> dict[str, str]:
    (found,) = [r for r in rows if (r["row"], r["column"]) == (row, column)]
    return found


def finished(results: Path) -> dict[str, float]:
    """When each finished job's run was last written, by fingerprint."""
    with Tracker.open(f"sqlite:///{results}/store/mlflow.db", None) as tracker:
        return {fp: r.duration for fp, r in tracker.records().items() if r.status == "finished"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    """The environment of a cluster that is up, which spares a sweep the start of one of its own."""
    with faults.cluster(2) as (made, _):
        yield made.env


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table 7 at smoke scale, run once for all tests here, on a cluster that it starts."""
    folder = tmp_path_factory.mktemp("results")
    run("sweeps/residual_term.py", "--scale", "smoke", "--results", str(folder))
    return folder


def test_the_table_has_every_cell_measured_beside_the_papers(results: Path) -> None:
    rows = table(results, 7)
    assert cell(rows, "RLE (Q+G)", "AP")["paper"] == "70.5"
    assert cell(rows, "RLE (Q+G)", "AP")["status"] == "measured"
    assert cell(rows, "RLE (Q+G+s)", "FLOPs")["status"] == "computed"
    assert {r["status"] for r in rows} <= {"measured", "computed"}
    for name in ("README.md", "report.html", "tables/table_7.md", "tables/table_7.tex"):
        assert (results / name).stat().st_size > 100


def test_a_second_run_trains_nothing(results: Path) -> None:
    before = finished(results)
    text = run("sweeps/residual_term.py", "--scale", "smoke", "--results", str(results))
    assert f"{JOBS} jobs, {JOBS} of them already done" in text
    assert finished(results) == before


def test_another_sweep_trains_only_what_is_missing_and_the_report_shows_both(
    results: Path, cluster: dict[str, str]
) -> None:
    arguments = ("--scale", "smoke", "--results", str(results), "--only", "3x64")
    text = run("sweeps/flow_size.py", *arguments, **cluster)
    assert "3 jobs, 1 of them already done" in text
    rows = table(results, 1)
    assert cell(rows, "3x64", "AP")["mean"] == cell(table(results, 7), "RLE (Q+G)", "AP")["mean"]
    assert cell(rows, "3x128", "AP")["status"] == "not run"
    assert float(cell(rows, "3x128", "Params")["mean"]) == 205_848
    assert 0 < float(cell(rows, "3x64", "Flow share R50")["mean"]) < 100
    assert "Table 7" in (results / "README.md").read_text()


def test_the_report_is_built_from_the_store_alone(results: Path, tmp_path: Path) -> None:
    uri = f"sqlite:///{results}/store/mlflow.db"
    run("-m", "sweeps", "report", "smoke", "--tracking-uri", uri, "--results", str(tmp_path))
    for name in ("tables/table_7.csv", "tables/table_7.md", "README.md"):
        assert (tmp_path / name).read_text() == (results / name).read_text()


def test_a_dry_run_shows_cost_and_what_is_done_and_runs_nothing(results: Path) -> None:
    before = finished(results)
    text = run("sweeps/residual_term.py", "--scale", "smoke", "--results", str(results), "--dry-run")
    assert "53.8K" in text
    assert "44.2M" in text
    assert f"{JOBS} of them done" in text
    assert finished(results) == before


def test_killed_and_started_again_it_runs_only_what_is_missing(tmp_path: Path) -> None:
    few = ("--only", "DLE", "--only", "Direct L1", "--only", "Laplace, learned scale", "--concurrent", "1")
    arguments = ("sweeps/residual_term.py", "--scale", "smoke", "--results", str(tmp_path), *few)
    process = subprocess.Popen(
        command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=environment(), start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:  # a line may come before its result is in the store: two, so that one is
        if line.startswith("[2/3]"):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(1)
    kept = finished(tmp_path)
    assert 1 <= len(kept) < 3
    text = run(*arguments)
    assert f"3 jobs, {len(kept)} of them already done" in text
    after = finished(tmp_path)
    assert {fp: after[fp] for fp in kept} == kept
    assert len(after) == 3


def test_one_ray_train_worker_gives_what_the_trials_own_process_gives(
    results: Path, cluster: dict[str, str], tmp_path: Path
) -> None:
    arguments = ("--scale", "smoke", "--results", str(tmp_path), "--workers", "1")
    only = ("--only", "DLE", "--only", "Direct L1")
    run("sweeps/residual_term.py", *arguments, *only, **cluster)
    for row in ("DLE", "Direct L1"):
        found = cell(table(tmp_path, 7), row, "AP")
        assert (found["status"], found["n"]) == ("measured", "1")
        assert found == cell(table(results, 7), row, "AP")


def test_two_ray_train_workers_give_the_table_too(cluster: dict[str, str], tmp_path: Path) -> None:
    arguments = ("--scale", "smoke", "--results", str(tmp_path), "--only", "DLE", "--workers", "2")
    run("sweeps/residual_term.py", *arguments, **cluster)
    found = cell(table(tmp_path, 7), "DLE", "AP")
    assert (found["status"], found["n"]) == ("measured", "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scale", "paper"], "--data-root"),
        (["--data-root", "."], "annotations"),
        (["--only", "3x65"], "there are '3x64'"),
        (["--tracking-uri", "sqlite:////dev/null/all.db"], "/dev/null/all.db"),
    ],
)
def test_what_a_user_can_mend_is_said_in_a_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(flow_size.SWEEP, ["--results", str(tmp_path), *arguments])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert message in said.out + said.err
    assert "Traceback" not in said.out + said.err


def test_more_workers_than_there_are_cpus_are_refused_in_a_sentence(
    cluster: dict[str, str], tmp_path: Path
) -> None:
    arguments = ("--scale", "smoke", "--results", str(tmp_path), "--workers", "500")
    text = run("sweeps/flow_size.py", *arguments, expect=2, **cluster)
    assert "--workers" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("name", ["lspet_sample", "coco_sample"])
def test_real_photographs_give_a_table(
    samples: Path, cluster: dict[str, str], tmp_path: Path, name: str
) -> None:
    arguments = ("--scale", "smoke", "--data-root", str(samples / name), "--only", "3x64")
    run("sweeps/flow_size.py", *arguments, "--results", str(tmp_path), **cluster)
    assert cell(table(tmp_path, 1), "3x64", "AP")["status"] == "measured"
