"""What is written to the store is read back, whatever happens between."""

import json
import math
import multiprocessing
import os
import shutil
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchestrator.outbox import Outbox, PermanentError, persevere
from orchestrator.records import CellSource, Declaration, DeclaredColumn, DeclaredRow
from orchestrator.store_uri import parse
from orchestrator.tracking import Tracker, TrackingError, TrialInfo

TRIAL = TrialInfo(
    fingerprint="abc123",
    name="RLE 3x64, seed 0",
    group="coco-demo",
    seed=7,
    params={"schedule.epochs": "40", "objective.kind": "rle"},
    tags={"table.1": "3x64"},
    json='{"seed": 7}',
    data="d1",
    commit="0e30145",
    machine="2 cores",
    world_size=2,
    checkpoint="/storage/abc123/checkpoint.pt",
)
SECRET = "pa55word"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store: migrating a new one takes seconds."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    Tracker.open(f"sqlite:///{file}", None).close()
    return file


@pytest.fixture
def uri(migrated: Path, tmp_path: Path) -> str:
    shutil.copyfile(migrated, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def tracker(uri: str) -> Iterator[Tracker]:
    with Tracker.open(uri, None, patience=5.0) as opened:
        yield opened


def client(tracker: Tracker) -> Any:
    return tracker._client


def train(tracker: Tracker, trial: TrialInfo = TRIAL, epochs: int = 3, status: Any = "finished") -> None:
    tracker.start(trial)
    for epoch in range(1, epochs + 1):
        tracker.epoch(trial.fingerprint, epoch, {"loss": 1.0 / epoch, "PCKh@0.5": 80.0 + epoch})
    tracker.finish(trial.fingerprint, status, {"loss": 1.0 / epochs, "AP": 47.25}, 12.5)


def declaration(**changes: Any) -> Declaration:
    fields: dict[str, Any] = {
        "table": "1",
        "title": "What a flow costs",
        "says": "Larger flows bring nothing.",
        "scale": "demo",
        "report": "demo",
        "data": "100 people",
        "data_fingerprints": ("d1",),
        "seeds": (0, 1, 2),
        "columns": (DeclaredColumn(name="AP"),),
        "rows": (
            DeclaredRow(
                key="a", label="3 × 64", cells={"AP": CellSource(key="AP", fingerprints=("abc123",))}
            ),
        ),
        "command": "python sweeps/flow_size.py",
    }
    return Declaration(**(fields | changes))


def table_runs(tracker: Tracker) -> list[Any]:
    experiment = client(tracker).get_experiment_by_name("tables")
    return list(client(tracker).search_runs([experiment.experiment_id], order_by=["start_time ASC"]))


# Trials


def test_a_record_comes_back_as_it_was_written(tracker: Tracker) -> None:
    train(tracker)
    record = tracker.records()["abc123"]
    assert (record.name, record.status, record.seed, record.data) == ("RLE 3x64, seed 0", "finished", 7, "d1")
    assert (record.commit, record.machine, record.world_size) == ("0e30145", "2 cores", 2)
    assert (record.duration, record.note, record.alarms) == (12.5, "", ())
    assert record.metrics == {"loss": 1 / 3, "PCKh@0.5": 83.0, "AP": 47.25}
    assert record.history["PCKh@0.5"] == ((1, 81.0), (2, 82.0), (3, 83.0))
    assert record.history["AP"] == ((3, 47.25),)


def test_mlflow_shows_parameters_tags_and_the_experiment(tracker: Tracker) -> None:
    train(tracker)
    run = client(tracker).get_run(tracker.records()["abc123"].run_id)
    assert run.data.params == dict(TRIAL.params)
    assert run.data.tags["table.1"] == "3x64"
    assert run.data.tags["checkpoint"] == TRIAL.checkpoint
    assert run.info.status == "FINISHED"
    path = client(tracker).download_artifacts(run.info.run_id, "experiment.json")
    assert Path(path).read_text() == TRIAL.json
    experiment = client(tracker).get_experiment(run.info.experiment_id)
    assert experiment.name == "coco-demo"
    assert "coco-demo" in experiment.tags["mlflow.note.content"]


def test_records_are_those_asked_for(tracker: Tracker) -> None:
    for fingerprint in ("a", "b", "c"):
        train(tracker, replace(TRIAL, fingerprint=fingerprint), epochs=1)
    assert tracker.records().keys() == {"a", "b", "c"}
    assert tracker.records(["b", "unknown"]).keys() == {"b"}
    assert tracker.records([]) == {}
    assert tracker.records(["b"], history=())["b"].history == {}
    assert set(tracker.records(["b"], history=["PCKh@0.5", "AP75"])["b"].history) == {"PCKh@0.5"}


def test_an_empty_store_has_no_records_and_no_declarations(tracker: Tracker) -> None:
    assert tracker.records() == {}
    assert tracker.declarations() == ()


def test_divergence_and_failure_come_back_with_their_reasons(tracker: Tracker, tmp_path: Path) -> None:
    why = json.dumps({"step": 3, "samples": [1], "quantities": {"loss": "nan"}})
    diverged, failed = replace(TRIAL, fingerprint="d"), replace(TRIAL, fingerprint="f")
    tracker.start(diverged)
    alarms = ("sigma_max = 1 in epoch 2", "log_s = 60 in epoch 2")
    tracker.finish("d", "diverged", {"loss": 4.0}, 1.0, note=why, alarms=alarms)
    tracker.start(failed)
    tracker.finish("f", "failed", {}, 1.0, note="worker lost")
    records = tracker.records()
    assert (records["d"].status, records["d"].note, records["d"].alarms) == ("diverged", why, alarms)
    path = client(tracker).download_artifacts(records["d"].run_id, "diverged.json", str(tmp_path))
    assert Path(path).read_text() == why
    assert (records["f"].status, records["f"].note) == ("failed", "worker lost")
    assert client(tracker).get_run(records["f"].run_id).info.status == "FAILED"


def test_a_trial_that_has_not_ended_is_running(tracker: Tracker) -> None:
    tracker.start(TRIAL)
    tracker.epoch("abc123", 1, {"loss": 1.0})
    record = tracker.records()["abc123"]
    assert (record.status, record.metrics) == ("running", {"loss": 1.0})


def test_logging_an_epoch_again_changes_nothing(tracker: Tracker, uri: str) -> None:
    tracker.start(TRIAL)
    for epoch in (1, 2, 2, 1, 3):
        tracker.epoch("abc123", epoch, {"loss": float(epoch)})
    tracker.flush()
    with Tracker.open(uri, None) as later:
        later.start(TRIAL)
        for epoch in (2, 3, 4):
            later.epoch("abc123", epoch, {"loss": float(epoch)})
        later.finish("abc123", "finished", {"loss": 4.0}, 1.0)
        later.flush()
    run_id = tracker.records()["abc123"].run_id
    logged = client(tracker).get_metric_history(run_id, "loss")
    assert sorted((point.step, point.value) for point in logged) == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]


def test_a_restart_takes_the_unfinished_run_up_again(tracker: Tracker) -> None:
    tracker.start(TRIAL)
    tracker.finish("abc123", "failed", {}, 1.0, note="worker lost")
    failed = tracker.records()["abc123"]
    tracker.start(
        replace(TRIAL, commit="fffffff", params={**TRIAL.params, "schedule.epochs": "41", "x": "1"})
    )
    again = tracker.records()["abc123"]
    assert (again.run_id, again.status, again.note, again.commit) == (failed.run_id, "running", "", "fffffff")
    params = client(tracker).get_run(again.run_id).data.params
    assert params == {**TRIAL.params, "x": "1"}


def test_a_finished_trial_that_is_run_again_gets_a_run_of_its_own(tracker: Tracker) -> None:
    train(tracker)
    first = tracker.records()["abc123"]
    tracker.start(TRIAL)
    tracker.epoch("abc123", 1, {"loss": 9.0})
    second = tracker.records()["abc123"]
    assert second.run_id != first.run_id
    assert second.metrics == {"loss": 9.0}


def test_a_deleted_run_is_forgotten(tracker: Tracker) -> None:
    train(tracker)
    client(tracker).delete_run(tracker.records()["abc123"].run_id)
    assert tracker.records() == {}
    train(tracker, epochs=1)
    assert tracker.records()["abc123"].history["loss"] == ((1, 1.0),)


def test_tags_can_be_added_to_a_trial_of_an_earlier_process(tracker: Tracker, uri: str) -> None:
    train(tracker)
    tracker.flush()
    with Tracker.open(uri, None) as later:
        later.tag("abc123", {"table.4": "RLE hm=0"})
    run = client(tracker).get_run(tracker.records()["abc123"].run_id)
    assert run.data.tags["table.4"] == "RLE hm=0"
    assert run.info.status == "FINISHED"


def test_many_and_long_parameters_and_tags_fit(tracker: Tracker) -> None:
    many = {f"field.{index}": str(index) for index in range(250)} | {"long": "x" * 7000}
    tracker.start(replace(TRIAL, params=many))
    alarms = [f"sigma_max = 1 in epoch {epoch}" for epoch in range(1000)]
    tracker.finish("abc123", "diverged", {}, 1.0, note="y" * 9000, alarms=alarms)
    record = tracker.records()["abc123"]
    params = client(tracker).get_run(record.run_id).data.params
    assert len(params) == 251
    assert params["long"] == "x" * 5999 + "…"
    assert len(record.note) == 8000
    assert 100 < len(record.alarms) < 1000
    assert record.alarms == tuple(alarms[: len(record.alarms)])


def test_a_value_that_is_no_number_survives(tracker: Tracker) -> None:
    tracker.start(TRIAL)
    tracker.epoch("abc123", 1, {"loss": math.nan})
    assert math.isnan(tracker.records()["abc123"].metrics["loss"])


def test_a_metric_that_mlflow_can_not_name_is_refused_at_once(tracker: Tracker) -> None:
    with pytest.raises(ValueError, match="loss%"):
        tracker.epoch("abc123", 1, {"loss%": 1.0})


def test_two_trackers_see_each_others_trials(tracker: Tracker, uri: str) -> None:
    with Tracker.open(uri, None) as other:
        train(tracker)
        train(other, replace(TRIAL, fingerprint="other"))
        tracker.flush()
        other.flush()
        assert tracker.records() == other.records()
        assert tracker.records().keys() == {"abc123", "other"}


def test_other_peoples_experiments_are_left_alone(tracker: Tracker) -> None:
    theirs = client(tracker).create_experiment("theirs")
    run = client(tracker).create_run(theirs, tags={"fingerprint": "abc123"})
    assert tracker.records() == {}
    assert tracker.reap() == ()
    assert client(tracker).get_run(run.info.run_id).info.status == "RUNNING"


def test_an_experiment_in_the_bin_is_taken_back(tracker: Tracker, uri: str) -> None:
    train(tracker)
    tracker.flush()
    client(tracker).delete_experiment(client(tracker).get_experiment_by_name("coco-demo").experiment_id)
    with Tracker.open(uri, None) as later:
        train(later, epochs=1)
    assert tracker.records()["abc123"].status == "finished"


# Dead processes


def killed_writer(uri: str) -> None:
    tracker = Tracker.open(uri, None)
    tracker.start(TRIAL)
    tracker.epoch("abc123", 1, {"loss": 1.0})
    tracker.flush()
    os._exit(9)


def test_runs_of_a_dead_process_are_reaped_and_can_be_taken_up_again(tracker: Tracker, uri: str) -> None:
    process = multiprocessing.get_context("fork").Process(target=killed_writer, args=(uri,))
    process.start()
    process.join()
    mine = replace(TRIAL, fingerprint="mine")
    tracker.start(mine)
    assert tracker.records()["abc123"].status == "running"
    assert tracker.reap() == ("abc123",)
    records = tracker.records()
    assert (records["abc123"].status, records["mine"].status) == ("failed", "running")
    assert "interrupted" in records["abc123"].note
    assert client(tracker).get_run(records["abc123"].run_id).info.status == "KILLED"
    train(tracker)
    assert tracker.records()["abc123"].run_id == records["abc123"].run_id
    assert tracker.records()["abc123"].status == "finished"


def test_a_run_that_another_machine_has_just_begun_is_not_reaped(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.tracking_trials.socket.gethostname", lambda: "elsewhere")
    tracker.start(TRIAL)
    tracker.flush()
    monkeypatch.undo()
    assert tracker.reap() == ()


# Tables


def test_a_declaration_comes_back_and_the_same_one_makes_no_other_run(tracker: Tracker) -> None:
    tracker.declare(declaration())
    tracker.declare(declaration())
    assert tracker.declarations() == (declaration(),)
    assert len(table_runs(tracker)) == 1


def test_a_newer_declaration_takes_the_place_of_the_older(tracker: Tracker) -> None:
    tracker.declare(declaration())
    tracker.declare(declaration(seeds=(0, 1, 2, 3)))
    assert tracker.declarations() == (declaration(seeds=(0, 1, 2, 3)),)
    assert [run.data.tags["superseded"] for run in table_runs(tracker)] == ["true", "false"]
    tracker.declare(declaration())
    assert tracker.declarations() == (declaration(),)


def test_declarations_are_sorted_by_report_and_table(tracker: Tracker) -> None:
    paper = declaration(scale="paper", report="paper")
    others = [declaration(table=table) for table in ("10", "2", "1")]
    for one in (others[0], paper, *others[1:]):
        tracker.declare(one)
    assert tracker.declarations() == (paper, others[2], others[1], others[0])
    tracker.declare(paper)
    assert tracker.declarations()[-1] == paper


def test_a_declaration_of_another_version_is_named(tracker: Tracker, tmp_path: Path) -> None:
    tracker.declare(declaration())
    file = next(tmp_path.rglob("declaration.json"))
    file.write_text('{"table": "1", "colour": "red"}')
    with pytest.raises(TrackingError, match=r"table 1 \(demo\) was written by another version"):
        tracker.declarations()


def log(tracker: Tracker, values: list[float], folder: Path, declared: Declaration | None = None) -> None:
    page, figure = folder / "page.md", folder / "figure.svg"
    page.write_text("**Table 1.**\n\n| a |\n| --- |\n| 47.1 |\n")
    figure.write_text("<svg/>")
    frame = pd.DataFrame({"row": ["a"] * len(values), "mean": values})
    files = {"table.md": page, "figures/ap.svg": figure}
    tracker.log_table(declared or declaration(), frame, files, '[{"verdict": "supported"}]')


def artifact(tracker: Tracker, run: Any, name: str) -> str:
    return Path(client(tracker).download_artifacts(run.info.run_id, name)).read_text()


def test_a_filled_table_lies_with_its_declaration(tracker: Tracker, tmp_path: Path) -> None:
    tracker.declare(declaration())
    log(tracker, [47.1, math.nan], tmp_path)
    (run,) = table_runs(tracker)
    assert json.loads(artifact(tracker, run, "table.json"))["data"] == [["a", 47.1], ["a", None]]
    assert artifact(tracker, run, "figures/ap.svg") == "<svg/>"
    assert json.loads(artifact(tracker, run, "verdicts.json")) == [{"verdict": "supported"}]
    assert Declaration.model_validate_json(artifact(tracker, run, "declaration.json")) == declaration()
    about = run.data.tags["mlflow.note.content"]
    assert "| 47.1 |" in about
    assert "Larger flows bring nothing." in about
    assert "python sweeps/flow_size.py" in about
    assert run.info.status == "FINISHED"


def test_the_same_table_again_adds_nothing_and_another_takes_its_place(
    tracker: Tracker, tmp_path: Path
) -> None:
    log(tracker, [47.1], tmp_path)
    log(tracker, [47.1], tmp_path)
    (run,) = table_runs(tracker)
    assert json.loads(artifact(tracker, run, "table.json"))["data"] == [["a", 47.1]]
    log(tracker, [48.0], tmp_path)
    older, newer = table_runs(tracker)
    assert (older.data.tags["superseded"], newer.data.tags["superseded"]) == ("true", "false")
    assert json.loads(artifact(tracker, newer, "table.json"))["data"] == [["a", 48.0]]
    assert tracker.declarations() == (declaration(),)


# The store


def test_artifacts_lie_at_an_absolute_place_wherever_the_process_stands(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(migrated, tmp_path / "my store.db")
    monkeypatch.chdir(tmp_path)
    with Tracker.open("sqlite:///my store.db", Path("arti facts")) as opened:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        train(opened)
        opened.flush()
        assert list(elsewhere.iterdir()) == []
    assert [path.name for path in (tmp_path / "arti facts").rglob("*.json")] == ["experiment.json"]


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        ("mlruns", "mlruns: not a tracking store"),
        ("file:///tmp/mlruns", "not a tracking store"),
        ("sqlite://", "not a tracking store"),
        ("ftp://host/x", "not a tracking store"),
        ("postgresql://host/db", "needs a folder for artifacts"),
        ("http://127.0.0.1:9", r"http://127.0.0.1:9: the tracking store can't be reached"),
        ("sqlite:////proc/nowhere/mlflow.db", "can't be reached"),
    ],
)
def test_a_wrong_address_is_named(uri: str, complaint: str) -> None:
    with pytest.raises(TrackingError, match=complaint):
        Tracker.open(uri, None)


@pytest.mark.parametrize(
    "uri",
    [
        f"http://user:{SECRET}@127.0.0.1:9",
        f"ftp://user:{SECRET}@host",
        f"postgresql://user:{SECRET}@host/db",
        f"postgresql://user:{SECRET}@127.0.0.1:9/db?password={SECRET}",
        "http://user:pa55%77ord@127.0.0.1:9",
    ],
)
def test_no_message_tells_a_password(uri: str, tmp_path: Path) -> None:
    with pytest.raises(TrackingError) as caught:
        Tracker.open(uri, tmp_path if uri.endswith(SECRET) else None)
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told
    assert "pa55%77ord" not in told
    assert "user" not in str(caught.value)


def test_a_password_in_the_stores_own_words_is_hidden() -> None:
    place = parse(f"postgresql://user:{SECRET}@host/db?sslkey=k3y", Path("/artifacts"))
    text = f"connection to postgresql://user:{SECRET}@host/db?sslkey=k3y as {SECRET} with k3y failed"
    assert place.hide(text) == "connection to postgresql://host/db as *** with *** failed"


def test_no_message_of_a_lost_write_tells_a_password(tracker: Tracker, tmp_path: Path) -> None:
    tracker._place = parse(f"http://user:{SECRET}@host:5000", None)

    def away(*_: Any, **__: Any) -> None:
        raise OSError(f"http://user:{SECRET}@host:5000/api is away")

    tracker._patience = 0.0
    client(tracker).search_runs = client(tracker).search_experiments = away
    with pytest.raises(TrackingError) as caught:
        tracker.records()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "http://host:5000" in str(caught.value)


def test_a_store_that_is_away_for_a_while_loses_nothing(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.outbox.FIRST_PAUSE", 0.01)
    calls = {"failed": 0}
    for name in ("create_run", "log_batch", "log_text", "set_terminated"):
        monkeypatch.setattr(client(tracker), name, flaky(getattr(client(tracker), name), 2, calls))
    train(tracker)
    tracker.flush()
    record = tracker.records()["abc123"]
    assert calls["failed"] == 7  # two each; the run that was made in spite of the error is found again
    assert (record.status, record.history["loss"]) == ("finished", ((1, 1.0), (2, 0.5), (3, 1 / 3)))
    assert len(client(tracker).search_runs([client(tracker).get_run(record.run_id).info.experiment_id])) == 1


def flaky(work: Callable[..., Any], failures: int, calls: dict[str, int]) -> Callable[..., Any]:
    """`work` that is done, but answered by an error, as many times: what a cut connection looks like."""
    left = [failures]

    def call(*args: Any, **kwargs: Any) -> Any:
        answer = work(*args, **kwargs)
        if left[0]:
            left[0] -= 1
            calls["failed"] += 1
            raise ConnectionError("the answer was lost")
        return answer

    return call


def test_what_can_not_be_written_is_named_once(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = Tracker.open(uri, None, patience=0.0)
    tracker.epoch("nobody", 1, {"loss": 1.0})
    with pytest.raises(TrackingError, match="epoch 1 of nobody: the store has no run of it"):
        tracker.flush()
    tracker.flush()
    tracker.tag("nobody", {"a": "b"})
    with pytest.raises(TrackingError, match="tags of nobody"):
        tracker.close()


def test_an_error_within_is_not_replaced_by_what_was_lost(uri: str) -> None:
    tracker = Tracker.open(uri, None)
    tracker.tag("nobody", {"a": "b"})
    with pytest.raises(ZeroDivisionError) as caught, tracker:
        raise ZeroDivisionError
    assert "tags of nobody" in caught.value.__notes__[0]


def test_an_operation_is_tried_until_it_succeeds_or_patience_ends() -> None:
    attempts: list[int] = []

    def third() -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError
        return "done"

    assert persevere(third, 5.0) == "done"
    attempts.clear()
    with pytest.raises(ConnectionError):
        persevere(third, 0.0)
    assert len(attempts) == 1


def test_what_can_not_succeed_is_tried_once() -> None:
    attempts: list[int] = []

    def wrong() -> None:
        attempts.append(1)
        raise PermanentError

    with pytest.raises(PermanentError):
        persevere(wrong, 5.0)
    assert len(attempts) == 1


def test_an_outbox_keeps_the_order_and_pays_a_dead_stores_patience_once() -> None:
    done: list[int] = []
    tries = [0]

    def dead() -> None:
        tries[0] += 1
        raise ConnectionError("gone")

    outbox = Outbox(0.25, str)
    outbox.put("first", lambda: done.append(1))
    outbox.put("second", dead)
    outbox.wait()
    patient = tries[0]
    outbox.put("third", dead)
    outbox.put("fourth", lambda: done.append(4))
    outbox.close()
    assert patient == 2
    assert tries[0] == patient + 1
    assert done == [1, 4]
    assert outbox.take_lost() == ("second: gone", "third: gone")
    assert outbox.take_lost() == ()


def open_and_close(uri: str) -> None:
    Tracker.open(uri, None).close()


def test_processes_that_create_a_store_at_once_can_all_use_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    processes = [context.Process(target=open_and_close, args=(uri,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with sqlite3.connect(tmp_path / "new" / "mlflow.db") as database:
        assert database.execute("select count(*) from alembic_version").fetchone() == (1,)


def test_mlflow_reports_nothing_home_and_prints_no_address(tracker: Tracker) -> None:
    from mlflow.telemetry import get_telemetry_client

    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"
    assert get_telemetry_client() is None


def test_what_a_probe_found_comes_back_whole(tracker: Tracker) -> None:
    tracker.start(TRIAL)
    tracker.finish("abc123", "finished", {"coverage": 0.5}, 1.0, detail=json.dumps({"grid": [1.5, 2]}))
    train(tracker, replace(TRIAL, fingerprint="plain"))
    assert tracker.details(["abc123", "plain", "unknown"]) == {"abc123": {"grid": [1.5, 2]}}
    assert tracker.details([]) == {}
