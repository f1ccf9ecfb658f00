"""A table as its sweep declares it: rows, columns, claims, plots and the paper's numbers."""

import re
from typing import Any, Literal

from pydantic import Field

from orchestrator.schema.claims import Claim
from orchestrator.schema.limits import MAX_SEEDS
from orchestrator.schema.plots import Plot, probe_columns
from orchestrator.schema.stored import Stored

Better = Literal["higher", "lower", "neither"]
"""Which values of a column are better."""


class CellSource(Stored):
    """The source of a cell's number: a computed value, or a metric of one job per seed."""

    value: float | None = None
    key: str = ""
    fingerprints: tuple[str, ...] = ()


class DeclaredColumn(Stored):
    """A column of a table. `name` is its key in paper.csv and in the CSV tables."""

    name: str
    unit: str = ""
    digits: int = 1
    better: Better = "neither"
    human: bool = False  # print 53.8K and 1.8M instead of all digits
    description: str = ""  # one sentence for the report's notes
    in_paper: bool = True  # whether the paper has this column


class DeclaredRow(Stored):
    """A row: its ASCII key, its printed label, and a source for each column that it fills."""

    key: str
    label: str
    cells: dict[str, CellSource]
    in_paper: bool = True
    description: str = ""  # where the label alone is not clear


class PaperCell(Stored):
    """A number that the paper prints."""

    table: str
    row: str
    column: str
    value: float
    unit: str
    source: str


class SearchedTrial(Stored):
    """A trial of a search and how far it was taken."""

    number: int
    fingerprint: str
    values: tuple[Any, ...]  # of the fields, in their order: numbers and words
    epochs: tuple[int, ...]  # at the rungs where it was measured, the first first
    finished: bool  # whether the last of these is its end
    counted: dict[str, float] = Field(default_factory=dict)  # computed columns, by name


class Searched(Stored):
    """What a search has tried, of which the rows of its table are the best."""

    fields: tuple[str, ...]
    log: tuple[str, ...] = ()  # fields whose logarithm is uniform
    trials: tuple[SearchedTrial, ...] = ()


class Declaration(Stored):
    """One table as its sweep declares it: all that is needed to build it from records alone, months later."""

    table: str  # "1"
    title: str
    description: str = ""  # a paragraph for the report: what is compared and how to read it
    scale: str  # "smoke", "demo", "paper"
    report: str = ""  # the report that it belongs to, such as "demo" or "demo-my_pictures"
    data: str  # the data in words
    benchmark: bool = True  # whether they are those of the paper
    by_recipe: bool = True  # whether trainings are as long, and batches as large, as the scale's recipe says
    assumed: tuple[str, ...] = ()  # what was assumed about them, a sentence each
    data_fingerprints: tuple[str, ...]  # records of any other data are rejected
    seeds: tuple[int, ...]  # of the row that has most; another row may have only the first of them
    # After how many seeds the claims have been judged, this time included, rising; empty: once, after all.
    looks: tuple[int, ...] = ()
    max_seeds: int = MAX_SEEDS  # after how many the whole level of the tests may be spent
    columns: tuple[DeclaredColumn, ...]
    rows: tuple[DeclaredRow, ...]
    # Trainings that a job needs, both by fingerprint.
    needs: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    paper: tuple[PaperCell, ...] = ()
    claims: tuple[Claim, ...] = ()
    plots: tuple[Plot, ...] = ()
    searched: Searched | None = Field(default=None, exclude_if=lambda searched: searched is None)
    command: str = ""  # that reproduces it

    @property
    def comparable(self) -> bool:
        """Whether its numbers compare with the paper's: of the same scale, data and length of training."""
        return self.scale == "paper" and self.benchmark and self.by_recipe

    def adds(self, row: DeclaredRow) -> bool:
        """Whether a row is missing in the paper's table, which has others of these rows."""
        return not row.in_paper and any(other.in_paper for other in self.rows)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Every job behind a cell, once each."""
        cells = (cell for row in self.rows for cell in row.cells.values())
        return tuple(dict.fromkeys(fp for cell in cells for fp in cell.fingerprints))

    @property
    def seed_counts(self) -> tuple[int, int]:
        """Seeds of the rows that have fewest and most of them."""
        most = len(self.seeds)
        if not self.looks:
            return most, most
        counts = [len(cell.fingerprints) for row in self.rows for cell in row.cells.values()]
        return min((count for count in counts if 1 < count < most), default=most), most

    @property
    def prerequisites(self) -> tuple[str, ...]:
        """Every training that one of those jobs needs, once each."""
        return tuple(dict.fromkeys(fp for fps in self.needs.values() for fp in fps))

    @property
    def recorded(self) -> tuple[str, ...]:
        """Every job whose record the table or a figure shows, or explains it, once each."""
        tried = () if self.searched is None else (trial.fingerprint for trial in self.searched.trials)
        return tuple(dict.fromkeys((*self.fingerprints, *self.prerequisites, *tried)))

    @property
    def plotted_probes(self) -> tuple[str, ...]:
        """The probes whose results are plotted, by fingerprint."""
        columns = {name for plot in self.plots for name in probe_columns(plot)}
        cells = [row.cells[name] for row in self.rows for name in row.cells if name in columns]
        return tuple(dict.fromkeys(fp for cell in cells for fp in cell.fingerprints))

    @property
    def heading(self) -> str:
        """Its name in the report: `Table 1`, but `Figure 1` and `Calibration`."""
        if not self.table[0].isdigit():
            return self.table
        return f"Table {self.table}" if self.table.isdigit() else f"Tables {self.table}"

    @property
    def is_figure(self) -> bool:
        """Whether it reproduces a figure of the paper, so that figures come before the numbers."""
        return self.table.startswith("Figure")

    @property
    def anchor(self) -> str:
        """Of its section in a page: `table-1`."""
        return self.slug.replace("_", "-")

    @property
    def slug(self) -> str:
        """For file names: `table_1`, `figure_1`."""
        return "_".join(re.findall(r"[a-z0-9]+", self.heading.lower()))
