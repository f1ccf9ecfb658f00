"""Searches side by side: what had ended by when, and how good it was."""

from orchestrator.bench.search import Course, course, finding, score, worst
from orchestrator.config.experiment import Experiment, seeded
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.search.halving import Budget, Decider, Measured, SearchPlan
from orchestrator.search.space import Choice, Space
from orchestrator.sweep.sweep import Column, Counted, Metric, Search
from tests.support.errors import refused

EARLY = Course((10.0, 20.0), ((30.0, -2.0), (40.0, -3.0)), total=60.0)
LATE = Course((30.0, 60.0), ((20.0, -1.0), (40.0, -4.0)), total=60.0)


def search(experiment: Experiment) -> Search:
    ap = Column(DeclaredColumn(name="AP", better="higher"), Metric("AP"))
    cost = Column(DeclaredColumn(name="FLOPs", better="lower"), Counted(lambda e: 1.0))
    plan = SearchPlan(experiment, Space({"objective.flow.width": Choice((4, 8))}), Budget(epochs=8), rungs=1)
    return Search("A search", "A search", lambda scale: plan, [ap, cost], ("AP", "FLOPs"))


def test_scores_are_of_what_had_ended_by_then() -> None:
    corner = worst([(EARLY, LATE)])
    assert corner == (20.0, -4.0)
    assert score(EARLY, 5.0, corner).best == 20.0
    assert score(EARLY, 10.0, corner).best == 30.0
    assert score(EARLY, 20.0, corner).volume == 10.0 * 2 + 10.0 * 1


def test_a_third_of_the_search_is_set_beside_all_of_random_search(experiment: Experiment) -> None:
    found = finding(search(experiment), [(EARLY, LATE), (LATE, EARLY)])
    (grid,) = found.grids
    assert [row[0] for row in grid.rows] == ["seed 0", "seed 1", "mean"]
    assert grid.rows[0][1:6] == ("60", "40.00", "40.00", "20.00", "40.00")
    assert grid.rows[1][1:6] == ("60", "20.00", "40.00", "40.00", "40.00")
    assert "AP in 1 of 2 repeats" in found.description
    assert found.plots


def test_a_course_counts_the_core_seconds_of_all_trainings_before(experiment: Experiment) -> None:
    space = Space({"objective.flow.width": Choice((4, 8, 16, 32))})
    plan = SearchPlan(experiment, space, Budget(epochs=10), generation=4, rungs=2, eta=4)

    def results(e: Experiment, epochs: int) -> Measured:
        return Measured((float(e.objective.flow.width),), 2.0 * epochs)

    decisions = Decider(plan, lambda e: seeded(e, 0), 1).decide(results)
    found = course(decisions)
    assert found.values == ((32.0,),)
    assert found.seconds == (2.0 * (4 * 1 + 3),)  # four first rungs, then the best to its end
    assert found.total == decisions.core_seconds


def test_without_a_trial_at_its_end_there_is_nothing_to_compare() -> None:
    with refused("no-trials"):
        worst([(Course((), (), 1.0), Course((), (), 1.0))])
