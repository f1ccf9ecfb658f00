"""From records to cells."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from statistics import stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.table_formats import fill
from orchestrator.report.table_layout import lay_out
from orchestrator.schema.declaration import CellSource, Declaration, DeclaredColumn
from orchestrator.schema.record import Record
from tests.support.tabled import AP, SIZE, declare, record, records, row


def all_notes(declaration: Declaration, found: Mapping[str, Record]) -> str:
    filled = fill(declaration, found)
    inner = [note for cell in filled.cells.values() for note in cell.notes]
    return "\n".join(
        [*inner, *(note for notes in filled.row_notes.values() for note in notes), *filled.notes]
    )


def test_a_cell_has_the_mean_and_the_sample_deviation_of_its_seeds() -> None:
    found = records(record("a", 0, 1.0), record("a", 1, 2.0), record("a", 2, 6.0))
    cell = fill(declare(row("a")), found).cell("a", "AP")
    assert (cell.paper, cell.mean, cell.n, cell.status) == (70.5, 3.0, 3, "measured")
    assert cell.std == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    assert cell.values == {0: 1.0, 1: 2.0, 2: 6.0}
    assert cell.notes == ()


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=3))
def test_one_seed_has_no_spread_and_several_have_theirs(values: list[float]) -> None:
    found = records(*(record("a", seed, value) for seed, value in enumerate(values)))
    cell = fill(declare(row("a")), found).cell("a", "AP")
    assert cell.n == len(values)
    assert cell.mean == pytest.approx(sum(values) / len(values), abs=1e-9)
    assert cell.std == (pytest.approx(stdev(values)) if len(values) > 1 else None)


def test_a_row_that_lacks_a_seed_says_so() -> None:
    found = records(record("a", 0, 1.0), record("a", 2, 6.0))
    assert "2 of 3 seeds; not run: seed 1" in all_notes(declare(row("a")), found)


def test_a_row_that_was_declared_with_fewer_seeds_says_so() -> None:
    short = row("a", cells={"AP": CellSource(key="AP", fingerprints=("a0",))})
    assert "1 of 3 seeds" in all_notes(declare(short), records(record("a", 0, 1.0)))


def test_no_record_at_all_is_not_run_without_a_note() -> None:
    filled = fill(declare(row("a")), {})
    assert filled.cell("a", "AP").status == "not run"
    assert filled.row_notes["a"] == ()


def test_some_diverged_seeds_leave_the_mean_of_the_others_and_a_note() -> None:
    why = json.dumps(
        {"step": 120, "samples": [4, 5], "quantities": {"loss": "nan", "sigma_min": "0.1", "norm": "inf"}}
    )
    found = records(
        record("a", 0, 1.0), record("a", 1, 99.0, status="diverged", note=why), record("a", 2, 3.0)
    )
    cell = fill(declare(row("a")), found).cell("a", "AP")
    assert (cell.mean, cell.n, cell.status) == (2.0, 2, "measured")
    assert "1 of 3 diverged: seed 1 (step 120: loss nan, norm inf)" in all_notes(declare(row("a")), found)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        (("diverged", "diverged", "diverged"), "diverged"),
        (("diverged", "failed", "failed"), "diverged"),
        (("failed", "failed", "failed"), "failed"),
        (("failed", "running", "diverged"), "running"),
        (("finished", "running", "diverged"), "measured"),
    ],
)
def test_the_status_without_a_number_says_what_became_of_the_seeds(
    outcomes: tuple[Any, ...], status: str
) -> None:
    found = records(*(record("a", seed, 1.0, status=one) for seed, one in enumerate(outcomes)))
    cell = fill(declare(row("a")), found).cell("a", "AP")
    assert cell.status == status
    assert (cell.mean is None) == (status != "measured")
    assert (cell.std, cell.paper) == (None, 70.5)


@pytest.mark.parametrize("metrics", [{}, {"AP": math.nan}, {"AP": math.inf}])
def test_a_finished_record_without_the_number_is_no_measurement(metrics: dict[str, float]) -> None:
    found = records(record("a", 0, 1.0, metrics=metrics))
    assert fill(declare(row("a")), found).cell("a", "AP").status == "failed"
    assert "finished without a finite AP" in all_notes(declare(row("a")), found)


def test_records_of_other_data_are_refused_by_name() -> None:
    found = records(record("a", 0, 1.0), record("a", 1, 90.0, data="coco"))
    cell = fill(declare(row("a")), found).cell("a", "AP")
    assert cell.values == {0: 1.0}
    assert "rejected: a, seed 1 was measured on data coco, declared is people" in all_notes(
        declare(row("a")), found
    )
    only = records(record("a", 0, 90.0, data="coco"))
    assert fill(declare(row("a")), only).cell("a", "AP").status == "not run"


def test_a_measurement_without_data_is_taken() -> None:
    cell = fill(declare(row("a")), records(record("a", 0, 4.0, data=""))).cell("a", "AP")
    assert cell.mean == 4.0


def test_a_computed_cell_needs_no_record() -> None:
    made = row("a", cells={"Params": CellSource(value=53784)})
    filled = fill(declare(made, columns=(SIZE,)), {})
    cell = filled.cell("a", "Params")
    assert (cell.mean, cell.std, cell.n, cell.status) == (53784.0, None, 0, "computed")


def test_a_column_that_a_row_does_not_fill_is_blank() -> None:
    filled = fill(declare(row("a"), columns=(AP, SIZE)), {})
    assert filled.cell("a", "Params").status == "blank"
    with pytest.raises(KeyError):
        filled.cell("a", "AP75")


def test_rows_from_several_commits_are_marked() -> None:
    found = records(
        record("a", 0, 1.0, commit="0123456789abcdef"),
        record("a", 1, 1.0, commit="fedcba9876543210-dirty"),
        record("b", 0, 1.0, commit="0123456789abcdef"),
    )
    filled = fill(declare(row("a"), row("b")), found)
    assert any("several commits: 0123456, fedcba9-dirty" in note for note in filled.row_notes["a"])
    assert not any("commit" in note for note in filled.row_notes["b"])
    assert "0123456: a, b; fedcba9-dirty: a" in filled.notes[0]


def test_one_commit_needs_no_mark() -> None:
    found = records(record("a", 0, 1.0, commit="0123456789"), record("b", 0, 1.0, commit="0123456789"))
    assert fill(declare(row("a"), row("b")), found).notes == ()


def test_warnings_are_told_once_for_each_quantity() -> None:
    warnings = ("sigma_min = 0 in epoch 4", "sigma_min = 0 in epoch 5", "log_s = 60 in epoch 5")
    notes = all_notes(declare(row("a")), records(record("a", 2, 50.0, warnings=warnings)))
    assert "warnings, seed 2: sigma_min = 0 in epoch 4 (and 1 more), log_s = 60 in epoch 5" in notes


def test_seeds_in_which_the_same_rang_are_named_together() -> None:
    same, other = ("bar_mu_max = 2e+04 in epoch 3",), ("log_s = 60 in epoch 2",)
    rung = [record("a", seed, 50.0, warnings=other if seed == 1 else same) for seed in (0, 1, 2)]
    notes = all_notes(declare(row("a")), records(*rung))
    assert "warnings, seeds 0, 2: bar_mu_max = 2e+04 in epoch 3; seed 1: log_s = 60 in epoch 2" in notes


def test_sigma_at_its_ceiling_is_counted_by_row_and_no_footnote() -> None:
    rang = {"warnings": ("sigma_max = 1 in epoch 3", "log_s = 60 in epoch 3")}
    trained = {"metrics": {"AP": 50.0, "sigma_max": 0.9}}
    found = [record("a", 0, 1.0, **trained), record("a", 1, 1.0, **trained, **rang), record("c", 0, 1.0)]
    found += [record("b", 0, 1.0, **trained)]
    filled = fill(declare(row("a"), row("b"), row("c")), records(*found))
    assert (filled.with_sigma, filled.at_ceiling) == (("a", "b"), ("a",))
    notes = all_notes(filled.declaration, records(*found))
    assert "warnings, seed 1: log_s = 60 in epoch 3" in notes
    assert "sigma_max" not in notes


def test_what_holds_for_all_measured_cells_of_a_row_is_said_once_of_the_row() -> None:
    first, second = ("a0", "a1", "a2"), ("b0", "b1", "b2")
    cells = {
        "AP": CellSource(key="AP", fingerprints=first),
        "PCK": CellSource(key="PCK", fingerprints=second),
        "Params": CellSource(value=1.0),
    }
    declared = declare(row("a", cells=cells), columns=(AP, DeclaredColumn(name="PCK"), SIZE))
    half = [record("a", 0, 1.0), record("a", 1, 1.0, status="failed", note="worker lost\ntrace")]
    filled = fill(declared, records(*half, record("b", 0, 1.0)))
    assert filled.row_notes["a"] == ()
    assert filled.cell("a", "AP").notes == (
        "1 of 3 failed: seed 1 (worker lost)",
        "1 of 3 seeds; not run: seed 2",
    )
    filled = fill(declared, records(record("a", 0, 1.0), record("b", 0, 1.0)))
    assert filled.row_notes["a"] == ("1 of 3 seeds; not run: seed 1, seed 2",)
    assert filled.cell("a", "AP").notes == filled.cell("a", "PCK").notes == ()


def test_a_cell_whose_start_came_to_nothing_says_so() -> None:
    start = replace(record("start", 0, 0.0), status="diverged", name="SimplePose, seed 0")
    declared = declare(row("a"), needs={"a0": ("start0",)})
    filled = fill(declared, records(start, record("a", 1, 5.0), record("a", 2, 5.0)))
    assert filled.cell("a", "AP").n == 2
    assert "SimplePose, seed 0 diverged" in all_notes(declared, records(start, record("a", 1, 5.0)))
    assert fill(declared, records(start)).cell("a", "AP").status == "not run"
    assert "SimplePose, seed 0 diverged" in all_notes(declared, records(start))


def test_a_row_that_was_decided_early_says_how_many_seeds_it_has() -> None:
    few = {"AP": CellSource(key="AP", fingerprints=("short0", "short1"))}
    declaration = declare(row("long"), row("short", cells=few), looks=(2, 3))
    made = [record("long", seed, 1.0 + seed) for seed in range(3)]
    made += [record("short", seed, 1.0 + seed) for seed in range(2)]
    filled = fill(declaration, records(*made))
    assert (filled.row_notes["short"], filled.row_notes["long"]) == (("mean over 2 seeds",), ())
    assert declaration.seed_counts == (2, 3)
    assert "over 2 to 3 seeds" in lay_out(filled).legend


def test_seeds_that_may_still_come_are_pending_and_diverged_ones_are_not() -> None:
    found = records(record("a", 0, 1.0), record("a", 1, 2.0, status="diverged"))
    assert fill(declare(row("a")), found).cell("a", "AP").pending == {2}
    found |= records(record("a", 2, 3.0, status="failed"))
    assert fill(declare(row("a")), found).cell("a", "AP").pending == {2}


BF16 = {"precision": "bf16", "processor": "A", "torch": "2.9"}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"precision": "float32"}, "float32 on A, torch 2.9"),
        ({"processor": "B"}, "bf16 on B, torch 2.9"),
        ({"torch": "2.10"}, "bf16 on A, torch 2.10"),
        ({"world_size": 2, "metrics": {"AP": 1.0, "loss": 1.0}}, "bf16 on 2 workers of A, torch 2.9"),
    ],
)
def test_cells_from_different_arithmetic_say_so(other: dict[str, Any], words: str) -> None:
    made = {**BF16, "metrics": {"AP": 1.0, "loss": 1.0}}
    found = records(
        record("a", 0, 1.0, **made), record("a", 1, 1.0, **(made | other)), record("b", 0, 1.0, **made)
    )
    filled = fill(declare(row("a"), row("b")), found)
    same = "bf16 on A, torch 2.9"
    assert f"computed in different arithmetic: {same}; {words}" in filled.row_notes["a"]
    assert not any("arithmetic" in note for note in filled.row_notes["b"])
    (note,) = [note for note in filled.notes if "arithmetic" in note]
    assert f"{same}: a, b; {words}: a." in note
    assert filled.arithmetic == (same, words)


def test_what_older_records_do_not_tell_is_no_difference() -> None:
    found = records(record("a", 0, 1.0, precision="bf16", machine="A"), record("b", 0, 1.0, machine="A"))
    filled = fill(declare(row("a"), row("b")), found)
    assert filled.notes == ()


def test_a_table_of_records_of_older_mathematics_says_so() -> None:
    found = records(record("a", 0, 1.0, schema=1), record("a", 1, 1.0))
    (note,) = fill(declare(row("a")), found).notes
    assert "schema 1" in note
    assert fill(declare(row("a")), records(record("a", 0, 1.0))).notes == ()
