import json
from pathlib import Path

from datasets.contract import Place
from orchestrator.experiment import Experiment, StepCost, vary
from orchestrator.job import Finished, Task, run
from orchestrator.names import describe
from orchestrator.runtime import Alone


def test_a_task_survives_the_trip_to_another_process(experiment: Experiment, tmp_path: Path) -> None:
    for root in (None, tmp_path / "data"):
        task = Task(experiment, Place(tmp_path, root), "s3://bucket/lab")
        assert Task.of(json.loads(json.dumps(task.plain()))) == task


def test_how_it_ended_survives_the_trip_back() -> None:
    finished = Finished("diverged", {"loss": 1.5}, 2.0, "note", ("alarm",))
    assert Finished.of(json.loads(json.dumps(finished.plain()))) == finished


def test_data_that_is_not_there_ends_the_job_as_failed_with_a_sentence(
    experiment: Experiment, tmp_path: Path
) -> None:
    finished = run(Task(experiment, Place(tmp_path / "nothing"), str(tmp_path)), Alone())
    assert finished.status == "failed"
    assert str(tmp_path / "nothing") in finished.note
    assert "Traceback" not in finished.note


def test_a_step_is_measured_and_the_flow_is_a_part_of_it(experiment: Experiment, tmp_path: Path) -> None:
    cost = StepCost(model=experiment.model, objective=experiment.objective, points=17, size=(32, 32), batch=4)
    finished = run(Task(cost, Place(tmp_path), str(tmp_path)), Alone())
    assert finished.status == "finished"
    assert 0 < finished.metrics["flow_share"] < 100
    assert finished.metrics["flow_ms"] < finished.metrics["step_ms"]


def test_names_tell_methods_apart(experiment: Experiment) -> None:
    assert describe(vary(experiment, seed=2)) == "RLE 3x8 with half bodies on coco, seed 2"
