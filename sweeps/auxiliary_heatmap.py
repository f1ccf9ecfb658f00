#!/usr/bin/env python
"""Table 4: effect of an auxiliary heatmap loss on regression.

    python sweeps/auxiliary_heatmap.py                 # demo scale: generated people, minutes on a CPU
    python sweeps/auxiliary_heatmap.py --scale paper --data-root COCO

A regressor and a heatmap branch share one backbone; the regressor alone is evaluated. The paper
(supplement, section C) finds that the auxiliary loss brings almost no gain. The two losses differ in
magnitude (a mean over pixels and a sum over joints), so added columns show the size of both. At demo scale
expect about 12 minutes on 2 cores for 18 trials, of which Table 7 shares 6.
"""

from collections.abc import Iterator

from models.heatmap_nets import TwoBranch
from models.objectives import L1, RLE, WeightedSum
from models.regressor import Regressor
from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.schema.claims import NotGreater
from orchestrator.schema.paper_numbers import paper_cells
from orchestrator.schema.plots import Curves
from orchestrator.sweep.sweep import Column, Metric, Row, Sweep, Table
from sweeps.baselines import PAPER, coco, deconvolutions, heatmap_loss
from sweeps.claims import no_better, readings
from sweeps.columns import AP, AP50, AP75, column

WEIGHTS = (1.0, 0.5, 0.0)


def rows(scale: str) -> Iterator[Row]:
    """L1 and RLE, each with three weights of the heatmap loss; a weight of 0 is the plain regressor."""
    base = coco(scale)
    for objective in (L1(), RLE()):
        plain = vary(base, objective=objective)
        for weight in WEIGHTS:
            yield Row(
                f"{objective.kind.upper()} hm={weight:g}",
                with_heatmaps(plain, weight) if weight else plain,
                label=f"{objective.kind.upper()}, weight {weight:g}",
            )


def with_heatmaps(plain: Experiment, weight: float) -> Experiment:
    """The experiment with a heatmap branch beside its regressor and `weight` times the branch's loss."""
    assert isinstance(plain.model, Regressor)
    return vary(
        plain,
        model=TwoBranch(regressor=plain.model, **deconvolutions(plain.model.trunk)),
        objective=WeightedSum(terms=((1.0, plain.objective), (weight, heatmap_loss(plain)))),
    )


def _size(name: str, term: str, digits: int) -> Column:
    """The unweighted value of a term of the loss, for rows with a weighted sum."""

    def has(experiment: Experiment) -> bool:
        objective = experiment.objective
        return isinstance(objective, WeightedSum) and term in [part.kind for _, part in objective.terms]

    source = Metric(f"loss_{term}", applies=has)
    return column(name, source, description="unweighted, mean over the last epoch", digits=digits)


def _no_gain(method: str, weight: str) -> NotGreater:
    sentence = f"The auxiliary loss does not improve {method} by one AP (weight {weight})."
    return no_better(sentence, "AP", f"{method} hm={weight}", f"{method} hm=0", margin=1.0)


SWEEP = Sweep(
    name="auxiliary_heatmap",
    description="Table 4: effect of an auxiliary heatmap loss on regression",
    tables=(
        Table(
            "4",
            title="Effect of the auxiliary heatmap loss",
            description="The total loss is the regression loss plus the weight times the heatmap loss.",
            rows=rows,
            columns=[
                AP,
                AP50,
                AP75,
                _size("Loss L1", "l1", digits=2),
                _size("Loss RLE", "rle", digits=1),
                _size("Loss heatmaps", "heatmap_mse", digits=5),
            ],
            paper=paper_cells(PAPER, "4"),
            claims=readings(
                "C",
                "It shows that multi-task loss barely brings performance improvements.",
                *(_no_gain(method, weight) for method in ("L1", "RLE") for weight in ("1", "0.5")),
            ),
            plots=(Curves(key="AP", title="AP by epoch"),),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
