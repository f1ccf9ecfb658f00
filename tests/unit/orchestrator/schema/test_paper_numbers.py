"""The file of the paper's numbers, and its reader."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.schema.paper_numbers import PaperError, paper_cells
from tests.support.errors import refused
from tests.support.paths import ROOT

PAPER = ROOT / "sweeps" / "paper.csv"
HEADER = "table,row,column,value,unit,source\n"


def values(table: str) -> dict[tuple[str, str], float]:
    return {(cell.row, cell.column): cell.value for cell in paper_cells(PAPER, table)}


def write(folder: Path, text: str) -> Path:
    path = folder / "numbers.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("table", "cells"),
    [("1", 25), ("2", 12), ("3", 10), ("4", 6), ("5", 49), ("6", 49), ("7", 18), ("8", 2), ("9", 0)],
)
def test_every_printed_cell_is_there(table: str, cells: int) -> None:
    assert len(paper_cells(PAPER, table)) == cells


@pytest.mark.parametrize(("table", "rows", "columns"), [("1", 5, 5), ("2", 4, 3), ("3", 2, 5), ("5", 7, 7)])
def test_tables_without_gaps_are_whole(table: str, rows: int, columns: int) -> None:
    keys = values(table).keys()
    assert len({row for row, _ in keys}) == rows
    assert len({column for _, column in keys}) == columns


def test_numbers_agree_with_the_relative_gains_of_the_paper_text() -> None:
    pck = values("2")
    gain = pck["RLE", "PCKh@0.1"] / pck["Direct Regression", "PCKh@0.1"] - 1
    assert round(100 * gain, 1) == 13.1
    over_heatmap = pck["RLE", "PCKh@0.1"] / pck["SimplePose", "PCKh@0.1"] - 1
    assert round(100 * over_heatmap, 1) == 5.1
    assert round(100 * (pck["RLE", "PCKh@0.5"] / pck["SimplePose", "PCKh@0.5"] - 1), 1) == -1.8


def test_the_same_experiment_has_the_same_numbers_in_every_table() -> None:
    flow, auxiliary, residual = values("1"), values("4"), values("7")
    assert flow["3x64", "AP"] == auxiliary["RLE hm=0", "AP"] == residual["RLE (Q+G)", "AP"] == 70.5
    assert flow["3x64", "FLOPs"] == residual["DLE", "FLOPs"] == 1_800_000
    assert auxiliary["L1 hm=0", "AP"] == residual["Direct L1", "AP"]
    joined, mpii = values("3"), values("2")
    for column in ("PCKh@0.5", "PCKh@0.1", "AUC"):
        assert joined["RLE", f"MPII {column}"] == mpii["RLE", column]


def test_occlusion_tables_have_the_means_and_the_counts_of_the_printed_ones() -> None:
    integral, rle = values("5"), values("6")
    assert round(sum(integral.values()) / 49, 2) == 80.34
    assert round(sum(rle.values()) / 49, 2) == 78.41
    assert sum(rle[cell] > integral[cell] for cell in rle) == 11
    assert [cell for cell in rle if rle[cell] == integral[cell]] == [("Head", "Knee")]
    assert all(rle[joint, joint] < integral[joint, joint] for joint, _ in rle)
    shoulder = [integral[cell] for cell in integral if cell[0] == "Shoulder"]
    assert round(sum(shoulder) / 7, 1) == 94.7


def test_keys_are_ascii_and_sources_name_their_table() -> None:
    for table in "12345678":
        for cell in paper_cells(PAPER, table):
            assert (cell.row + cell.column).isascii()
            assert cell.source in (f"supplement, Table {table}", "main paper")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("1,a,AP,many,%,here", "not-a-number"),
        ("1,a,AP,nan,%,here", "not-a-number"),
        ("1,a,AP,70.5,%", "wrong-field-count"),
        ("1,a,AP,70.5,,here", "empty-field"),
        ("1,a,AP50,70.5,%,here", "duplicate-cell"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, code: str) -> None:
    path = write(tmp_path, f"{HEADER}1,a,AP50,1,%,here\n{line}\n")
    with refused(code, PaperError) as caught:
        paper_cells(path, "2")
    assert f"{path}: line 3" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "wrong-header"), ("row,table\n", "wrong-header"), ('table,"row\n', "unreadable-csv")],
)
def test_another_header_or_half_a_file_is_refused(tmp_path: Path, text: str, code: str) -> None:
    with refused(code, PaperError):
        paper_cells(write(tmp_path, text), "1")


def test_a_missing_file_and_another_encoding_are_refused(tmp_path: Path) -> None:
    with refused("unreadable-csv", PaperError):
        paper_cells(tmp_path / "absent.csv", "1")
    path = tmp_path / "latin.csv"
    path.write_bytes(HEADER.encode() + b"1,\xe9,AP,1,%,here\n")
    with refused("unreadable-csv", PaperError):
        paper_cells(path, "1")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    path = write(tmp_path_factory.mktemp("paper"), f"{HEADER}1,a,AP,{value!r},%,here\n")
    assert paper_cells(path, "1")[0].value == value
