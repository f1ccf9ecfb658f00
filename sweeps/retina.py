#!/usr/bin/env python
"""Table 8: boundaries of the retina's layers, with and without RLE.

    python sweeps/retina.py                            # demo scale: generated B-scans, minutes on a CPU
    python sweeps/retina.py --scale paper --data-root DME      # the set of Chiu et al. 2015

The paper (supplement, section H) regresses eight boundaries in each column of an OCT scan and finds that
RLE reduces the mean error from 18.1 to 3.1, in a unit that it does not state. At demo scale expect about 10
minutes on 2 cores for 15 trials.
"""

from collections.abc import Iterator

from models.boundary_unet import BoundaryNet
from models.objectives import L1, LearnedScale
from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.retina_gallery import Scans
from orchestrator.schema.paper_numbers import paper_cells
from orchestrator.schema.plots import BoundaryPictures, Curves
from orchestrator.sweep.sweep import Column, Measured, Metric, Row, Sweep, Table
from sweeps.baselines import PAPER, retina
from sweeps.claims import lower, readings
from sweeps.columns import column


def rows(scale: str) -> Iterator[Row]:
    """The two methods of Table 8, then three added ones."""
    base = retina(scale)
    model = base.model
    assert isinstance(model, BoundaryNet)
    direct = vary(base, objective=L1())
    yield Row("Direct Regression", direct, description="a fully connected layer per column, trained with L1")
    yield Row(
        "RLE", base, description="the eight boundaries of a column form one residual of eight coordinates"
    )
    yield Row(
        "RLE, pairs",
        vary(base, data=vary(base.data, points_of="pairs")),
        in_paper=False,
        description="neighbouring boundaries in pairs, a flow over two coordinates",
    )
    yield Row(
        "Laplace, learned scale",
        vary(base, objective=LearnedScale(density="laplace")),
        in_paper=False,
        description="Q alone: a Laplace with a predicted scale, no flow",
    )
    yield Row(
        "Soft-argmax",
        vary(direct, model=vary(model, head="softargmax")),
        in_paper=False,
        description="He et al.: a softmax along each column per boundary with ordering constraint; trained "
        "with L1",
    )


def _error(name: str, key: str, unit: str, description: str, in_paper: bool = False) -> Column:
    return column(name, Metric(key), unit, "lower", description, digits=2, in_paper=in_paper)


def _gallery(experiment: Experiment, scale: str) -> Scans:
    return Scans(of=experiment)


SWEEP = Sweep(
    name="retina",
    description="Table 8: boundaries of the retina's layers, with and without RLE",
    tables=(
        Table(
            "8",
            title="Retina boundary regression",
            description="The mean distance between predicted and labelled boundaries. The paper does not "
            "state its unit: its numbers are compared with micrometres over all labelled columns; added "
            "columns give pixels and the protocol of He et al.",
            rows=rows,
            columns=[
                _error("Mean error", "MAE um", "µm", "over all labelled columns", in_paper=True),
                _error("in pixels", "MAE px", "px", "the same in rows of the scan"),
                _error("He et al.", "MAE um He", "µm", "over the columns that He et al. evaluate"),
                _error("He et al., px", "MAE px He", "px", "the same in rows of the scan"),
                column(
                    "Shown",
                    Measured("error shown", _gallery),
                    "µm",
                    "lower",
                    "mean error of the scans in the figure",
                    digits=2,
                ),
            ],
            paper=paper_cells(PAPER, "8"),
            claims=(
                *readings(
                    "H",
                    "It shows that RLE significantly reduces the regression error.",
                    lower("RLE is better than direct regression.", "Mean error", "RLE", "Direct Regression"),
                ),
                lower(
                    "RLE reduces direct regression's error more than fivefold (18.1 to 3.1).",
                    "Mean error",
                    "RLE",
                    "Direct Regression",
                    times=5,
                ),
                lower(
                    "RLE is better than a soft-argmax along each column.", "Mean error", "RLE", "Soft-argmax"
                ),
            ),
            plots=(
                BoundaryPictures(column="Shown", rows=("Direct Regression", "RLE")),
                Curves(key="MAE um", title="Mean error by epoch"),
            ),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
