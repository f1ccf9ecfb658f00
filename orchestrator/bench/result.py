"""Benchmark results: tables and plots, and how the terminal shows them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.bench.processor import machine

Tell = Callable[[str], None]
"""Called with a short text on what is measured next, to show progress."""


@dataclass(frozen=True)
class Grid:
    """One table, its cells ready to print; the first `keys` columns name a row, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    keys: int = 1
    compared: str = ""  # the column that machines are compared by; empty for none


@dataclass(frozen=True)
class Finding:
    """One part of the benchmark."""

    name: str
    description: str  # what is compared
    grids: tuple[Grid, ...]
    plots: Mapping[str, Figure] = field(default_factory=dict)  # by file stem


def render(console: Console, finding: Finding) -> None:
    """Print the tables of one part."""
    console.print(Text.assemble("\n", (finding.name, "bold"), f" on {machine()}"))
    console.print(finding.description, style="dim")
    for grid in finding.grids:
        table = Table(title=grid.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for index, column in enumerate(grid.columns):
            table.add_column(Text(column), justify="right" if index >= grid.keys else "left")
        for row in grid.rows:
            table.add_row(*map(Text, row))
        console.print(table)


def significant(value: float, digits: int = 3) -> str:
    """`value` with so many significant digits, thousands apart: 0.00123, 4.57, 1,230."""
    whole = float(f"{value:.{digits}g}")
    if whole and abs(whole) < 1e-4:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - len(str(int(abs(whole))))) if abs(whole) >= 1 else None
    return f"{whole:,.{decimals}f}" if decimals is not None else f"{whole:g}"
