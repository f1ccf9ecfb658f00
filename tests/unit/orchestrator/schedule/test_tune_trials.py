"""What must come before what, without a cluster."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from datasets.contract import DataPaths
from models.objectives import L1
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.jobs.execute import JobResult, Task, run
from orchestrator.jobs.job import Job
from orchestrator.probes.calibration import Calibration
from orchestrator.probes.step_time import StepTiming
from orchestrator.schedule.tune_trials import Event, _EventCallback, _Results, generations
from orchestrator.training.runtime import SingleProcess
from orchestrator.util.errors import SweepError
from orchestrator.util.provenance import imported_sources
from tests.support.errors import refused


def task(job: Job) -> Task:
    return Task(job, DataPaths(Path("/cache")), "/storage")


def test_trainings_come_in_generations_each_after_what_it_starts_from(experiment: Experiment) -> None:
    first = vary(experiment, objective=L1())
    second = vary(experiment, start=first)
    third = vary(experiment, start=second, seed=1)
    tasks = [task(e) for e in (third, experiment, second, first)]
    found = [[t.job for t in generation] for generation in generations(tasks)]
    assert found == [[experiment, first], [second], [third]]


def test_a_start_that_was_trained_before_holds_nobody_back(experiment: Experiment) -> None:
    started = vary(experiment, start=vary(experiment, objective=L1()))
    assert [[t.job for t in generation] for generation in generations([task(started)])] == [[started]]


def test_every_job_names_what_must_have_been_trained(experiment: Experiment, timing: StepTiming) -> None:
    first = vary(experiment, objective=L1())
    started = vary(experiment, start=first)
    assert experiment.needs == timing.needs == ()
    assert Calibration(of=started).needs == (first, started)


def test_every_kind_of_job_travels_as_text_and_comes_back(experiment: Experiment) -> None:
    started = vary(experiment, start=vary(experiment, objective=L1()))
    for job in (started, Calibration(of=started)):
        assert Task.of(task(job).plain()) == task(job)
        assert Task.of(task(job).plain()).job.fingerprint() == job.fingerprint()
    result = JobResult("finished", {"AP": 1.0}, warnings=("sigma",), detail='{"grid": [1]}')
    assert JobResult.of(result.plain()) == result


def test_a_probe_is_known_by_the_model_it_looks_at(experiment: Experiment) -> None:
    prints = {Calibration(of=vary(experiment, seed=seed)).fingerprint() for seed in (0, 1)}
    assert len(prints | {experiment.fingerprint()}) == 3


@pytest.mark.parametrize(
    ("result", "foreign"),
    [
        (JobResult("finished", sources="aaaa in /b"), False),
        (JobResult("failed", sources="aaaa in /b", note="its own fault"), False),
        (JobResult("failed", note="its process died"), False),
        (JobResult("finished", sources="bbbb in /b"), True),
        (JobResult("failed", sources="bbbb in /b"), True),
        (JobResult("finished"), True),  # by code that does not say it yet
    ],
)
def test_a_trial_of_other_sources_has_failed_and_ends_the_sweep_with_both_named(
    result: JobResult, *, foreign: bool
) -> None:
    events: list[Event] = []
    results = _Results({"f": "aaaa in /a"}, events.append)
    results.pass_on(Event("f", finished=result))
    assert events[0].finished is not None
    if not foreign:
        results.check_sources()
        assert events[0].finished == result
        return
    assert events[0].finished.status == "failed"
    with refused("other-sources", SweepError) as caught:
        results.check_sources()
    assert "aaaa in /a" in str(caught.value)
    assert (result.sources or "older") in str(caught.value)


def test_a_trial_that_goes_on_may_lose_its_node_as_often_as_it_takes() -> None:
    events: list[Event] = []
    callback = _EventCallback(events.append)
    trial = SimpleNamespace(config={"job": "f"}, run_metadata=SimpleNamespace(num_failures=3))
    callback.on_trial_result(0, [], trial, {"history": "[[1, {}]]"})
    assert trial.run_metadata.num_failures == 3  # what it had done before is no progress
    callback.on_trial_result(0, [], trial, {"epoch": 2, "metrics": "{}"})
    assert trial.run_metadata.num_failures == 0
    assert [event.epoch for event in events] == [1, 2]


def test_a_job_is_not_run_by_other_sources(experiment: Experiment) -> None:
    other = replace(task(experiment), sources="0123 in /elsewhere")
    result = run(other, SingleProcess())
    assert (result.status, result.metrics, result.sources) == ("failed", {}, imported_sources())
    assert "/elsewhere" in result.note
