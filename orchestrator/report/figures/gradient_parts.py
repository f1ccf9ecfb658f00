"""The parts of the gradient at mu from Q and from the flow, from the first optimisation step on."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from orchestrator.report.figures.probe_rows import ProbeRow
from orchestrator.report.figures.style import BLACK, BLUE, GREEN, VERMILION, empty_figure, style

Floats = NDArray[np.float64]

PER_DECADE = 12
"""Bins of steps; those of single steps are narrower."""
DOTTED = (0, (1, 1.5))


def gradient_parts(rows: Sequence[ProbeRow]) -> tuple[Figure, str] | None:
    """Norms of both parts by step on log scales, and below Q's share; means and ranges over seeds.

    Args:
        rows: probe results of a column that one row fills; of several, the first is drawn.
    """
    if not rows:
        return None
    details = list(rows[0].by_seed.values())
    count = min(len(detail["q"]) for detail in details)
    q, g = (np.array([detail[part][:count] for detail in details], float) for part in ("q", "g"))
    edges = step_bins(count)
    # The middle of each bin by logarithm, of the steps from 1 that it holds.
    at = np.sqrt((edges[:-1] + 1) * edges[1:])
    with style():
        figure = empty_figure(height=5.6)
        norms, share = figure.subplots(2, 1, height_ratios=[3, 2], sharex=True)
        _draw(norms, at, in_bins(q, edges), BLUE, "from Q")
        _draw(norms, at, in_bins(g, edges), VERMILION, "from the flow")
        _draw(share, at, in_bins(100 * q / (q + g), edges), GREEN, "Q")
        share.axhline(50, color=BLACK, linewidth=0.9, linestyle=DOTTED)
        norms.set(xscale="log", yscale="log", ylabel="norm of the gradient at μ")
        share.set(ylim=(0, 100), xlabel="optimisation step", ylabel="Q's share (%)")
        norms.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        norms.yaxis.set_minor_locator(NullLocator())
        for axis in (norms.yaxis, share.xaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        norms.legend(loc="best", frameon=False, fontsize=9)
    return figure, _caption(rows[0], count, details[0]["of"])


def step_bins(count: int) -> NDArray[np.int64]:
    """Edges of bins of steps 0 to count - 1: single steps first, then bins of equal width by logarithm."""
    ends = np.geomspace(1, count, max(1, round(PER_DECADE * np.log10(count))) + 1)
    return np.unique(np.concatenate([[0], np.rint(ends).astype(np.int64)]))


def in_bins(values: Floats, edges: NDArray[np.int64]) -> Floats:
    """(S, N) by step -> (S, bins): means of what was measured; NaN where nothing was."""
    known = np.isfinite(values)
    sums, counts = (
        np.add.reduceat(part, edges[:-1], axis=1)
        for part in (np.where(known, values, 0), known.astype(float))
    )
    means: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return means


def _draw(ax: Axes, steps: Floats, values: Floats, ink: str, label: str) -> None:
    """The mean over seeds of (S, bins) and its range."""
    ax.plot(steps, values.mean(0), color=ink, linewidth=1.8, label=label)
    ax.fill_between(steps, values.min(0), values.max(0), color=ink, alpha=0.15, linewidth=0)


def _caption(row: ProbeRow, count: int, total: int) -> str:
    seeds = len(row.by_seed)
    ranges = f"mean and range over {seeds} seeds" if seeds > 1 else "one seed"
    which = "every step of the training" if count == total else f"the first {count:,} of {total:,} steps"
    return (
        f"The two parts of the gradient at μ of {row.label}, and the share of Q in the sum of their norms, "
        f"at {which}, before its update; {ranges}. Above the dotted line Q moves μ more than the flow does. "
        "The curve shows which part is larger, and when; not whether they point the same way, and not that "
        "a result comes from one of them: for that compare trainings without it."
    )
