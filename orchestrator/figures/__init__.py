"""Plots of a table: one column against another, or a metric by epoch. Values in, a matplotlib figure out.

Figures are built with matplotlib's object interface, so that nothing here depends on a display or on the
state of pyplot, and are rendered to the same bytes for the same values.
"""

from orchestrator.figures.lines import curve_lines, curves, curves_caption
from orchestrator.figures.points import scatter, scatter_caption, scatter_points
from orchestrator.figures.style import colours, png, svg

__all__ = [
    "colours",
    "curve_lines",
    "curves",
    "curves_caption",
    "png",
    "scatter",
    "scatter_caption",
    "scatter_points",
    "svg",
]
