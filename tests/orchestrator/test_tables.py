"""From records to cells, and from cells to text."""

import io
import json
import math
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import stdev
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.records import CellSource, Declaration, DeclaredColumn, DeclaredRow, PaperCell, Record
from orchestrator.tables import csv, fill, frame, latex, markdown

SEEDS = (0, 1, 2)
AP = DeclaredColumn(name="AP", unit="%", better="higher")
SIZE = DeclaredColumn(name="Params", human=True)


def record(row: str, seed: int, value: float, **changes: Any) -> Record:
    made = Record(
        f"{row}{seed}",
        f"{row}, seed {seed}",
        "finished",
        seed,
        {"AP": value, "PCK": 2 * value},
        data="people",
    )
    return replace(made, **changes)


def records(*made: Record) -> dict[str, Record]:
    return {one.fingerprint: one for one in made}


def row(key: str, **changes: Any) -> DeclaredRow:
    fingerprints = tuple(f"{key}{seed}" for seed in SEEDS)
    cells = {"AP": CellSource(key="AP", fingerprints=fingerprints)}
    return DeclaredRow(**{"key": key, "label": key, "cells": cells, **changes})


def declare(*rows: DeclaredRow, **changes: Any) -> Declaration:
    fields: dict[str, Any] = {
        "table": "1",
        "title": "What a flow costs",
        "scale": "demo",
        "data": "100 people",
        "data_fingerprints": ("people",),
        "seeds": SEEDS,
        "columns": (AP,),
        "rows": rows,
        "paper": (PaperCell(table="1", row="a", column="AP", value=70.5, unit="%", source="supplement"),),
    }
    return Declaration(**(fields | changes))


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
    assert "refused: a, seed 1 was measured on data coco, declared is people" in all_notes(
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


def test_alarms_are_told_once_for_each_quantity() -> None:
    alarms = ("sigma_max = 1 in epoch 4", "sigma_max = 1 in epoch 5", "log_s = 60 in epoch 5")
    notes = all_notes(declare(row("a")), records(record("a", 2, 1.0, alarms=alarms)))
    assert "alarms, seed 2: sigma_max = 1 in epoch 4 (and 1 more), log_s = 60 in epoch 5" in notes


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


def test_the_frame_has_a_line_for_each_cell_and_csv_reads_back() -> None:
    found = records(record("a", 0, 1.0), record("a", 1, 2.0))
    filled = fill(declare(row("a"), row('b, "c"'), columns=(AP, SIZE)), found)
    table = frame(filled)
    assert list(table.columns) == ["table", "row", "column", "paper", "mean", "std", "n", "status"]
    assert [tuple(line) for line in table[["row", "column", "n", "status"]].to_numpy()] == [
        ("a", "AP", 2, "measured"),
        ('b, "c"', "AP", 0, "not run"),
    ]
    read = pd.read_csv(io.StringIO(csv(filled)), dtype={"table": str})
    pd.testing.assert_frame_equal(read, table, check_dtype=False)


def big() -> tuple[Declaration, dict[str, Record]]:
    """A table with everything in it: computed and measured, diverged, not run, ours, signs to escape."""
    measured = CellSource(key="AP", fingerprints=("a0", "a1", "a2"))
    rows = (
        DeclaredRow(key="a", label="3 × 64", cells={"Params": CellSource(value=804_888), "AP": measured}),
        row("b", label="*RLE | 50% & σ_x", says="From weights of a heatmap model."),
        row("c", label="Laplace", ours=True),
    )
    paper = (
        PaperCell(table="1", row="a", column="AP", value=70.0, unit="%", source="supplement, Table 1"),
        PaperCell(table="1", row="a", column="Params", value=804_800, unit="", source="supplement, Table 1"),
        PaperCell(table="1", row="c", column="AP", value=67.45, unit="%", source="main paper"),
    )
    found = records(
        record("a", 0, 46.5, machine="2 CPU cores"),
        record("a", 1, 47.5),
        record("a", 2, 0.0, status="diverged"),
        *(record("c", seed, 0.0, status="diverged") for seed in SEEDS),
    )
    return declare(*rows, columns=(SIZE, AP), paper=paper, title="Costs & gains"), found


def test_markdown_sets_paper_and_ours_side_by_side() -> None:
    lines = markdown(fill(*big())).splitlines()
    assert lines[0] == "**Table 1. Costs & gains**"
    assert lines[2] == "|  | Params paper | computed | AP (%) ↑ paper | ours |"
    assert lines[4] == "| 3 × 64ᵃ | 804.8K | 804.8K | 70.0 | 47.0 ± 0.7 |"
    assert lines[5] == r"| \*RLE \| 50% & σ\_xᵇ | – | – | – | not run |"
    assert lines[6] == "| *Laplace (ours)*ᶜ | – | – | 67.45 | diverged |"
    assert lines[8] == (
        "Ours: mean ± sample standard deviation over 3 seeds; 100 people; scale “demo”. "
        "Computed, not measured: Params. Machine: 2 CPU cores. "
        "Paper: supplement, Table 1; main paper for Laplace."
    )
    assert lines[10:] == [
        "- ᵃ 1 of 3 diverged: seed 2",
        "- ᵇ From weights of a heatmap model.",
        "- ᶜ 3 of 3 diverged: seed 0, seed 1, seed 2",
    ]


def test_a_wide_table_sets_ours_under_the_papers_line() -> None:
    joints = ["Ankle", "Knee", "Hip", "Wrist", "Elbow", "Shoulder", "Head"]
    columns = tuple(DeclaredColumn(name=joint, unit="mm", better="lower") for joint in joints)
    fingerprints = ("a0", "a1", "a2")
    cells = {joint: CellSource(key="AP", fingerprints=fingerprints) for joint in joints}
    paper = tuple(
        PaperCell(table="5", row="Hip", column=joint, value=107, unit="mm", source="supplement")
        for joint in joints
    )
    rows = (row("Hip", cells=cells), row("none", cells=cells, ours=True))
    found = records(*(record("a", seed, 100.0 + seed) for seed in SEEDS))
    lines = markdown(fill(declare(*rows, columns=columns, paper=paper, table="5"), found)).splitlines()
    assert lines[2] == f"|  |  | {' | '.join(joints)} |"
    assert lines[4] == "| Hip | paper |" + " 107.0 |" * 7
    assert lines[5] == "|  | ours |" + " 101.0 ± 1.0 |" * 7
    assert lines[6] == "| *none (ours)* | ours |" + " 101.0 ± 1.0 |" * 7
    assert lines[8].startswith("All columns in mm, lower is better. Ours: ")


def test_every_line_of_a_markdown_table_has_as_many_cells() -> None:
    table = [line for line in markdown(fill(*big())).splitlines() if line.startswith("|")]
    assert len({line.replace(r"\|", "").count("|") for line in table}) == 1


def test_a_single_seed_is_said_to_have_no_spread() -> None:
    only = row("a", cells={"AP": CellSource(key="AP", fingerprints=("a0",))})
    text = markdown(fill(declare(only, seeds=(0,)), records(record("a", 0, 47.0))))
    assert "one seed, so no spread" in text
    assert "| a | 70.5 | 47.0 |" in text


def test_latex_escapes_signs_and_spans_pairs() -> None:
    text = latex(fill(*big()))
    assert r"\caption{Costs \& gains}" in text
    assert r"\multicolumn{2}{c}{AP (\%) $\uparrow$}" in text
    assert r"\cmidrule(lr){2-3}\cmidrule(lr){4-5}" in text
    assert r"3 $\times$ 64\textsuperscript{a} & 804.8K & 804.8K & 70.0 & 47.0 $\pm$ 0.7 \\" in text
    assert r"*RLE $|$ 50\% \& $\sigma$\_x\textsuperscript{b}" in text
    assert r"\textit{Laplace (ours)}" in text
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert {line.replace(r"\&", "").count("&") for line in body} == {4}


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=30))
def test_no_label_breaks_a_table(label: str) -> None:
    filled = fill(declare(row("a", label=label)), {})
    line = next(line for line in markdown(filled).splitlines() if line.endswith("| 70.5 | not run |"))
    assert line.replace("\\\\", "").replace("\\|", "").count("|") == 4
    text = latex(filled).replace(r"\\", "").replace(r"\{", "").replace(r"\}", "").replace(r"\$", "")
    assert text.count("{") == text.count("}")
    assert text.count("$") % 2 == 0


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path: Path) -> None:
    body = latex(fill(*big()))
    source = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + body + r"\end{document}"
    (tmp_path / "table.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-800:]


def test_a_cell_whose_start_came_to_nothing_says_so() -> None:
    start = replace(record("start", 0, 0.0), status="diverged", name="SimplePose, seed 0")
    declared = declare(row("a"), needs={"a0": ("start0",)})
    filled = fill(declared, records(start, record("a", 1, 5.0), record("a", 2, 5.0)))
    assert filled.cell("a", "AP").n == 2
    assert "SimplePose, seed 0 diverged" in all_notes(declared, records(start, record("a", 1, 5.0)))
    assert fill(declared, records(start)).cell("a", "AP").status == "not run"
    assert "SimplePose, seed 0 diverged" in all_notes(declared, records(start))
