"""What is written of a trial is read back, whatever happens between."""

import json
import math
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.tracking.tracker import Tracker
from tests.support.tracked import TRIAL, client, train


def test_a_record_comes_back_as_it_was_written(tracker: Tracker) -> None:
    train(tracker)
    record = tracker.records()["abc123"]
    assert (record.name, record.status, record.seed, record.data) == ("RLE 3x64, seed 0", "finished", 7, "d1")
    assert (record.commit, record.machine, record.world_size) == ("0e30145", "2 cores", 2)
    assert (record.duration, record.note, record.warnings) == (12.5, "", ())
    assert record.metrics == {"loss": 1 / 3, "PCKh@0.5": 83.0, "AP": 47.25}
    assert record.history["PCKh@0.5"] == ((1, 81.0), (2, 82.0), (3, 83.0))
    assert record.history["AP"] == ((3, 47.25),)


@pytest.mark.parametrize("first", [{}, {"AP": 12.0}], ids=["not evaluated", "evaluated"])
def test_the_headline_is_the_metric_that_a_run_logged_first_which_mlflow_compares(
    tracker: Tracker, first: dict[str, float]
) -> None:
    tracker.start(TRIAL)
    tracker.epoch("abc123", 1, {"loss": 1.0, "AP75": 2.0, **first})
    tracker.epoch("abc123", 2, {"loss": 0.5, "AP75": 3.0, "AP": 40.0})
    tracker.finish("abc123", "finished", {"loss": 0.5, "AP": 47.25}, 1.0)
    record = tracker.records()["abc123"]
    shown = client(tracker).get_run(record.run_id).data.metrics
    assert list(shown) == ["AP", "loss", "AP75"]
    assert record.metrics == {"loss": 0.5, "AP75": 3.0, "AP": 47.25}
    assert dict(record.history["AP"]).keys() == ({1, 2} if first else {2})


def test_mlflow_shows_parameters_tags_and_the_experiment(tracker: Tracker) -> None:
    train(tracker)
    run = client(tracker).get_run(tracker.records()["abc123"].run_id)
    assert run.data.params == TRIAL.params
    assert run.data.tags["table.1"] == "3x64"
    assert run.data.tags["checkpoint"] == TRIAL.checkpoint
    assert run.info.status == "FINISHED"
    path = client(tracker).download_artifacts(run.info.run_id, "experiment.json")
    assert Path(path).read_text() == TRIAL.json
    experiment = client(tracker).get_experiment(run.info.experiment_id)
    assert experiment.name == "coco-demo"
    assert "coco-demo" in experiment.tags["mlflow.note.content"]
    assert "metrics.`AP`" in experiment.tags["mlflow.sharedViewState.rle-lab"]


@pytest.mark.parametrize(
    ("headline", "folder", "splits"),
    [
        ("AP", "", {"train": "training", "val": "validation"}),
        ("", "/data/coco", {"val": "validation"}),  # a measurement
    ],
)
def test_a_run_names_its_data_with_their_fingerprint(
    tracker: Tracker, headline: str, folder: str, splits: dict[str, str]
) -> None:
    trial = replace(TRIAL, headline=headline, data_name="coco", data_folder=folder, data_json='{"size": 1}')
    train(tracker, trial)
    tracker.start(trial)  # again: they are there once
    tracker.flush()
    inputs = client(tracker).get_run(tracker.records()["abc123"].run_id).inputs.dataset_inputs
    found = {one.dataset.name: one.tags[0].value for one in inputs}
    assert found == {f"coco {split}": context for split, context in splits.items()}
    assert {one.dataset.digest for one in inputs} == {TRIAL.data}
    assert {one.dataset.source_type for one in inputs} == {"local" if folder else "code"}
    assert len(inputs) == len(splits)


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
    assert tracker.declarations("demo") == ()


def test_divergence_and_failure_come_back_with_their_reasons(tracker: Tracker, tmp_path: Path) -> None:
    why = json.dumps({"step": 3, "samples": [1], "quantities": {"loss": "nan"}})
    diverged, failed = replace(TRIAL, fingerprint="d"), replace(TRIAL, fingerprint="f")
    tracker.start(diverged)
    warnings = ("sigma_max = 1 in epoch 2", "log_s = 60 in epoch 2")
    tracker.finish("d", "diverged", {"loss": 4.0}, 1.0, note=why, warnings=warnings)
    tracker.start(failed)
    tracker.finish("f", "failed", {}, 1.0, note="worker lost")
    records = tracker.records()
    assert (records["d"].status, records["d"].note, records["d"].warnings) == ("diverged", why, warnings)
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
    with Tracker.open(uri, None) as first:
        first.start(TRIAL)
        for epoch in (1, 2, 2, 1, 3):
            first.epoch("abc123", epoch, {"loss": float(epoch)})
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
    tracker.start(replace(TRIAL, commit="fffffff", params={"epochs": "41", "x": "1"}))
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
    warnings = [f"sigma_max = 1 in epoch {epoch}" for epoch in range(1000)]
    tracker.finish("abc123", "diverged", {}, 1.0, note="y" * 9000, warnings=warnings)
    record = tracker.records()["abc123"]
    params = client(tracker).get_run(record.run_id).data.params
    assert len(params) == 251
    assert params["long"] == "x" * 5999 + "…"
    assert len(record.note) == 8000
    assert 100 < len(record.warnings) < 1000
    assert record.warnings == tuple(warnings[: len(record.warnings)])


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
    assert tracker.end_abandoned() == ()
    assert client(tracker).get_run(run.info.run_id).info.status == "RUNNING"


def test_an_experiment_in_the_bin_is_taken_back(tracker: Tracker, uri: str) -> None:
    train(tracker)
    tracker.flush()
    client(tracker).delete_experiment(client(tracker).get_experiment_by_name("coco-demo").experiment_id)
    with Tracker.open(uri, None) as later:
        train(later, epochs=1)
    assert tracker.records()["abc123"].status == "finished"


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
    assert tracker.end_abandoned() == ("abc123",)
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
    monkeypatch.setattr("orchestrator.tracking.owner.socket.gethostname", lambda: "elsewhere")
    tracker.start(TRIAL)
    tracker.flush()
    monkeypatch.undo()
    assert tracker.end_abandoned() == ()


def test_what_a_probe_found_comes_back_whole(tracker: Tracker) -> None:
    tracker.start(TRIAL)
    tracker.finish("abc123", "finished", {"coverage": 0.5}, 1.0, detail=json.dumps({"grid": [1.5, 2]}))
    train(tracker, replace(TRIAL, fingerprint="plain"))
    assert tracker.details(["abc123", "plain", "unknown"]) == {"abc123": {"grid": [1.5, 2]}}
    assert tracker.details([]) == {}


def test_a_view_that_cannot_be_set_costs_no_run(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("UNIQUE constraint failed")

    monkeypatch.setattr(client(tracker), "set_experiment_tag", fail)
    train(tracker)
    assert tracker.records()["abc123"].status == "finished"
