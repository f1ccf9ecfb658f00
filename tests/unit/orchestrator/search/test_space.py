"""Spaces: what lies in them, and that their fields are those of the experiment."""

import pytest

from models.realnvp import RealNVP
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Steps
from orchestrator.config.vary import vary
from orchestrator.search.halving import Budget, SearchPlan
from orchestrator.search.space import Choice, Range, Space
from tests.support.errors import refused

SPACE = Space(
    {
        "objective.flow.width": Choice((4, 8, 16)),
        "objective.density": Choice(("laplace", "gaussian")),
        "schedule.optimiser.betas": Choice(((0.9, 0.999), (0.9, 0.99))),
        "schedule.optimiser.lr": Range(1e-4, 1e-2, log=True),
    }
)


def test_a_point_gives_the_experiment_that_lies_there(experiment: Experiment) -> None:
    point = (16, "gaussian", (0.9, 0.99), 0.002)
    found = SPACE.applied(experiment, point)
    assert found.objective.flow == RealNVP(layers=3, width=16)
    assert SPACE.point_of(found) == point
    assert SPACE.words(point) == "width 16, density gaussian, betas [0.9, 0.99], lr 0.002"
    assert found.fingerprint() != experiment.fingerprint()
    assert SPACE.applied(experiment, SPACE.point_of(experiment)).fingerprint() == experiment.fingerprint()


def test_milestones_move_with_epochs_and_the_experiment_is_the_one_of_that_length(
    experiment: Experiment,
) -> None:
    decay = Steps(milestones=(2, 3))
    base = vary(experiment, schedule=vary(experiment.schedule, epochs=4, decay=decay))
    found = Space({"schedule.epochs": Choice((4, 8))}).applied(base, (8,))
    assert found.schedule.decay == Steps(milestones=(4, 6))
    assert found.by_recipe
    assert found == vary(base, schedule=vary(base.schedule, epochs=8, decay=Steps(milestones=(4, 6))))


def test_what_lies_outside_has_no_point(experiment: Experiment) -> None:
    wide = SPACE.applied(experiment, (16, "gaussian", (0.9, 0.99), 0.5))
    assert SPACE.point_of(wide) is None


@pytest.mark.parametrize(
    ("field", "domain", "code"),
    [
        ("objective.flow.wdth", Choice((4, 8)), "no-field"),
        ("objective.flow.width.more", Choice((4, 8)), "no-field"),
        ("objective.flow.width", Choice((4, 0)), "invalid-value"),
        ("objective.density", Choice(("laplace", "cauchy")), "invalid-value"),
        ("schedule.optimiser.lr", Range(1e-3, 1e9), "invalid-value"),
        ("schedule.optimiser.lr", Range(-1.0, 1e-3), "invalid-value"),
    ],
)
def test_every_field_and_value_is_tried_before_anything_runs(
    field: str, domain: Choice | Range, code: str, experiment: Experiment
) -> None:
    with refused(code):
        SearchPlan(experiment, Space({field: domain}), Budget(epochs=9))


@pytest.mark.parametrize("wrong", [(2.0, 1.0, False), (0.0, 1.0, True), (1.0, 1.0, False)])
def test_a_range_without_numbers_is_refused(wrong: tuple[float, float, bool]) -> None:
    with refused("space"):
        Range(*wrong)


@pytest.mark.parametrize("values", [(), (1, 1)])
def test_a_choice_is_of_different_values(values: tuple[int, ...]) -> None:
    with refused("space"):
        Choice(values)


def test_numbers_in_order_are_neighbours_and_nothing_else_is() -> None:
    assert Choice((1, 2, 8)).ordered
    assert not Choice((1, 8, 2)).ordered
    assert not Choice(("a", "b")).ordered


def test_a_rounded_number_stays_in_its_range() -> None:
    assert Range(0.00123456, 1.0).rounded(0.00123456) == 0.00123456
    assert Range(1e-4, 1.0).rounded(0.0123456) == 0.0123
