"""What is remembered of a job and what a sweep declares of a table: values between runs and reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from models.config import Frozen

Status = Literal["running", "finished", "diverged", "failed"]


@dataclass(frozen=True)
class Record:
    """One job as the tracking store remembers it."""

    fingerprint: str
    name: str
    status: Status
    seed: int
    metrics: Mapping[str, float]  # the last value of each
    history: Mapping[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)  # (epoch, value)
    commit: str = ""
    data: str = ""  # fingerprint of the data it saw; empty for a measurement without data
    machine: str = ""
    world_size: int = 1
    duration: float = 0.0  # seconds of training and evaluation
    note: str = ""  # why it diverged or failed
    alarms: tuple[str, ...] = ()  # quantities that ran away without ending the trial
    run_id: str = ""


class CellSource(Frozen):
    """Where a cell's number comes from: a value that was computed, or a metric of one job a seed."""

    value: float | None = None
    key: str = ""
    fingerprints: tuple[str, ...] = ()


class DeclaredColumn(Frozen):
    """A column as it is printed. `name` is the key in paper.csv and in the CSV tables."""

    name: str
    unit: str = ""
    digits: int = 1
    better: Literal["higher", "lower", "neither"] = "neither"
    human: bool = False  # print 53.8K and 1.8M instead of digits
    says: str = ""  # one sentence on what it is, for the report's notes
    ours: bool = False  # a column that the paper does not have


class DeclaredRow(Frozen):
    """A row: its ASCII key, how it is printed, and a source for each column that it fills."""

    key: str
    label: str
    cells: dict[str, CellSource]
    ours: bool = False
    says: str = ""  # what the row is, where the label alone can't tell


class PaperCell(Frozen):
    """A number that the paper prints."""

    table: str
    row: str
    column: str
    value: float
    unit: str
    source: str


class CellRef(Frozen):
    """A cell of the table that a claim is about."""

    row: str
    column: str


class Greater(Frozen):
    """The sentence holds if the mean over seeds of `a - b`, paired by seed, is positive."""

    kind: Literal["greater"] = "greater"
    says: str
    a: CellRef
    b: CellRef


class Equivalent(Frozen):
    """The sentence holds if the mean of `a - b`, paired by seed, lies within ± margin (two one-sided
    tests)."""

    kind: Literal["equivalent"] = "equivalent"
    says: str
    a: CellRef
    b: CellRef
    margin: float = Field(gt=0)


class Below(Frozen):
    """The sentence holds if the mean of `a` lies below a limit."""

    kind: Literal["below"] = "below"
    says: str
    a: CellRef
    limit: float


Claim = Annotated[Greater | Equivalent | Below, Field(discriminator="kind")]


class Scatter(Frozen):
    """A plot of one column against another, a point a row, paper and ours."""

    kind: Literal["scatter"] = "scatter"
    x: str
    y: str
    log_x: bool = False


class Curves(Frozen):
    """A plot of a metric by epoch, a line a row (mean and range over seeds)."""

    kind: Literal["curves"] = "curves"
    key: str
    title: str = ""


Plot = Annotated[Scatter | Curves, Field(discriminator="kind")]


class Declaration(Frozen):
    """One table as a sweep declared it: enough to build it from records alone, months later."""

    table: str  # "1"
    title: str
    says: str = ""  # a paragraph for the report: what is compared and how to read it
    scale: str  # "smoke", "demo", "paper"
    report: str = ""  # the report that it belongs to, such as "demo" or "demo-my_pictures"
    data: str  # what it was measured on, in words
    data_fingerprints: tuple[str, ...]  # records of any other data are refused
    seeds: tuple[int, ...]
    columns: tuple[DeclaredColumn, ...]
    rows: tuple[DeclaredRow, ...]
    paper: tuple[PaperCell, ...] = ()
    claims: tuple[Claim, ...] = ()
    plots: tuple[Plot, ...] = ()
    command: str = ""  # how to run it again

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Every job that stands behind a cell, once each."""
        cells = (cell for row in self.rows for cell in row.cells.values())
        return tuple(dict.fromkeys(fp for cell in cells for fp in cell.fingerprints))
