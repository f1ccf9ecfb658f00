"""Plots of a table: one column against another, or a metric by epoch. Values in, a matplotlib figure out.

Figures are built with matplotlib's object interface, so that nothing here depends on a display or on the
state of pyplot, and are rendered to the same bytes for the same values.
"""

from collections.abc import Sequence

from matplotlib.figure import Figure

from orchestrator.report.figures.calibration import coverage, error_by_scale
from orchestrator.report.figures.heat_map import error_matrix, matrix_difference
from orchestrator.report.figures.learned_density import density_cuts, density_maps
from orchestrator.report.figures.pose_gallery import pose_pictures
from orchestrator.report.figures.probe_rows import Seen
from orchestrator.report.figures.retina_gallery import boundary_pictures
from orchestrator.report.figures.scatter import scatter, scatter_caption, scatter_points
from orchestrator.report.figures.style import colours, png, svg
from orchestrator.report.figures.training_curves import curve_lines, curves, curves_caption
from orchestrator.report.figures.truncation import cut_errors, cut_people
from orchestrator.schema.plots import (
    BoundaryPictures,
    Coverage,
    Curves,
    CutErrors,
    CutPeople,
    DensityCuts,
    DensityMaps,
    ErrorByScale,
    ErrorMatrix,
    MatrixDifference,
    Plot,
    PosePictures,
    Scatter,
)

__all__ = [
    "colours",
    "curve_lines",
    "curves",
    "curves_caption",
    "of_details",
    "png",
    "scatter",
    "scatter_caption",
    "scatter_points",
    "svg",
]


def of_details(plot: Plot, rows: Sequence[Seen]) -> tuple[Figure, str] | None:
    """The figure of what probes found, and its caption; None where nothing has been looked at.

    Args:
        rows: seen through the plot's column; where it has two, through one and then the other.
    """
    drawn: tuple[Figure, str] | None
    match plot:
        case ErrorMatrix():
            drawn = error_matrix(plot, rows)
        case MatrixDifference():
            drawn = matrix_difference(plot, rows)
        case CutPeople():
            drawn = cut_people(plot, rows)
        case CutErrors():
            drawn = cut_errors(plot, rows)
        case PosePictures():
            drawn = pose_pictures(rows)
        case BoundaryPictures():
            drawn = boundary_pictures(plot, rows)
        case DensityMaps():
            drawn = density_maps(rows)
        case DensityCuts():
            drawn = density_cuts(rows)
        case Coverage():
            drawn = coverage(rows)
        case ErrorByScale():
            drawn = error_by_scale(rows)
        case Scatter() | Curves():
            drawn = None
    return drawn
