"""What grows with what: trials in the store, samples on the disk, points, width and depth of the flow."""

from orchestrator.bench import growth_data, growth_flow, growth_store
from orchestrator.bench.growth_plot import Panel, exponent, figure
from orchestrator.bench.result import Finding, Grid, Tell, significant
from orchestrator.config.experiment import Experiment

SAYS = (
    "The exponent is the slope of a straight line through all points on logarithmic axes: 1 is linear, 0 "
    "costs nothing more; behind it the slope between the last two points, where fixed costs weigh least. "
    "Times are CPU time of this process; memory is the peak of what Python and NumPy allocate meanwhile."
)


def measure(tell: Tell, demo: Experiment) -> Finding:
    """Measure every growth: a table a panel, and a plot of all."""
    panels = (*growth_store.measure(tell, demo), *growth_data.measure(tell), *growth_flow.measure(tell, demo))
    return Finding(
        "growth", SAYS, tuple(grid(panel) for panel in panels), {"benchmarks_growth": figure(panels)}
    )


def grid(panel: Panel) -> Grid:
    """A panel as a table: a line a series, a column for each size."""
    sizes = [f"{x:,g}" for x, _ in panel.series[0].points]
    rows = tuple(
        (
            series.name,
            *(significant(y) for _, y in series.points),
            f"{exponent(series.points):.2f}",
            f"{exponent(series.points[-2:]):.2f}",
        )
        for series in panel.series
    )
    return Grid(f"{panel.y} by {panel.x}", ("", *sizes, "exponent", "at the end"), rows)
