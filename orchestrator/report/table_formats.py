"""Filled tables as Markdown, CSV, LaTeX and data frames, the paper's numbers beside ours."""

import re
import unicodedata
from collections.abc import Sequence

import pandas as pd

from orchestrator.report.table_layout import TableLayout, TableLine, Text, lay_out, number
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
"""LaTeX's special characters, and characters for which pdfLaTeX has no glyph."""

CAPITALS = ("GAMMA", "DELTA", "THETA", "LAMBDA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA")
"""Greek capitals that have a command; the others look like Latin letters."""

LETTERS = "abcdefghijklmnoprstuvwxyz"  # Unicode has no raised q
RAISED = str.maketrans(LETTERS, "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")


def frame(filled: FilledTable) -> pd.DataFrame:
    """One line per cell: table, row, column, paper, mean, std, n, status, lost. NaN where there is no number.

    `lost` is the number of runs that diverged or collapsed.
    """
    cells = [
        (
            filled.declaration.table,
            row,
            column,
            cell.paper,
            cell.mean,
            cell.std,
            cell.n,
            cell.status,
            len(cell.lost),
        )
        for (row, column), cell in filled.cells.items()
        if cell.status != "blank" or cell.paper is not None
    ]
    names = ["table", "row", "column", "paper", "mean", "std", "n", "status", "lost"]
    return pd.DataFrame(cells, columns=names).astype(
        {"paper": float, "mean": float, "std": float, "n": int, "lost": int}
    )


def csv(filled: FilledTable) -> str:
    """`frame` as CSV with a header; missing numbers are empty fields."""
    return str(frame(filled).to_csv(index=False, lineterminator="\n"))


def markdown(filled: FilledTable) -> str:
    """Title, table, legend and footnotes in GitHub's Markdown; added rows in italics."""
    table = lay_out(filled)
    heads = [
        _md(f"{head.title} {sub}".strip() if first else sub)
        for head in table.heads
        for first, sub in zip((True, False), head.subs, strict=False)
    ]
    rows = [["", *heads], [":---", *("---:" for _ in heads)]]
    rows += [[_md_label(line), *map(_md_text, line.cells)] for line in table.lines]
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
    table = lay_out(filled)
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
            *(_tex_row([_tex_label(line), *map(_tex_text, line.cells)]) for line in table.lines),
            r"\bottomrule",
            r"\end{tabular}",
            _tex_notes(table),
            r"\end{table}",
            "",
        ]
    )


def _md(text: str) -> str:
    return re.sub(r"([\\`*_|<&\[\]$])", r"\\\1", text.replace("\n", " "))


def _md_text(text: Text) -> str:
    return _md(text.text) + _raised(text.footnotes)


def _md_label(line: TableLine) -> str:
    label = f"*{_md(line.label.text)} (added)*" if line.added else _md(line.label.text)
    return label + _raised(line.label.footnotes)


def _raised(footnotes: Sequence[int]) -> str:
    return ",".join(map(_letter, footnotes)).translate(RAISED)


def _letter(index: int) -> str:
    """Footnotes have letters: a raised digit after a number would look like an exponent."""
    return LETTERS[index % len(LETTERS)] * (1 + index // len(LETTERS))


def _tex(text: str) -> str:
    return "".join(TEX.get(sign) or _tex_character(sign) for sign in text.replace("\n", " "))


def _tex_character(sign: str) -> str:
    """Greek letters and small digits by their Unicode names; any other character unchanged."""
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
    return _tex(text.text) + _superscript(text.footnotes)


def _tex_label(line: TableLine) -> str:
    label = rf"\textit{{{_tex(line.label.text)} (added)}}" if line.added else _tex(line.label.text)
    return label + _superscript(line.label.footnotes)


def _superscript(footnotes: Sequence[int]) -> str:
    return rf"\textsuperscript{{{','.join(map(_letter, footnotes))}}}" if footnotes else ""


def _tex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _rules(spans: Sequence[int]) -> str:
    """A thin rule under each title, across the columns that it spans."""
    starts = [2 + sum(spans[:index]) for index in range(len(spans))]
    return "".join(
        rf"\cmidrule(lr){{{start}-{start + span - 1}}}" for start, span in zip(starts, spans, strict=True)
    )


def _tex_notes(table: TableLayout) -> str:
    notes = [_tex(table.legend), *map(_tex, table.columns)]
    notes += [f"{_superscript((index,))} {_tex(note)}" for index, note in enumerate(table.footnotes)]
    text = "\n".join(rf"{note}\par" for note in notes)
    return f"\\par\\smallskip\n\\begin{{minipage}}{{\\linewidth}}\\footnotesize\n{text}\n\\end{{minipage}}"
