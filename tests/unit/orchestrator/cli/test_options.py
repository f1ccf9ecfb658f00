import argparse
import shlex
from pathlib import Path

import pytest

from datasets.union import DATA_SETS
from orchestrator.cli.main import parser
from orchestrator.cli.options import add_options, command, options
from orchestrator.cli.prepare import SETS
from orchestrator.run.settings import RunSettings


def parse(*arguments: str) -> RunSettings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return options(parser.parse_args(arguments))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)


def test_defaults_lie_under_results_and_are_absolute(tmp_path: Path) -> None:
    found = parse()
    assert found.results == tmp_path / "results" / "demo"
    assert found.tracking_uri == f"sqlite:///{tmp_path}/results/store/mlflow.db"
    assert found.storage == str(tmp_path / "results" / "store")
    assert found.cache == tmp_path / "results" / "store" / "data"
    assert found.seeds == (0, 1, 2)
    assert parse("--scale", "smoke").seeds == (0,)


def test_given_results_keep_their_store_inside(tmp_path: Path) -> None:
    found = parse("--results", "out")
    assert found.results == tmp_path / "out"
    assert found.tracking_uri.endswith("/out/store/mlflow.db")


def test_the_environment_names_the_store_and_the_option_overrules_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracker:5000")
    assert parse().tracking_uri == "http://tracker:5000"
    assert parse("--tracking-uri", "sqlite:////x.db").tracking_uri == "sqlite:////x.db"


def test_decoded_pictures_are_kept_unless_asked_not_to() -> None:
    assert parse().pack
    assert not parse("--no-pack").pack


def test_a_submitted_job_keeps_its_results_outside_its_temporary_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    assert parse().results == Path.home() / "rle-lab" / "demo"


def test_a_storage_uri_stays_as_it_is() -> None:
    found = parse("--storage", "s3://bucket/lab")
    assert found.storage == "s3://bucket/lab"
    assert found.cache == Path.home() / ".cache" / "rle-lab"


def test_the_report_of_own_data_has_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "runners").mkdir()
    assert parse("--data-root", "runners").results == tmp_path / "results" / "demo-runners"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scale", "huge"], "invalid choice: 'huge'"),
        (["--seeds", "0"], "from 1 to"),
        (["--seeds", "1000000000"], "from 1 to 1000"),
        (["--max-seeds", "9" * 5000], "not a whole number"),
        (["--concurrent", "1" * 30], "from 1 to"),
        (["--gpus-per-worker", "1e308"], "from 0 to"),
        (["--workers", "-1"], "from 0 to"),
        (["--workers", "two"], "'two' is not a whole number"),
        (["--gpus-per-worker", "nan"], "from 0 to"),
        (["--data-root", "nowhere"], "nowhere: no such folder"),
        (["--detections", "nothing.json"], "nothing.json: no such file"),
        (["--data-root", "x" * 3000], "is no path"),
        (["--storage", "~nobody-of-this-name/x"], "is no path"),
        (["--results", "a\0b"], "is no path"),
        (["--sedes", "3"], "unrecognized arguments: --sedes"),
    ],
)
def test_a_wrong_option_is_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(*arguments)
    assert message in capsys.readouterr().err


def test_the_names_of_the_sets_are_those_that_there_are() -> None:
    assert tuple(data.name for data in DATA_SETS) == SETS


@pytest.mark.parametrize("name", ["RLE (Q+G)", "$(touch hacked)", "a'b", 'a"b', "`c`", "a b", "*", "\\", "é"])
def test_the_command_is_quoted_for_a_shell(name: str) -> None:
    line = command(["rle-lab", "run", "--only", name])
    assert shlex.split(line) == ["rle-lab", "run", "--only", name]
    assert command(["sweeps/x.py", name]).startswith("python sweeps/x.py ")


@pytest.mark.parametrize(
    "line",
    [
        ["ui", "--port", "99999999"],
        ["ui", "--port", "-1"],
        ["run", "--seeds", "1e9"],
        ["predict", "m", "p", "--min-score", "nan"],
        ["import-checkpoint", "f", "--size", "0", "5"],
        ["bench", "--seconds", "inf"],
    ],
)
def test_absurd_numbers_are_refused(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser(list, list, lambda: pytest.fail("not asked for")).parse_args(line)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()[-1]) < 200
