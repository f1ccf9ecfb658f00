#!/usr/bin/env python
"""Table 3: DLE against RLE, in 2-D on MPII and in 3-D on Human3.6M.

    python sweeps/dle_vs_rle.py                        # demo scale: generated people, minutes on a CPU
    python sweeps/dle_vs_rle.py --scale paper --data-root DIR     # DIR/mpii and DIR/h36m

The paper (supplement, section C) finds a consistent gain of RLE over DLE. RLE on MPII is that of Table 2.
At demo scale expect about 10 minutes on 2 cores for 15 trials, of which Table 2 shares 3.
"""

from collections.abc import Iterator

from models.objectives import DLE, L1
from orchestrator.cli.run import main
from orchestrator.config.vary import vary
from orchestrator.schema.claims import CellRef, Greater
from orchestrator.schema.paper_numbers import paper_cells
from orchestrator.schema.plots import Curves
from orchestrator.sweep.sweep import Column, Metric, Row, Sweep, Table
from sweeps.baselines import PAPER, human36m, mpii
from sweeps.claims import higher, lower, readings
from sweeps.columns import column


def rows(scale: str) -> Iterator[Row]:
    """The two methods of Table 3, and direct regression, which the main paper prints for Human3.6M."""
    flat, solid = mpii(scale), human36m(scale)
    yield Row("DLE", vary(flat, objective=DLE()), groups={"Human3.6M": vary(solid, objective=DLE())})
    yield Row("RLE", flat, groups={"Human3.6M": solid})
    yield Row(
        "Direct L1",
        vary(flat, objective=L1()),
        groups={"Human3.6M": vary(solid, objective=L1())},
        in_paper=False,
        description="trained with L1, no likelihood",
    )


def _percent(name: str) -> Column:
    return column(f"MPII {name}", Metric(name), "%", "higher", in_paper=True)


def _errors(name: str, key: str, description: str = "", in_paper: bool = True) -> Column:
    return column(
        f"Human3.6M {name}", Metric(key), "mm", "lower", description, in_paper=in_paper, group="Human3.6M"
    )


SWEEP = Sweep(
    name="dle_vs_rle",
    description="Table 3: DLE against RLE, in 2-D on MPII and in 3-D on Human3.6M",
    tables=(
        Table(
            "3",
            title="Comparison between DLE and RLE",
            description="MPII in 2-D, Human3.6M in 3-D (protocol 2). Joints with depth use a flow over three "
            "coordinates, joints without depth one over two.",
            rows=rows,
            columns=[
                _percent("PCKh@0.5"),
                _percent("PCKh@0.1"),
                _percent("AUC"),
                _errors("MPJPE", "MPJPE"),
                _errors("PA-MPJPE", "PA-MPJPE", "after the best-fitting similarity transform (Procrustes)"),
                _errors(
                    "mean pose",
                    "MPJPE of the mean pose",
                    "MPJPE of the training set's mean pose as the prediction",
                    in_paper=False,
                ),
            ],
            paper=paper_cells(PAPER, "3"),
            claims=(
                *readings(
                    "C",
                    "It is seen that RLE shows consistent improvements over DLE.",
                    higher("RLE is better than DLE on MPII.", "MPII PCKh@0.5", "RLE", "DLE"),
                    higher(
                        "RLE is better than DLE on MPII at the strict threshold.",
                        "MPII PCKh@0.1",
                        "RLE",
                        "DLE",
                    ),
                    higher("RLE is better than DLE on MPII over all thresholds.", "MPII AUC", "RLE", "DLE"),
                    lower("RLE is better than DLE on Human3.6M.", "Human3.6M MPJPE", "RLE", "DLE"),
                    lower(
                        "RLE is better than DLE on Human3.6M, aligned.", "Human3.6M PA-MPJPE", "RLE", "DLE"
                    ),
                ),
                Greater(
                    description="RLE in 3-D is better than the mean pose.",
                    a=CellRef(row="RLE", column="Human3.6M mean pose"),
                    b=CellRef(row="RLE", column="Human3.6M MPJPE"),
                ),
            ),
            plots=(Curves(key="MPJPE", title="MPJPE by epoch"),),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
