"""Plots that a table may declare."""

from typing import Annotated, Literal

from pydantic import Field

from models.config import Frozen


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
