"""From cells to text."""

import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.table_formats import csv, fill, frame, latex, markdown
from orchestrator.schema.declaration import CellSource, DeclaredColumn, PaperCell
from tests.support.tabled import AP, SEEDS, SIZE, big, declare, record, records, row


def test_the_frame_has_a_line_for_each_cell_and_csv_reads_back() -> None:
    found = records(record("a", 0, 1.0), record("a", 1, 2.0))
    filled = fill(declare(row("a"), row('b, "c"'), columns=(AP, SIZE)), found)
    table = frame(filled)
    assert list(table.columns) == ["table", "row", "column", "paper", "mean", "std", "n", "status", "lost"]
    assert [tuple(line) for line in table[["row", "column", "n", "status"]].to_numpy()] == [
        ("a", "AP", 2, "measured"),
        ('b, "c"', "AP", 0, "not run"),
    ]
    read = pd.read_csv(io.StringIO(csv(filled)), dtype={"table": str})
    pd.testing.assert_frame_equal(read, table, check_dtype=False)


def test_markdown_sets_paper_and_ours_side_by_side() -> None:
    lines = markdown(fill(*big())).splitlines()
    assert lines[0] == r"**Table 1. Costs \& gains**"
    assert lines[2] == "|  | Params paper | computed | AP (%) ↑ paper | ours |"
    assert lines[4] == "| 3 × 64ᵃ | 804.8K | 804.8K | 70.0 | 47.0 ± 0.7 (2 of 3) |"
    assert lines[5] == r"| \*RLE \| 50% \& σ\_xᵇ | – | – | – | not run |"
    assert lines[6] == "| *Laplace (added)*ᶜ | – | – | 67.45 | diverged |"
    assert lines[8] == (
        "Ours: mean ± sample standard deviation over 3 seeds; 100 people; scale “demo”. "
        "Computed, not measured: Params. “(1 of 3)” is the mean of one run, as two others diverged or "
        "collapsed. Added rows are not in the paper's table. Machine: 2 CPU cores. "
        "Paper: supplement, Table 1; main paper for Laplace."
    )
    assert lines[10:] == [
        "- ᵃ 1 of 3 diverged: seed 2",
        "- ᵇ From weights of a heatmap model.",
        "- ᶜ 3 of 3 diverged: seed 0, seed 1, seed 2",
    ]


def test_rows_are_not_marked_as_added_where_the_paper_has_none_of_them() -> None:
    text = markdown(fill(declare(row("a", in_paper=False), row("b", in_paper=False)), {}))
    assert "added" not in text.lower()


def test_a_wide_table_sets_ours_under_the_papers_line() -> None:
    joints = ["Ankle", "Knee", "Hip", "Wrist", "Elbow", "Shoulder", "Head"]
    columns = tuple(DeclaredColumn(name=joint, unit="mm", better="lower") for joint in joints)
    fingerprints = ("a0", "a1", "a2")
    cells = {joint: CellSource(key="AP", fingerprints=fingerprints) for joint in joints}
    paper = tuple(
        PaperCell(table="5", row="Hip", column=joint, value=107, unit="mm", source="supplement")
        for joint in joints
    )
    rows = (row("Hip", cells=cells), row("none", cells=cells, in_paper=False))
    found = records(*(record("a", seed, 100.0 + seed) for seed in SEEDS))
    lines = markdown(fill(declare(*rows, columns=columns, paper=paper, table="5"), found)).splitlines()
    assert lines[2] == f"|  |  | {' | '.join(joints)} |"
    assert lines[4] == "| Hip | paper |" + " 107.0 |" * 7
    assert lines[5] == "|  | ours |" + " 101.0 ± 1.0 |" * 7
    assert lines[6] == "| *none (added)* | ours |" + " 101.0 ± 1.0 |" * 7
    assert lines[8].startswith("All columns in mm, lower is better. Ours: ")


def test_every_line_of_a_markdown_table_has_as_many_cells() -> None:
    table = [line for line in markdown(fill(*big())).splitlines() if line.startswith("|")]
    assert len({line.replace(r"\|", "").count("|") for line in table}) == 1


def test_a_single_seed_is_said_to_have_no_spread() -> None:
    only = row("a", cells={"AP": CellSource(key="AP", fingerprints=("a0",))})
    text = markdown(fill(declare(only, seeds=(0,)), records(record("a", 0, 47.0))))
    assert "one seed, so no standard deviation" in text
    assert "| a | 70.5 | 47.0 |" in text


def test_latex_escapes_signs_and_spans_pairs() -> None:
    text = latex(fill(*big()))
    assert r"\caption{Costs \& gains}" in text
    assert r"\multicolumn{2}{c}{AP (\%) $\uparrow$}" in text
    assert r"\cmidrule(lr){2-3}\cmidrule(lr){4-5}" in text
    assert r"3 $\times$ 64\textsuperscript{a} & 804.8K & 804.8K & 70.0 & 47.0 $\pm$ 0.7 (2 of 3) \\" in text
    assert r"*RLE $|$ 50\% \& $\sigma$\_x\textsuperscript{b}" in text
    assert r"\textit{Laplace (added)}" in text
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
