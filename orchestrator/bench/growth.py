"""How costs grow: with trials in the store, samples on disk, and points, width and depth of the flow."""

from orchestrator.bench import growth_data, growth_flow, growth_store
from orchestrator.bench.growth_plot import Panel, exponent, figure
from orchestrator.bench.result import Finding, Grid, Tell, significant
from orchestrator.config.experiment import Experiment

DESCRIPTION = (
    "The exponent is the slope of a straight line through all points on logarithmic axes: 1 is linear, 0 is "
    "constant; beside it the slope between the last two points, where fixed costs matter least. Times are "
    "CPU time of this process; memory is the peak of what Python and NumPy allocate."
)


def measure(tell: Tell, demo: Experiment) -> Finding:
    """Measure everything: one table per panel, and a plot of all."""
    panels = (*growth_store.measure(tell, demo), *growth_data.measure(tell), *growth_flow.measure(tell, demo))
    return Finding("growth", DESCRIPTION, tuple(map(grid, panels)), {"growth": figure(panels)})


def grid(panel: Panel) -> Grid:
    """A panel as a table: one line per series, one column per size."""
    rows = tuple(
        (
            name,
            *(significant(y) for _, y in points),
            f"{exponent(points):.2f}",
            f"{exponent(points[-2:]):.2f}",
        )
        for name, points in panel.series.items()
    )
    sizes = [f"{size:,g}" for size in panel.costs]
    return Grid(f"{panel.y} by {panel.x}", ("", *sizes, "exponent", "at the end"), rows, compared="exponent")
