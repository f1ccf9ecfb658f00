"""What records tell of a search's trials, and the table of the best."""

from dataclasses import replace

import pytest

from orchestrator.config.experiment import Experiment, seeded
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.schema.record import Record
from orchestrator.search.halving import Budget, Decider, Measured, SearchPlan
from orchestrator.search.space import Choice, Space
from orchestrator.sweep.plan import PlanSettings, plan_table
from orchestrator.sweep.search_table import aim_keys, best_table, measured, trials_table
from orchestrator.sweep.sweep import Column, Counted, Metric, Row, Search
from tests.support.errors import refused

AP = Column(DeclaredColumn(name="AP", better="higher"), Metric("AP"))
WIDTH = Column(DeclaredColumn(name="Width", better="lower"), Counted(lambda e: float(e.objective.flow.width)))
SPACE = Space(
    {"objective.flow.width": Choice((4, 8, 16)), "objective.density": Choice(("laplace", "gaussian"))}
)


def search(experiment: Experiment, *aims: str) -> Search:
    plan = SearchPlan(experiment, SPACE, Budget(epochs=40), generation=4, rungs=2, eta=2)
    aims = aims or ("AP",)
    return Search("Widths", title="Widths", plan=lambda scale: plan, columns=[WIDTH, AP], aims=aims)


def record(**fields: object) -> Record:
    history = {"AP": ((1, 10.0), (2, 20.0), (4, 40.0))}
    known = {"status": "stopped", "history": history, "stops": {2: 6.0}, "duration": 6.0, "world_size": 2}
    return Record("f" * 16, "a trial", seed=0, metrics={}, **{**known, **fields})


def test_a_stopped_training_counts_for_every_rung_that_it_has_passed(experiment: Experiment) -> None:
    found = record()
    assert measured(search(experiment), found, experiment, 1) == Measured((10.0,), 6.0)
    assert measured(search(experiment), found, experiment, 2) == Measured((20.0,), 12.0)
    assert measured(search(experiment), found, experiment, 3) is None
    assert measured(search(experiment), None, experiment, 1) is None


def test_what_a_later_rung_adds_changes_nothing_about_an_earlier_one(experiment: Experiment) -> None:
    later = record(stops={2: 6.0, 4: 99.0}, duration=99.0, status="finished")
    for epochs in (1, 2):
        assert measured(search(experiment), later, experiment, epochs) == measured(
            search(experiment), record(), experiment, epochs
        )


def test_an_interrupted_training_counts_only_where_it_has_stopped(experiment: Experiment) -> None:
    assert measured(search(experiment), record(stops={}, status="failed"), experiment, 1) is None
    assert measured(search(experiment), record(stops={}, status="running"), experiment, 1) is None
    assert measured(search(experiment), record(status="running"), experiment, 2) is not None


def test_a_finished_training_counts_at_all_rungs_by_its_last_evaluation_before(
    experiment: Experiment,
) -> None:
    whole = record(status="finished", stops={}, duration=8.0, world_size=1)
    assert measured(search(experiment), whole, experiment, 3) == Measured((20.0,), 6.0)
    rarely = replace(whole, history={"AP": ((4, 40.0),)})
    assert measured(search(experiment), rarely, experiment, 1) == Measured((40.0,), 2.0)


def test_a_diverged_training_has_what_it_had_before_and_nothing_after(experiment: Experiment) -> None:
    lost = record(status="diverged")
    assert measured(search(experiment), lost, experiment, 2) == Measured((20.0,), 12.0)
    assert measured(search(experiment), lost, experiment, 4) == Measured(None, 12.0)


def test_of_a_column_where_less_is_better_the_value_is_the_negative(experiment: Experiment) -> None:
    both = search(experiment, "AP", "Width")
    assert aim_keys(both) == ("AP",)
    assert measured(both, record(), experiment, 2) == Measured((20.0, -8.0), 12.0)


@pytest.mark.parametrize("aims", [("Width",), ("AP", "AP ", "Width"), ("nothing",)])
def test_aims_are_one_or_two_columns_one_of_them_measured(
    aims: tuple[str, ...], experiment: Experiment
) -> None:
    with refused("aims"):
        search(experiment, *aims)


def test_the_table_has_the_best_that_were_trained_to_their_end_and_the_grid_below(
    experiment: Experiment,
) -> None:
    found = search(experiment, "AP", "Width")
    plan = found.plan("smoke")

    def results(e: Experiment, epochs: int) -> Measured:
        width = e.objective.flow.width
        return Measured((width + 10.0 * (e.objective.density == "laplace"), -float(width)), 1.0)

    decisions = Decider(plan, lambda e: seeded(e, 0), 2).decide(results)
    assert decisions.wanted is None
    table = best_table(found, plan, decisions, [Row("grid", experiment, in_paper=False)])
    rows = list(table.rows("smoke"))
    assert rows[-1].key == "grid"
    ended = [trial for trial in decisions.trials if trial.epochs == 4]
    assert {row.key for row in rows[:-1]} == {f"trial {trial.number}" for trial in ended}
    assert all(not row.in_paper and "width" in row.description for row in rows[:-1])
    settings = PlanSettings("smoke", "smoke", (0,), lambda data: data.name, "")
    declared = plan_table(table, settings).declaration
    assert declared.searched is not None
    assert [t.number for t in declared.searched.trials] == [t.number for t in decisions.trials]
    assert {t.fingerprint for t in declared.searched.trials} <= set(declared.recorded)
    assert {t.finished for t in declared.searched.trials} == {True, False}
    assert type(declared).model_validate_json(declared.model_dump_json()) == declared
    one = trials_table(found, plan, decisions.trials[:1])
    (row,) = one.rows("smoke")
    assert seeded(row.experiment, 0).fingerprint() == decisions.trials[0].experiment.fingerprint()


def test_a_table_that_was_not_searched_for_is_declared_as_before(experiment: Experiment) -> None:
    settings = PlanSettings("smoke", "smoke", (0,), lambda data: data.name, "")
    plain = trials_table(search(experiment), search(experiment).plan("smoke"), ())
    declared = plan_table(replace(plain, rows=lambda scale: [Row("a", experiment)]), settings).declaration
    assert "searched" not in declared.model_dump_json()


@pytest.mark.parametrize("name", ["A, B", "A (B)", "50 %"])
def test_a_name_that_no_tag_can_have_is_refused_before_anything_is_trained(
    name: str, experiment: Experiment
) -> None:
    found = replace(search(experiment), id=name)
    table = trials_table(found, found.plan("smoke"), ())
    settings = PlanSettings("smoke", "smoke", (0,), lambda data: data.name, "")
    with refused("table-name"):
        plan_table(replace(table, rows=lambda scale: [Row("a", experiment)]), settings)
