"""What the trainings of the paper take, from the time of a step."""

import pytest

from orchestrator.bench import gpu_hours
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from sweeps import flow_size, residual_term
from sweeps.baselines import coco

FLOW, RESIDUAL = flow_size.SWEEP, residual_term.SWEEP


@pytest.fixture(scope="module")
def base() -> Experiment:
    return coco("paper")


def test_hours_are_epochs_times_whole_steps_times_the_time_of_one(base: Experiment) -> None:
    assert gpu_hours.hours(base, lambda experiment: 2.0) == 270 * (149_813 // 256) * 2.0 / 3600


def test_the_assumed_rate_is_that_of_2500_pictures_a_second_at_224_by_224(base: Experiment) -> None:
    square = vary(base, data=vary(base.data, size=(224, 224)))
    assert square.schedule.batch / gpu_hours.assumed_step(square) == pytest.approx(2500, rel=0.01)


def test_shared_trainings_count_once_in_the_total() -> None:
    jobs = gpu_hours.planned((FLOW, RESIDUAL))
    grid = gpu_hours.sweep_hours(jobs, lambda experiment: 3600.0)
    *each, total = ([float(cell) for cell in row[1:]] for row in grid.rows)
    assert [row[0] for row in grid.rows] == ["flow_size", "residual_term", "all together"]
    assert total[2] < sum(row[2] for row in each)
    assert total[1] == len(gpu_hours.trainings(jobs))


def test_a_step_is_timed_once_for_trainings_that_differ_in_flow_or_loss_alone() -> None:
    asked: list[Experiment] = []
    jobs = gpu_hours.planned((FLOW, RESIDUAL))
    gpu_hours.sweep_hours(jobs, lambda experiment: float(len(asked.append(experiment) or asked)))
    assert len(asked) == len({gpu_hours.step_kind(e) for e in gpu_hours.trainings(jobs).values()}) == 1
