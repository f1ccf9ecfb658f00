"""Trainings that ended without a result: which those are, and what the table and its claims say of them."""

import pytest

from orchestrator.report.table_layout import losses, our_number
from orchestrator.schema.claims import Below, CellRef, Greater
from orchestrator.schema.declaration import CellSource, Declaration
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import fill
from orchestrator.stats.collapse import collapse
from orchestrator.stats.hypothesis_tests import judge
from tests.support.tabled import AP, declare, record, records, row

GRID = {"AP": 0.0, "loss": -924.7, "log_s": 547.2, "log_sigma": -0.47, "sigma_max": 1.0, "bar_mu_max": 6.1}
"""The end of a training with s by the grid at demo scale."""
WELL = {"AP": 52.2, "loss": -47.4, "log_sigma": -2.25, "sigma_min": 0.07, "sigma_max": 1.0, "bar_mu_max": 4.5}
"""The end of one without s."""


@pytest.mark.parametrize(
    ("metrics", "warnings", "why"),
    [
        (GRID, (), "log_s = 547, AP 0.0"),
        (GRID, ("log_s = 547 in epoch 3", "sigma_max = 1 in epoch 3"), "log_s = 547 in epoch 3, AP 0.0"),
        (GRID | {"log_s": 4.5}, ("log_s = -8e+13 in epoch 2",), "log_s = -8e+13 in epoch 2, AP 0.0"),
        (GRID | {"log_s": 4.5}, (), ""),  # one point's sigma at its end is no sign
        (GRID | {"log_s": 4.5, "log_sigma": -0.05}, (), "mean sigma = 0.951, AP 0.0"),
        ({"AP": 0.0, "sigma_max": 1.0}, (), "sigma_max = 1, AP 0.0"),  # of a store without the mean
        (WELL, ("sigma_max = 1 in epoch 3",), ""),
        (WELL | {"log_s": 60.0}, (), ""),  # it ran away and came back
        (WELL | {"AP": 0.0}, (), ""),  # bad, but nothing ran away
        ({"PCKh@0.5": 12.0, "bar_mu_max": 2e4}, (), "bar_mu_max = 2e+04, PCKh@0.5 12.0"),
        ({"PCKh@0.5": 85.0, "bar_mu_max": 2e4}, (), ""),
        ({"MPJPE": 219.8, "MPJPE of the mean pose": 219.9, "log_s_without_depth": 21.0}, (),
         "log_s_without_depth = 21, MPJPE 219.8"),
        ({"MPJPE": 90.0, "MPJPE of the mean pose": 219.9, "log_s_without_depth": 21.0}, (), ""),
        ({"MAE um": 94.0, "log_sigma": -12.0}, (), "mean sigma = 6.14e-06, MAE um 94.0"),
        ({"MAE um": 5.0, "log_sigma": -12.0}, (), ""),
        ({"a user's metric": 0.0, "log_s": 60.0}, (), ""),
    ],
)  # fmt: skip
def test_a_training_collapsed_where_a_quantity_ran_away_and_the_metric_is_at_chance(
    metrics: dict[str, float], warnings: tuple[str, ...], why: str
) -> None:
    assert collapse(metrics, warnings) == why


def one_of_three() -> dict[str, Record]:
    lost = [record("a", seed, 0.0, metrics=GRID | {"PCK": 0.1}) for seed in (1, 2)]
    return records(record("a", 0, 44.9), *lost, *(record("b", seed, 50.0 + seed) for seed in range(3)))


def claims() -> tuple[Greater | Below, ...]:
    a, b = (CellRef(row=name, column="AP") for name in "ab")
    return (
        Greater(description="b beats a", a=b, b=a),
        Below(description="a is below 20", a=a, limit=20.0),
        Below(description="b is below 10", a=b, limit=10.0),
    )


def table(**changes: object) -> Declaration:
    return declare(row("a"), row("b"), claims=claims(), **changes)


def test_runs_that_collapsed_enter_no_mean_and_are_told_by_seed() -> None:
    filled = fill(table(), one_of_three())
    cell = filled.cell("a", "AP")
    assert (cell.mean, cell.std, cell.n, cell.runs, cell.lost) == (44.9, None, 1, 3, ("collapsed",) * 2)
    assert our_number(cell, AP) == "44.9 (1 of 3)"
    assert losses(filled) == (
        "a: 2 of 3 collapsed: seed 1 (log_s = 547, AP 0.0), seed 2 (log_s = 547, AP 0.0)",
    )


def test_a_row_of_which_every_run_collapsed_says_so_in_place_of_a_number() -> None:
    found = one_of_three() | records(record("a", 0, 0.0, metrics=GRID))
    cell = fill(table(), found).cell("a", "AP")
    assert (cell.mean, our_number(cell, AP)) == (None, "collapsed")


def test_a_claim_about_a_row_that_did_not_train_cannot_be_judged() -> None:
    about_both, about_a, about_b = judge(table(), fill(table(), one_of_three()))
    assert about_both.verdict == about_a.verdict == "cannot be judged"
    assert about_a.sentence == "Cannot be judged: 2 of 3 runs of a collapsed."
    assert (about_a.estimate, about_a.p, about_a.seeds_needed) == (None, None, None)
    assert about_b.verdict == "contradicted"
    # A claim that is not tested is none of those that Holm's procedure divides the level by.
    assert about_b.p == about_b.p_holm


def test_diverged_runs_count_alike() -> None:
    found = one_of_three() | records(record("a", 1, 0.0, status="diverged"))
    verdict = judge(table(), fill(table(), found))[1]
    assert verdict.sentence == "Cannot be judged: 2 of 3 runs of a diverged or collapsed."
    found |= records(*(record("a", seed, 0.0, status="diverged") for seed in range(3)))
    verdict = judge(table(), fill(table(), found))[1]
    assert (verdict.verdict, verdict.sentence) == (
        "cannot be judged",
        "Cannot be judged: 3 of 3 runs of a diverged.",
    )


def measured(*trainings: Record) -> Declaration:
    """A table of measurements `p0` to `p2` of the models of trainings."""
    cells = {"AP": CellSource(key="error", fingerprints=("p0", "p1", "p2"))}
    needs = {f"p{seed}": (training.fingerprint,) for seed, training in enumerate(trainings)}
    return declare(row("a", cells=cells), needs=needs, claims=(claims()[1],))


def test_a_measurement_counts_with_the_training_of_its_model() -> None:
    trainings = (
        record("t", 0, 44.9),
        record("t", 1, 0.0, metrics=GRID),
        record("t", 2, 0.0, status="diverged"),
    )
    probes = [record("p", seed, 0.0, metrics={"error": 8.0}) for seed in range(2)]
    declared = measured(*trainings)
    filled = fill(declared, records(*trainings, *probes))
    cell = filled.cell("a", "AP")
    assert (cell.values, cell.lost) == ({0: 8.0}, ("collapsed", "diverged"))
    assert judge(declared, filled)[0].sentence == "Cannot be judged: 2 of 3 runs of a diverged or collapsed."


def test_a_training_from_the_weights_of_one_that_collapsed_counts_by_itself() -> None:
    first = record("t", 0, 0.0, metrics=GRID)
    later = record("p", 0, 0.0, metrics=WELL | {"error": 8.0})
    assert fill(measured(first), records(first, later)).cell("a", "AP").values == {0: 8.0}


def test_at_smoke_scale_nothing_collapses_and_nothing_is_judged() -> None:
    declared = table(scale="smoke")
    filled = fill(declared, one_of_three())
    assert filled.cell("a", "AP").n == 3
    for verdict in judge(declared, filled):
        assert verdict.verdict == "cannot be judged"
        assert verdict.estimate is None
        assert "trains for seconds" in verdict.sentence
