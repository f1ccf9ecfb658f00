"""A search over trainings of a second each, which stop at a rung."""

from orchestrator.config.vary import vary
from orchestrator.search.halving import Budget, SearchPlan
from orchestrator.search.space import Choice, Range, Space
from orchestrator.sweep.sweep import Search, Sweep
from sweeps.columns import AP, FLOPS
from tests.support.small_sweep import rows

SPACE = Space(
    {"objective.flow.width": Choice((8, 16, 32)), "schedule.optimiser.lr": Range(1e-3, 1e-1, log=True)}
)


def plan(scale: str) -> SearchPlan:
    """Two generations of three, of which one each goes on."""
    base = next(row.experiment for row in rows(scale) if row.key == "RLE")
    base = vary(base, schedule=vary(base.schedule, epochs=4))
    return SearchPlan(base, SPACE, Budget(epochs=16), generation=3, rungs=2, eta=2)


SWEEP = Sweep(
    "small_search",
    "A small search",
    searches=(
        Search("Small search", title="A small search", plan=plan, columns=[FLOPS, AP], aims=("AP", "FLOPs")),
    ),
)
