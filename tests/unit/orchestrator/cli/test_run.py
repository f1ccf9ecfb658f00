"""What `rle-lab run` makes of names and files."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.cli.main import parser
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.run import runner
from orchestrator.run.settings import RunSettings
from orchestrator.sweep.experiment_files import printed
from orchestrator.sweep.sweep import Sweep
from sweeps import all_sweeps, listed
from sweeps.__main__ import demo
from tests.support.errors import refused

Ran = list[tuple[list[str], RunSettings]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, experiment: Experiment) -> Ran:
    """The names of the sweeps of each run, and its settings; beside files of two experiments."""
    found: Ran = []

    def run_sweeps(sweeps: Sequence[Sweep], settings: RunSettings, *_: object) -> int:
        found.append(([sweep.name for sweep in sweeps], settings))
        return 0

    monkeypatch.setattr(runner, "run_sweeps", run_sweeps)
    monkeypatch.chdir(tmp_path)
    Path("two.json").write_text(printed(vary(experiment, seed=2), "json"))
    Path("three.yaml").write_text(printed(vary(experiment, seed=3), "yaml"))
    return found


def call(*arguments: str) -> int:
    parsed: argparse.Namespace = parser(listed, all_sweeps, demo).parse_args(["run", *arguments])
    code: int = parsed.act(parsed)
    return code


def test_an_experiment_of_a_file_is_run_with_its_own_seed(ran: Ran) -> None:
    assert call("two.json") == 0
    names, settings = ran[0]
    assert (names, settings.seeds) == (["two"], (2,))


def test_seeds_that_are_named_are_those_of_all(ran: Ran) -> None:
    call("two.json", "three.yaml", "flow_size", "--seeds", "2")
    names, settings = ran[0]
    assert (names, settings.seeds) == (["flow_size", "two", "three"], (0, 1))


@pytest.mark.parametrize("names", [("two.json", "three.yaml"), ("two.json", "flow_size")])
def test_files_of_several_seeds_and_files_beside_sweeps_need_them_named(
    ran: Ran, names: tuple[str, ...]
) -> None:
    with refused("which-seeds"):
        call(*names)
    assert not ran


def test_a_sweep_that_runs_only_by_name_is_among_all_only_when_it_is_named(ran: Ran) -> None:
    call()
    call("likelihood")
    every, alone = (names for names, _ in ran)
    assert set(every) == {sweep.name for sweep in all_sweeps()} - {"likelihood", "flow_search"}
    assert alone == ["likelihood"]


def test_an_unknown_sweep_is_refused(ran: Ran) -> None:
    with refused("no-sweep"):
        call("flow_sise")
