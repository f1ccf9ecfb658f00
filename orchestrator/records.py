"""What is remembered of a job and what a sweep declares of a table: values between runs and reports."""

import re
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
    day: str = ""  # on which it began, such as 2026-11-22, in UTC


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
    """The sentence holds if the mean over seeds of `a - times · b`, paired by seed, is positive."""

    kind: Literal["greater"] = "greater"
    says: str
    a: CellRef
    b: CellRef
    times: float = Field(default=1.0, gt=0)


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


class ErrorMatrix(Frozen):
    """A heat map of one method's errors by hidden and by measured group of joints."""

    kind: Literal["error_matrix"] = "error_matrix"
    column: str  # whose probes measured them
    method: str  # its name; the first word decides the colour


class MatrixDifference(Frozen):
    """A heat map of one method's errors minus another's."""

    kind: Literal["matrix_difference"] = "matrix_difference"
    column: str
    minus: str  # the column of the other's probes
    methods: tuple[str, str]  # their names


class CutPeople(Frozen):
    """People in boxes that show a part of them: the labels, then what each of some rows makes of it."""

    kind: Literal["cut_people"] = "cut_people"
    column: str  # whose probes looked at them
    rows: tuple[str, ...]  # keys


class CutErrors(Frozen):
    """Errors of joints inside and outside the box by how much is cut off, a line a row."""

    kind: Literal["cut_errors"] = "cut_errors"
    column: str


class PosePictures(Frozen):
    """People with predicted and labelled joints: the first row's first seed, as a `Gallery` found them."""

    kind: Literal["pose_pictures"] = "pose_pictures"
    column: str


class BoundaryPictures(Frozen):
    """B-scans with predicted and labelled boundaries, a column a row of the table, as `Scans` found them."""

    kind: Literal["boundary_pictures"] = "boundary_pictures"
    column: str
    rows: tuple[str, ...] = ()  # keys; empty for all rows


class DensityMaps(Frozen):
    """Every row's density from above, and a histogram of the errors that it stands for."""

    kind: Literal["density_maps"] = "density_maps"
    column: str  # any of those whose probes tabulated them


class DensityCuts(Frozen):
    """The marginals of the same, peak and tails."""

    kind: Literal["density_cuts"] = "density_cuts"
    column: str


class Coverage(Frozen):
    """The share of truths inside predicted intervals by their nominal level, a line a row."""

    kind: Literal["coverage"] = "coverage"
    column: str


class ErrorByScale(Frozen):
    """Measured mean error against the predicted one, a line a row."""

    kind: Literal["error_by_scale"] = "error_by_scale"
    column: str


Plot = Annotated[
    Scatter
    | Curves
    | ErrorMatrix
    | MatrixDifference
    | CutPeople
    | CutErrors
    | PosePictures
    | BoundaryPictures
    | DensityMaps
    | DensityCuts
    | Coverage
    | ErrorByScale,
    Field(discriminator="kind"),
]


def drawn_from(plot: Plot) -> tuple[str, ...]:
    """The columns whose probes a plot is drawn from; none for a plot of numbers that cells or runs have."""
    match plot:
        case Scatter() | Curves():
            return ()
        case MatrixDifference():
            return plot.column, plot.minus
        case _:
            return (plot.column,)


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
