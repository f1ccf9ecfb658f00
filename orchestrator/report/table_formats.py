"""Filled tables as Markdown, CSV, LaTeX and data frames, the paper's numbers beside ours."""

import re
import unicodedata
from collections.abc import Sequence

import pandas as pd

from orchestrator.report.table_layout import Line, Printed, Text, number, printed
from orchestrator.stats.aggregate import Cell, CellStatus, FilledTable, fill

__all__ = ["Cell", "CellStatus", "FilledTable", "csv", "fill", "frame", "latex", "markdown", "number"]

TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$",
    "|": r"$|$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "−": "$-$", "–": "--", "—": "---",
    "…": r"\dots{}", "“": "``", "”": "''", "’": "'", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "→": r"$\to$", "≤": r"$\le$", "≥": r"$\ge$", "≈": r"$\approx$", "∞": r"$\infty$", "ℓ": r"$\ell$",
    "µ": r"$\mu$",
    "∫": r"$\int$", "°": r"$^\circ$",
}  # fmt: skip
"""What LaTeX takes for markup, and signs that pdfLaTeX has no glyph for."""

CAPITALS = ("GAMMA", "DELTA", "THETA", "LAMBDA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA")
"""Greek capitals that have a command; the others look like Latin ones."""

LETTERS = "abcdefghijklmnoprstuvwxyz"  # Unicode has no raised q
RAISED = str.maketrans(LETTERS, "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")


def frame(filled: FilledTable) -> pd.DataFrame:
    """A line for each cell: table, row, column, paper, mean, std, n, status. NaN where there is no number."""
    cells = [
        (filled.declaration.table, row, column, cell.paper, cell.mean, cell.std, cell.n, cell.status)
        for (row, column), cell in filled.cells.items()
        if cell.status != "blank" or cell.paper is not None
    ]
    names = ["table", "row", "column", "paper", "mean", "std", "n", "status"]
    return pd.DataFrame(cells, columns=names).astype({"paper": float, "mean": float, "std": float, "n": int})


def csv(filled: FilledTable) -> str:
    """`frame` as CSV with a header; a missing number is an empty field."""
    return str(frame(filled).to_csv(index=False, lineterminator="\n"))


def markdown(filled: FilledTable) -> str:
    """Title, table, legend and footnotes in GitHub's Markdown. The labels of rows of ours are in italics."""
    table = printed(filled)
    heads = [
        _md(f"{head.title} {sub}".strip() if first else sub)
        for head in table.heads
        for first, sub in zip((True, False), head.subs, strict=False)
    ]
    rows = [["", *heads], [":---", *("---:" for _ in heads)]]
    rows += [[_md_label(line), *map(_md_text, line.texts)] for line in table.lines]
    notes = [_md(column) for column in table.columns]
    notes += [f"{_raised((index,))} {_md(note)}" for index, note in enumerate(table.footnotes)]
    parts = [
        f"**{_md(filled.declaration.heading)}. {_md(table.title)}**",
        "\n".join(f"| {' | '.join(cells)} |" for cells in rows),
        _md(table.legend),
        "\n".join(f"- {note}" for note in notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def latex(filled: FilledTable) -> str:
    """A `table` environment. It needs the package booktabs; any LaTeX engine will do."""
    table = printed(filled)
    spans = [len(head.subs) for head in table.heads]
    titles = [
        rf"\multicolumn{{{span}}}{{c}}{{{_tex(head.title)}}}"
        for head, span in zip(table.heads, spans, strict=True)
    ]
    subs = [_tex(sub) for head in table.heads for sub in head.subs]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{_tex(table.title)}}}",
            rf"\begin{{tabular}}{{l{'r' * sum(spans)}}}",
            r"\toprule",
            _tex_row(["", *titles]),
            *([_rules(spans), _tex_row(["", *subs])] if any(subs) else []),
            r"\midrule",
            *(_tex_row([_tex_label(line), *map(_tex_text, line.texts)]) for line in table.lines),
            r"\bottomrule",
            r"\end{tabular}",
            _tex_notes(table),
            r"\end{table}",
            "",
        ]
    )


def _md(text: str) -> str:
    return re.sub(r"([\\`*_|<\[\]$])", r"\\\1", text.replace("\n", " "))


def _md_text(text: Text) -> str:
    return _md(text.text) + _raised(text.marks)


def _md_label(line: Line) -> str:
    label = _md(line.label.text) if line.in_paper else f"*{_md(line.label.text)} (ours)*"
    return label + _raised(line.label.marks)


def _raised(marks: Sequence[int]) -> str:
    return ",".join(map(_letter, marks)).translate(RAISED)


def _letter(mark: int) -> str:
    """Footnotes bear letters: a raised digit behind a number would read as its power."""
    return LETTERS[mark % len(LETTERS)] * (1 + mark // len(LETTERS))


def _tex(text: str) -> str:
    return "".join(TEX.get(sign) or _tex_sign(sign) for sign in text.replace("\n", " "))


def _tex_sign(sign: str) -> str:
    """Greek letters and small digits by their Unicode names; any other sign as it is."""
    name = unicodedata.name(sign, "")
    if match := re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name):
        letter = match[2].replace("LAMDA", "LAMBDA")
        if match[1] == "SMALL" and letter != "OMICRON":
            return rf"$\{letter.lower()}$"
        if letter in CAPITALS:
            return rf"$\{letter.capitalize()}$"
    if match := re.fullmatch(r"(SUPER|SUB)SCRIPT (ZERO|ONE|TWO|THREE|FOUR|FIVE|SIX|SEVEN|EIGHT|NINE)", name):
        return f"${'^' if match[1] == 'SUPER' else '_'}{unicodedata.digit(sign)}$"
    return sign


def _tex_text(text: Text) -> str:
    return _tex(text.text) + _superscript(text.marks)


def _tex_label(line: Line) -> str:
    label = _tex(line.label.text) if line.in_paper else rf"\textit{{{_tex(line.label.text)} (ours)}}"
    return label + _superscript(line.label.marks)


def _superscript(marks: Sequence[int]) -> str:
    return rf"\textsuperscript{{{','.join(map(_letter, marks))}}}" if marks else ""


def _tex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _rules(spans: Sequence[int]) -> str:
    """A thin rule under each title that spans several columns."""
    starts = [2 + sum(spans[:index]) for index in range(len(spans))]
    return "".join(
        rf"\cmidrule(lr){{{start}-{start + span - 1}}}" for start, span in zip(starts, spans, strict=True)
    )


def _tex_notes(table: Printed) -> str:
    notes = [_tex(table.legend), *map(_tex, table.columns)]
    notes += [f"{_superscript((index,))} {_tex(note)}" for index, note in enumerate(table.footnotes)]
    text = "\n".join(rf"{note}\par" for note in notes)
    return f"\\par\\smallskip\n\\begin{{minipage}}{{\\linewidth}}\\footnotesize\n{text}\n\\end{{minipage}}"
