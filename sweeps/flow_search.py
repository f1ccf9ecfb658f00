#!/usr/bin/env python
"""Flow search: flows, densities and learning rates, by their AP and the flow's FLOPs.

    python sweeps/flow_search.py                       # demo scale: generated people, an hour on 2 cores
    python sweeps/flow_search.py --scale paper --data-root COCO
    python sweeps/flow_search.py --dry-run             # how far the search is, and what comes next

The paper varies the flow's layers and neurons on a grid (Table 1). This searches over them together with what
they were tuned for: couplings, the density Q, the weight of the flow's term, Adam's betas, learning rates and
the number of epochs. It runs only where it is named. The same command goes on where another one was stopped.
"""

from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.schema.plots import Curves, FieldImportance, Front, ParallelCoordinates
from orchestrator.search.halving import Budget, SearchPlan
from orchestrator.search.space import Choice, Range, Space
from orchestrator.sweep.sweep import Search, Sweep
from sweeps import flow_size
from sweeps.baselines import coco
from sweeps.columns import AP, AP50, AP75, FLOPS, PARAMS


def space(base: Experiment) -> Space:
    """The flow, its density and its part in the loss; rates around the recipe's; two lengths beside it."""
    adam, epochs = base.schedule.optimiser, base.schedule.epochs
    rates = [Range(rate / 4, rate * 4, log=True) for rate in (adam.lr, adam.sigma_rate, adam.coord_rate)]
    lr, sigma_rate, coord_rate = rates
    betas = dict.fromkeys([adam.betas, (0.9, 0.999), (0.9, 0.99), (0.8, 0.99)])
    lengths = {max(1, round(epochs * share)) for share in (2 / 3, 1, 4 / 3)}
    return Space(
        {
            "objective.flow.couplings": Choice((2, 4, 6, 8)),
            "objective.flow.layers": Choice((2, 3, 4, 5)),
            "objective.flow.width": Choice((16, 32, 64, 128, 256)),
            "objective.density": Choice(("laplace", "gaussian")),
            "objective.flow_weight": Range(0.25, 4.0, log=True, digits=2),
            "schedule.optimiser.betas": Choice(tuple(betas)),
            "schedule.optimiser.lr": lr,
            "schedule.optimiser.flow_rate": Range(0.1, 10.0, log=True, digits=2),
            "schedule.optimiser.coord_rate": coord_rate,
            "schedule.optimiser.sigma_rate": sigma_rate,
            "schedule.epochs": Choice(tuple(sorted(lengths))),
        }
    )


def plan(scale: str) -> SearchPlan:
    """A third of a training, at paper scale a ninth, shows which are worth the rest."""
    base = coco(scale)
    if scale == "smoke":
        return SearchPlan(base, space(base), Budget(epochs=7), generation=3, rungs=2, eta=2)
    epochs = base.schedule.epochs
    rungs = 2 if epochs < 9 else 3
    return SearchPlan(base, space(base), Budget(epochs=25 * epochs), generation=9, rungs=rungs)


SWEEP = Sweep(
    name="flow_search",
    description="Flow search: what flow, density and learning rates a search finds",
    searches=(
        Search(
            "Flow search",
            title="The best of a search over flows, densities and learning rates",
            description="Each row is a trial that was trained to its end; rows of Table 1 stand below where "
            "they have been trained.",
            plan=plan,
            columns=[FLOPS, PARAMS, AP, AP50, AP75],
            aims=("AP", "FLOPs"),
            grid=flow_size.rows,
            plots=(
                Front(x="FLOPs", y="AP"),
                FieldImportance(key="AP"),
                ParallelCoordinates(key="AP"),
                Curves(key="AP", title="AP by epoch"),
            ),
        ),
    ),
    only_by_name=True,
)

if __name__ == "__main__":
    main(SWEEP)
