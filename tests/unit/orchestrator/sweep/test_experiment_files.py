"""An experiment as a file: what `show` prints is what `run` reads."""

from pathlib import Path

import pytest

from models.objectives import L1
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.sweep.experiment_files import Format, find, printed, read, sweep_of
from orchestrator.sweep.plan import PlanSettings, plan_tables
from orchestrator.sweep.sweep import Row, Sweep, Table
from sweeps import all_sweeps
from tests.support.errors import refused


def sweep(name: str, *rows: Row) -> Sweep:
    return Sweep(name, "", (Table(name, title="", rows=lambda scale: rows, columns=[]),))


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_is_printed_reads_back_as_the_same_experiment(form: Format, tmp_path: Path) -> None:
    file = tmp_path / f"experiment.{form}"
    for scale in ("smoke", "paper"):
        for declared in (sweep for sweep in all_sweeps() if sweep.tables):
            experiment = next(iter(declared.tables[0].rows(scale))).experiment
            file.write_text(printed(experiment, form))
            assert read(file) == experiment
            assert read(file).fingerprint() == experiment.fingerprint()


def test_a_row_is_found_by_its_key_in_the_sweeps_that_are_named(experiment: Experiment) -> None:
    other = vary(experiment, objective=L1())
    one = sweep("one", Row("RLE", experiment), Row("L1", other, groups={"3-D": experiment}))
    two = sweep("two", Row("RLE", other), Row("L1", other))
    assert find([one], "RLE", "smoke") == experiment
    assert find([one, two], "L1", "smoke") == other  # the same in both
    assert find([one], "L1", "smoke", "3-D") == experiment
    with refused("several-rows"):
        find([one, two], "RLE", "smoke")
    with refused("no-row"):
        find([one, two], "L2", "smoke")
    with refused("no-group"):
        find([one], "L1", "smoke", "2-D")


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.json", "{", "no-experiment"),
        ("a.json", "{}", "no-experiment"),
        ("a.yaml", "model: 3", "no-experiment"),
        ("a.yaml", "a: [", "not-readable"),
        ("a.yaml", "a: 2020-01-01", "not-readable"),
    ],
)
def test_what_is_no_experiment_is_refused(name: str, text: str, code: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with refused(code) as raised:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)
    with refused("not-readable"):
        read(tmp_path / "absent.json")


def test_yaml_takes_numbers_as_people_write_them(experiment: Experiment, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(printed(experiment, "yaml").replace("lr: 0.001", "lr: 2e-3"))
    assert read(file).schedule.optimiser.lr == 0.002


def test_a_file_is_a_sweep_of_one_row_with_the_fingerprint_of_its_experiment(experiment: Experiment) -> None:
    declared = sweep_of(Path("mine/fast.json"), experiment)
    settings = PlanSettings("smoke", "smoke", (experiment.seed,), lambda data: data.name, "")
    (planned,) = plan_tables(declared.tables, settings)
    assert list(planned.jobs) == [experiment.fingerprint()]
    assert planned.declaration.table == "fast"
    assert not planned.declaration.adds(planned.declaration.rows[0])
