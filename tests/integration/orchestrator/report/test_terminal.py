"""The report on a terminal: whose line is whose, and what a narrow one shows."""

import io

from orchestrator.report import terminal, writer
from orchestrator.util.terminal import Terminal


def test_the_terminal_shows_tables_verdicts_and_where_the_report_lies(written: writer.Report) -> None:
    console = Terminal(file=io.StringIO(), width=200)
    terminal.render(console, written)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Table 7. Effectiveness of RLE" in shown
    assert "DLE <official> & co" in shown
    for verdicts in written.verdicts.values():
        for verdict in verdicts:
            assert f"{verdict.verdict}  {verdict.claim}" in shown
    assert "report.html" in shown


def shown_at(written: writer.Report, width: int) -> str:
    console = Terminal(file=io.StringIO(), width=width)
    terminal.render(console, written)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_the_terminal_names_the_papers_line_and_ours(written: writer.Report) -> None:
    lines = shown_at(written, 200).splitlines()
    first = next(place for place, line in enumerate(lines) if "│ 3×64" in line)
    paper, ours = lines[first].split("│"), lines[first + 1].split("│")
    assert paper[2].strip() == "paper"
    assert ours[2].strip() == "ours"
    assert paper[3].strip() == "1.8M"


def test_a_narrow_terminal_leaves_out_columns_and_never_digits(written: writer.Report) -> None:
    wide, narrow = shown_at(written, 200), shown_at(written, 80)
    rows = [line for line in narrow.splitlines() if line.startswith("│")]
    assert not any("…" in line for line in rows)
    for line in rows:
        for cell in line.split("│")[3:-1]:
            assert cell.strip() in wide
