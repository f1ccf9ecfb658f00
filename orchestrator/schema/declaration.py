"""What is remembered of a job and what a sweep declares of a table: values between runs and reports."""

import re
from typing import Literal

from pydantic import Field

from orchestrator.schema.claims import Claim
from orchestrator.schema.plots import Plot, drawn_from
from orchestrator.schema.stored import Stored


class CellSource(Stored):
    """Where a cell's number comes from: a value that was computed, or a metric of one job a seed."""

    value: float | None = None
    key: str = ""
    fingerprints: tuple[str, ...] = ()


class DeclaredColumn(Stored):
    """A column as it is printed. `name` is the key in paper.csv and in the CSV tables."""

    name: str
    unit: str = ""
    digits: int = 1
    better: Literal["higher", "lower", "neither"] = "neither"
    human: bool = False  # print 53.8K and 1.8M instead of digits
    description: str = ""  # one sentence on what it is, for the report's notes
    in_paper: bool = True  # a column that the paper does not have


class DeclaredRow(Stored):
    """A row: its ASCII key, how it is printed, and a source for each column that it fills."""

    key: str
    label: str
    cells: dict[str, CellSource]
    in_paper: bool = True
    description: str = ""  # what the row is, where the label alone can't tell


class PaperCell(Stored):
    """A number that the paper prints."""

    table: str
    row: str
    column: str
    value: float
    unit: str
    source: str


class Declaration(Stored):
    """One table as a sweep declared it: enough to build it from records alone, months later."""

    table: str  # "1"
    title: str
    description: str = ""  # a paragraph for the report: what is compared and how to read it
    scale: str  # "smoke", "demo", "paper"
    report: str = ""  # the report that it belongs to, such as "demo" or "demo-my_pictures"
    data: str  # what it was measured on, in words
    data_fingerprints: tuple[str, ...]  # records of any other data are refused
    seeds: tuple[int, ...]
    columns: tuple[DeclaredColumn, ...]
    rows: tuple[DeclaredRow, ...]
    # Trainings that must have finished before a job, both by fingerprint.
    needs: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    paper: tuple[PaperCell, ...] = ()
    claims: tuple[Claim, ...] = ()
    plots: tuple[Plot, ...] = ()
    command: str = ""  # how to run it again

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Every job that stands behind a cell, once each."""
        cells = (cell for row in self.rows for cell in row.cells.values())
        return tuple(dict.fromkeys(fp for cell in cells for fp in cell.fingerprints))

    @property
    def before(self) -> tuple[str, ...]:
        """Every training that must have finished before one of those jobs, once each."""
        return tuple(dict.fromkeys(fp for fps in self.needs.values() for fp in fps))

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The probes from which figures are drawn."""
        columns = {name for plot in self.plots for name in drawn_from(plot)}
        cells = [row.cells[name] for row in self.rows for name in row.cells if name in columns]
        return tuple(dict.fromkeys(fp for cell in cells for fp in cell.fingerprints))

    @property
    def heading(self) -> str:
        """As the report names it: `Table 1`, but `Figure 1` and `Calibration`."""
        if not self.table[0].isdigit():
            return self.table
        return f"Table {self.table}" if self.table.isdigit() else f"Tables {self.table}"

    @property
    def is_figure(self) -> bool:
        """Whether its pictures come first, and its numbers speak of them."""
        return self.table.startswith("Figure")

    @property
    def slug(self) -> str:
        """For names of files: `table_1`, `figure_1`."""
        return "_".join(re.findall(r"[a-z0-9]+", self.heading.lower()))
