#!/usr/bin/env python
"""Normaliser: how s of RLE is estimated, whether the flow receives its gradient, and what it changes.

    python sweeps/normaliser.py                        # demo scale: generated people, minutes on a CPU
    python sweeps/normaliser.py --scale paper --data-root COCO

The supplement (section E) estimates s on a grid (Eq. 7, Table 7) and finds that log s can be dropped. It does
not print how many nodes the grid has (FLOPs of Table 7 are those of 20×20), and whether log s has a
gradient. The rows are not in the paper. At demo scale expect about 12 minutes on 2 cores for 21 trials, of
which Table 7 shares 12.
"""

from collections.abc import Iterator

from models.objectives import RLE
from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.schema.claims import Claim
from orchestrator.schema.plots import Curves
from orchestrator.sweep.sweep import Metric, Row, Sweep, Table
from sweeps.baselines import coco
from sweeps.claims import equal, higher, readings
from sweeps.columns import AP, AP50, AP75, FLOPS, column

READINGS = {
    "Eq. 7": (
        "Eq. 7 on 20×20 nodes",
        RLE(s="grid"),
        "as printed, with as many nodes as the FLOPs of Table 7 are for",
    ),
    "Shifted 20x20": (
        "20×20 shifted nodes",
        RLE(s="grid", shifted=True),
        "all nodes move together, at random at each step, by up to their distance",
    ),
    "Fixed 60x60": ("60×60 nodes", RLE(s="grid", nodes=60), "the N that “should be large enough”"),
    "Shifted 60x60": ("60×60 shifted nodes", RLE(s="grid", nodes=60, shifted=True), ""),
    "Samples of Q": (
        "400 samples of Q",
        RLE(s="samples"),
        "new samples at each step, as many as the grid of Table 7 has nodes",
    ),
    "Constant": (
        "constant log s",
        RLE(s="grid", s_gradient=False),
        "20×20 nodes; log s changes the loss and no gradient",
    ),
}
"""Each way to estimate s by its row's key: label, objective, description."""


def _has_s(experiment: Experiment) -> bool:
    return isinstance(experiment.objective, RLE) and experiment.objective.s is not None


LOG_S = column(
    "log s",
    Metric("log_s", applies=_has_s),
    description="as estimated, mean over the last epoch; 2.7 where G is a standard normal density",
)


def rows(scale: str) -> Iterator[Row]:
    """RLE without s, then with each reading of it."""
    base = coco(scale)
    yield Row("RLE", base, label="RLE without s", in_paper=False)
    for key, (label, objective, description) in READINGS.items():
        yield Row(key, vary(base, objective=objective), label=label, in_paper=False, description=description)


def _same_ap(label: str, key: str) -> Claim:
    return equal(f"With {label}, the AP is that without s, within one.", "AP", key, "RLE", margin=1.0)


SWEEP = Sweep(
    name="normaliser",
    description="Normaliser: how s is estimated, and whether its gradient reaches the flow",
    tables=(
        Table(
            "Normaliser",
            title="Readings of the normaliser s",
            description="The supplement does not say whether log s has a gradient, so each row is one "
            "reading of its sentences. With a gradient the loss has no minimum on a grid: −log G + log Σ Q·G "
            "falls without limit when the flow puts its density where no node is, beside the grid or between "
            "two nodes. Then log s grows, the errors no longer matter, and the training may collapse, with "
            "an AP near 0: that is what this loss asks for, not a failed run. Closer nodes, or nodes that "
            "move at each step, leave the flow less room. As a constant, log s costs as much and changes no "
            "gradient, so that training is that of RLE.",
            rows=rows,
            columns=[FLOPS, AP, AP50, AP75, LOG_S],
            paper=(),
            claims=(
                *readings(
                    "E",
                    "The term s barely affects the results and can be removed to save computation resources.",
                    *(_same_ap(label, key) for key, (label, _, _) in READINGS.items()),
                ),
                *readings(
                    "E",
                    "To accurately calculate s, N should be large enough to obtain a small step Δx.",
                    higher("60 nodes on each axis give a higher AP than 20.", "AP", "Fixed 60x60", "Eq. 7"),
                ),
            ),
            plots=(Curves(key="AP", title="AP by epoch"),),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
