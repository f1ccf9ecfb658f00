"""Plots that a table may declare."""

from typing import Annotated, Literal

from pydantic import Field

from models.config import Frozen


class Scatter(Frozen):
    """A plot of one column against another, one point per row, paper and ours."""

    kind: Literal["scatter"] = "scatter"
    x: str
    y: str
    log_x: bool = False


class Curves(Frozen):
    """A plot of a metric by epoch, one line per row (mean and range over seeds)."""

    kind: Literal["curves"] = "curves"
    key: str
    title: str = ""


class PartCurves(Frozen):
    """A plot of several metrics of one row by epoch on a log scale: means and ranges over seeds."""

    kind: Literal["part_curves"] = "part_curves"
    row: str  # its key
    keys: tuple[str, ...]  # metrics with histories
    labels: tuple[str, ...]  # of these, in the same order
    axis: str  # what all of them measure
    title: str = ""


class Front(Frozen):
    """A scatter plot of the finished trials of a search, with the front of the best and the table's rows."""

    kind: Literal["front"] = "front"
    x: str  # a computed column; less is better
    y: str  # a metric, and the name of its column


class FieldImportance(Frozen):
    """How much of what a metric varies over the trials of a search each field explains."""

    kind: Literal["field_importance"] = "field_importance"
    key: str  # of the metric


class ParallelCoordinates(Frozen):
    """One line per trial of a search through its fields' values to a metric."""

    kind: Literal["parallel_coordinates"] = "parallel_coordinates"
    key: str  # of the metric


class ErrorMatrix(Frozen):
    """A heat map of one method's errors by occluded and by measured group of joints."""

    kind: Literal["error_matrix"] = "error_matrix"
    column: str  # of the occlusion probes
    method: str  # its name; the first word determines the colour


class MatrixDifference(Frozen):
    """A heat map of one method's errors minus another's."""

    kind: Literal["matrix_difference"] = "matrix_difference"
    column: str
    minus: str  # the column of the other method's probes
    methods: tuple[str, str]  # their names


class TruncatedPeople(Frozen):
    """People in truncated boxes: the labels, then the predictions of some rows."""

    kind: Literal["cut_people"] = "cut_people"
    column: str  # of the truncation probes
    rows: tuple[str, ...]  # keys


class TruncationErrors(Frozen):
    """Errors of joints inside and outside the box by truncated fraction, one line per row."""

    kind: Literal["cut_errors"] = "cut_errors"
    column: str


class PosePictures(Frozen):
    """People with predicted and labelled joints, from the `Gallery` probe of the first row's first seed."""

    kind: Literal["pose_pictures"] = "pose_pictures"
    column: str


class BoundaryPictures(Frozen):
    """B-scans with predicted and labelled boundaries from `Scans` probes; one column per row of the table."""

    kind: Literal["boundary_pictures"] = "boundary_pictures"
    column: str
    rows: tuple[str, ...] = ()  # keys; empty for all rows


class DensityMaps(Frozen):
    """Every row's density as a map, and a histogram of the errors that it models."""

    kind: Literal["density_maps"] = "density_maps"
    column: str  # any column of the density probes


class DensityMarginals(Frozen):
    """The marginals of these densities, peak and tails."""

    kind: Literal["density_cuts"] = "density_cuts"
    column: str


class Coverage(Frozen):
    """Coverage of predicted intervals by their nominal level, one line per row."""

    kind: Literal["coverage"] = "coverage"
    column: str


class ErrorByScale(Frozen):
    """Measured against predicted mean error, one line per row."""

    kind: Literal["error_by_scale"] = "error_by_scale"
    column: str


class GradientParts(Frozen):
    """The two parts of a gradient by optimisation step from the first on, and the share of one of them."""

    kind: Literal["gradient_parts"] = "gradient_parts"
    column: str  # of the gradient curve probes


ProbePlot = (
    ErrorMatrix
    | MatrixDifference
    | TruncatedPeople
    | TruncationErrors
    | PosePictures
    | BoundaryPictures
    | DensityMaps
    | DensityMarginals
    | Coverage
    | ErrorByScale
    | GradientParts
)
"""Plots of probe results."""

SearchPlot = Front | FieldImportance | ParallelCoordinates
"""Plots of all trials of a search."""

Plot = Annotated[Scatter | Curves | PartCurves | SearchPlot | ProbePlot, Field(discriminator="kind")]


def probe_columns(plot: Plot) -> tuple[str, ...]:
    """The columns whose probes a plot needs; none for a plot of a table's cells or of metrics by epoch."""
    match plot:
        case Scatter() | Curves() | PartCurves() | Front() | FieldImportance() | ParallelCoordinates():
            return ()
        case MatrixDifference():
            return plot.column, plot.minus
        case _:
            return (plot.column,)


def histories(plot: Plot) -> tuple[str, ...]:
    """The metrics whose values by epoch a plot needs."""
    match plot:
        case Curves() | FieldImportance() | ParallelCoordinates():
            return (plot.key,)
        case Front():
            return (plot.y,)
        case PartCurves():
            return plot.keys
        case _:
            return ()
