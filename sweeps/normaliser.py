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
from sweeps.claims import equal, higher
from sweeps.columns import AP, AP50, AP75, FLOPS, column

READINGS = {
    "Eq. 7": ("20×20 nodes, as printed", RLE(s="grid"), "supplement Eq. 7 as printed, on the grid of Table 7"),
    "Shifted 20x20": (
        "20×20 nodes, shifted",
        RLE(s="grid", shifted=True),
        "all nodes move together, at random at each step, by up to their distance",
    ),
    "Fixed 60x60": ("60×60 nodes", RLE(s="grid", nodes=60), "the N that “should be large enough”"),
    "Shifted 60x60": ("60×60 nodes, shifted", RLE(s="grid", nodes=60, shifted=True), ""),
    "Samples of Q": (
        "400 samples of Q",
        RLE(s="samples"),
        "new samples at each step, as many as the grid of Table 7 has nodes",
    ),
    "Constant": (
        "log s a constant",
        RLE(s="grid", s_gradient=False),
        "20×20 nodes; log s changes the loss and no gradient",
    ),
}
"""Each way to estimate s by its row's key: label, objective, description."""

LOG_S = column(
    "log s",
    Metric("log_s", applies=lambda experiment: _has_s(experiment)),
    description="as estimated, mean over the steps of the last epoch; Q·G of a flow near the standard normal "
    "has about 2.7",
)


def rows(scale: str) -> Iterator[Row]:
    """RLE without s, then with each reading of it."""
    base = coco(scale)
    yield Row("RLE", base, label="RLE, without s", in_paper=False)
    for key, (label, objective, description) in READINGS.items():
        yield Row(
            key, vary(base, objective=objective), label=label, in_paper=False, description=description
        )


def _has_s(experiment: Experiment) -> bool:
    return isinstance(experiment.objective, RLE) and experiment.objective.s is not None


def _claims() -> Iterator[Claim]:
    """One for each reading, then what the supplement says about the number of nodes."""
    for key, (label, _, _) in READINGS.items():
        sentence = f"“The term s barely affects the results” (supplement E; within one AP), read as: {label}."
        yield equal(sentence, "AP", key, "RLE", margin=1.0)
    yield higher(
        "“To accurately calculate s, N should be large enough” (supplement E), read as: 60 nodes on an axis "
        "give a higher AP than 20.",
        "AP",
        "Fixed 60x60",
        "Eq. 7",
    )


SWEEP = Sweep(
    name="normaliser",
    description="Normaliser: how s is estimated, and whether its gradient reaches the flow",
    tables=(
        Table(
            "Normaliser",
            title="Readings of the normaliser s",
            description="“Interestingly, in our experiments, we find that the term log s in the loss function "
            "is not necessary. … The term s barely affects the results and can be removed to save computation "
            "resources.” (supplement E). The paper does not say how log s enters training, so each row is "
            "one reading. A sum over fixed nodes is not bounded below by an integral: the loss −log G + log "
            "Σ Q·G at the nodes falls without limit when the flow concentrates its density where there are "
            "no nodes. Then log s is large, and AP may be 0: a property of that loss, not a failed run. Nodes "
            "that are close together, or drawn anew at each step, leave the flow less room, and cost more. "
            "As a constant, log s has no gradient, so that training is that of RLE: the same AP for the "
            "FLOPs of the nodes, as Table 7 of the paper prints it.",
            rows=rows,
            columns=[FLOPS, AP, AP50, AP75, LOG_S],
            paper=(),
            claims=tuple(_claims()),
            plots=(Curves(key="AP", title="AP by epoch"), Curves(key="log_s", title="log s by epoch")),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
