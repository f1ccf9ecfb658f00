"""Figures of a table, one function per kind of plot: values in, a matplotlib figure out. May import stats and
schema.

Figures are built with matplotlib's object interface, so that nothing here depends on a display or on the
state of pyplot, and are rendered to the same bytes for the same values.
"""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from orchestrator.report.figures.calibration import coverage, error_by_scale
from orchestrator.report.figures.gradient_parts import gradient_parts
from orchestrator.report.figures.heat_map import error_matrix, matrix_difference
from orchestrator.report.figures.learned_density import density_maps, density_marginals
from orchestrator.report.figures.pose_gallery import pose_pictures
from orchestrator.report.figures.probe_rows import Details, ProbeRow, probe_rows
from orchestrator.report.figures.retina_gallery import boundary_pictures
from orchestrator.report.figures.scatter import scatter
from orchestrator.report.figures.search import field_importance, front, parallel_coordinates
from orchestrator.report.figures.style import png, svg
from orchestrator.report.figures.training_curves import curves, part_curves
from orchestrator.report.figures.truncation import truncated_people, truncation_errors
from orchestrator.schema.declaration import Declaration
from orchestrator.schema.plots import (
    BoundaryPictures,
    Coverage,
    Curves,
    DensityMaps,
    DensityMarginals,
    ErrorByScale,
    ErrorMatrix,
    FieldImportance,
    Front,
    GradientParts,
    MatrixDifference,
    ParallelCoordinates,
    PartCurves,
    Plot,
    PosePictures,
    ProbePlot,
    Scatter,
    SearchPlot,
    TruncatedPeople,
    TruncationErrors,
    probe_columns,
)
from orchestrator.schema.record import Record
from orchestrator.stats.aggregate import FilledTable
from orchestrator.stats.collapse import collapsed

__all__ = ["draw", "png", "svg"]


def draw(
    plot: Plot,
    declaration: Declaration,
    filled: FilledTable,
    records: Mapping[str, Record],
    details: Details,
) -> tuple[Figure, str] | None:
    """The figure of a plot and its caption; None where there is nothing to plot yet."""
    if isinstance(plot, Scatter):
        return scatter(declaration, filled, plot)
    if isinstance(plot, Curves):
        return curves(declaration, records, plot)
    if isinstance(plot, PartCurves):
        return part_curves(declaration, records, plot)
    if isinstance(plot, SearchPlot):
        return _search_figure(plot, declaration, filled, records)
    lost = collapsed(declaration, records)
    kept = {fingerprint: detail for fingerprint, detail in details.items() if fingerprint not in lost}
    rows = [row for name in probe_columns(plot) for row in probe_rows(declaration, kept, name)]
    return probe_figure(plot, rows)


def _search_figure(
    plot: SearchPlot, declaration: Declaration, filled: FilledTable, records: Mapping[str, Record]
) -> tuple[Figure, str] | None:
    match plot:
        case Front():
            return front(declaration, filled, records, plot)
        case FieldImportance():
            return field_importance(declaration, records, plot)
        case ParallelCoordinates():
            return parallel_coordinates(declaration, records, plot)


def probe_figure(plot: ProbePlot, rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """The figure of a plot drawn from probe results, and its caption; None without results.

    Args:
        rows: the probe results of the plot's column; where it has two columns, first one, then the other.
    """
    drawn: tuple[Figure, str] | None
    match plot:
        case ErrorMatrix():
            drawn = error_matrix(plot, rows)
        case MatrixDifference():
            drawn = matrix_difference(plot, rows)
        case TruncatedPeople():
            drawn = truncated_people(plot, rows)
        case TruncationErrors():
            drawn = truncation_errors(plot, rows)
        case PosePictures():
            drawn = pose_pictures(rows)
        case BoundaryPictures():
            drawn = boundary_pictures(plot, rows)
        case DensityMaps():
            drawn = density_maps(rows)
        case DensityMarginals():
            drawn = density_marginals(rows)
        case Coverage():
            drawn = coverage(rows)
        case ErrorByScale():
            drawn = error_by_scale(rows)
        case GradientParts():
            drawn = gradient_parts(rows)
    return drawn
