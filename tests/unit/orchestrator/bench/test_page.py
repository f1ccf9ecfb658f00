"""The page on which machines are compared."""

from pathlib import Path

import pytest

from orchestrator.bench import page, processor
from orchestrator.bench.growth_plot import Panel, figure
from orchestrator.bench.page import write
from orchestrator.bench.result import Finding, Grid
from orchestrator.util.errors import UserError


def flow(*rows: tuple[str, ...]) -> Finding:
    return Finding(
        "flow", "What is timed.", (Grid("Times", ("net", "a|b", "ms", "ratio"), rows, 2, "ratio"),)
    )


def on(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(page, "machine", lambda: name)


def test_a_page_holds_every_cell_and_says_what_else_ran(tmp_path: Path) -> None:
    plot = figure([Panel("n", "s", {1.0: {"ours": 1.0}, 2.0: {"ours": 2.0}})])
    found = Finding("growth", "What grows.", (Grid("Times", ("", "a|b"), (("row", "1.5"),)),), {"plot": plot})
    write([(found, 0.25)], tmp_path / "new" / "page.md")
    text = (tmp_path / "new" / "page.md").read_text()
    assert f"### growth on {processor.machine()}" in text
    assert "other programs used 25 % of the processors" in text
    assert "|  | a\\|b |\n| :--- | ---: |\n| row | 1.5 |" in text
    (drawn,) = (tmp_path / "new").glob("*.png")
    assert drawn.read_bytes().startswith(b"\x89PNG")
    assert f"]({drawn.name})" in text


def test_machines_stand_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.md"
    on(monkeypatch, "AMD")
    write([(flow(("3×64", "544", "5.0", "15"), ("3×64", "2,176", "19", "42")), 0.0)], path)
    assert "by machine" not in path.read_text()
    on(monkeypatch, "Intel")
    write([(flow(("3×64", "544", "6.0", "12"), ("5×64", "544", "11", "6")), 0.0)], path)
    text = path.read_text()
    assert "**Times: ratio by machine**" in text
    assert "| net | a\\|b | AMD | Intel |" in text
    assert "| 3×64 | 544 | 15 | 12 |" in text
    assert "| 3×64 | 2,176 | 42 |  |" in text
    assert "| 5×64 | 544 |  | 6 |" in text


def test_a_part_measured_again_replaces_that_part_of_that_machine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = (
        tmp_path / "page.md",
        Finding("data", "Samples.", (Grid("Samples", ("", "s"), (("x", "77"),)),)),
    )
    on(monkeypatch, "AMD")
    write([(flow(("3×64", "544", "5.0", "15.0")), 0.0), (other, None)], path)
    on(monkeypatch, "Intel")
    write([(flow(("3×64", "544", "5.0", "12.0")), 0.0)], path)
    write([(flow(("3×64", "544", "5.0", "13.0")), 0.0)], path)
    text = path.read_text()
    assert "| 3×64 | 544 | 15.0 | 13.0 |" in text
    assert "| x | 77 |" in text
    assert "12.0" not in text


def test_a_damaged_file_of_numbers_is_named(tmp_path: Path) -> None:
    (tmp_path / "page_amd.json").write_text("{}")
    with pytest.raises(UserError, match=r"page_amd\.json") as caught:
        write([(flow(), 0.0)], tmp_path / "page.md")
    assert caught.value.code == "no-benchmarks"


def test_a_processor_is_told_by_family_and_model(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("cpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n")
    assert processor._model(tmp_path / "cpuinfo") == "family 25 model 17"
    assert processor._model(tmp_path / "absent") == ""
