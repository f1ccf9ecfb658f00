"""Benchmark results: tables and plots, for the terminal and as Markdown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.report.figures.style import png
from orchestrator.util import provenance

Tell = Callable[[str], None]
"""Called with a short text on what is measured next, to show progress."""


@dataclass(frozen=True)
class Grid:
    """One table, its cells ready to print; the first column is text, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Finding:
    """One part of the benchmark."""

    name: str
    description: str  # what is compared
    grids: tuple[Grid, ...]
    plots: Mapping[str, Figure] = field(default_factory=dict)  # by file stem


def render(console: Console, finding: Finding) -> None:
    """Print the tables of one part."""
    console.print(Text.assemble("\n", (finding.name, "bold"), f" on {provenance.machine()}"))
    console.print(finding.description, style="dim")
    for grid in finding.grids:
        table = Table(title=grid.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for index, column in enumerate(grid.columns):
            table.add_column(Text(column), justify="right" if index else "left")
        for row in grid.rows:
            table.add_row(*map(Text, row))
        console.print(table)


def markdown(findings: Sequence[Finding]) -> str:
    """All parts as one page, machine and commit first."""
    parts = [
        "# Benchmarks",
        f"Measured by `rle-lab bench` on {provenance.machine()}, commit {provenance.commit()}, one thread. "
        "Times are medians over rounds in which the contestants take turns, CPU seconds where there is no "
        "GPU. A ratio is the median of the ratios within a round; above 1 is faster than the baseline.",
    ]
    for finding in findings:
        parts += [f"## {finding.name}", finding.description]
        parts += [_markdown_table(grid) for grid in finding.grids]
        parts += [f"![{stem}]({stem}.png)" for stem in finding.plots]
    return "\n\n".join(parts) + "\n"


def write(findings: Sequence[Finding], path: Path) -> None:
    """Write `markdown` to `path` and the plots into its folder."""
    text = markdown(findings)  # before plots are written, which make a checkout differ from its commit
    path.parent.mkdir(parents=True, exist_ok=True)
    for finding in findings:
        for stem, figure in finding.plots.items():
            (path.parent / f"{stem}.png").write_bytes(png(figure))
    path.write_text(text)


def significant(value: float, digits: int = 3) -> str:
    """`value` with so many significant digits, thousands apart: 0.00123, 4.57, 1,230."""
    whole = float(f"{value:.{digits}g}")
    if whole and abs(whole) < 1e-4:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - len(str(int(abs(whole))))) if abs(whole) >= 1 else None
    return f"{whole:,.{decimals}f}" if decimals is not None else f"{whole:g}"


def _markdown_table(grid: Grid) -> str:
    lines = [grid.columns, (":---", *("---:" for _ in grid.columns[1:])), *grid.rows]
    body = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
    return f"**{grid.title}**\n\n{body}"
