#!/usr/bin/env python
"""Calibration: whether the predicted scale fits the errors, and whether confidence predicts accuracy.

    python sweeps/calibration.py                       # demo scale: generated people, minutes on a CPU
    python sweeps/calibration.py --scale paper --data-root COCO

The main paper (Table 4) correlates confidence with OKS: 0.479 for heatmaps, 0.522 for a Laplace density
with learned scale, 0.553 for RLE. The intervals are not in the paper. At demo scale expect about 12 minutes
on 2 cores for 15 trainings, of which Table 7 shares 9 and Figure 1 another 3, and 27 measurements.
"""

from collections.abc import Iterator

from models.objectives import DLE, RLE, LearnedScale
from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.calibration import PRINTED, Calibration
from orchestrator.probes.region_coverage import RegionCoverage
from orchestrator.schema.paper_numbers import paper_cells
from orchestrator.schema.plots import Coverage, ErrorByScale
from orchestrator.sweep.sweep import Column, Measured, Row, Sweep, Table
from sweeps.baselines import PAPER, coco, simplepose
from sweeps.claims import higher
from sweeps.columns import column


def rows(scale: str) -> Iterator[Row]:
    """SimplePose, which predicts no scale, and four methods that do; the last three have a flow."""
    base = coco(scale)
    laplace = vary(base, objective=LearnedScale(density="laplace"))
    dle, gaussian = vary(base, objective=DLE()), vary(base, objective=RLE(density="gaussian"))
    yield Row("SimplePose", simplepose(base), in_paper=False, description="heatmaps: a confidence, no scale")
    yield Row("Laplace, learned scale", laplace, groups={"scale": laplace}, in_paper=False)
    yield Row("DLE", dle, groups={"scale": dle, "flow": dle}, in_paper=False)
    yield Row("RLE", base, groups={"scale": base, "flow": base}, in_paper=False)
    yield Row(
        "RLE Gauss",
        gaussian,
        groups={"scale": gaussian, "flow": gaussian},
        label="RLE, Gaussian Q",
        in_paper=False,
    )


def _probe(experiment: Experiment, scale: str) -> Calibration:
    return Calibration(of=experiment)


def _regions(experiment: Experiment, scale: str) -> RegionCoverage:
    return RegionCoverage(of=experiment)


def _region(name: str, key: str, description: str) -> Column:
    source = Measured(key, _regions)
    return column(name, source, "%", description=description, group="scale")


REGIONS = (
    _region("Region 90", "before", "truths in the 90 % region of highest density of the predicted density"),
    _region("Worst quarter", "before_worst", "of the quarter with the largest predicted scale"),
    _region("Worst keypoint", "before_joint", "of the keypoint for which it is lowest"),
    _region("Fitted 90", "after", "truths in ellipses that were fitted on other people's errors"),
    _region("Fitted, worst quarter", "after_worst", "of the quarter with the largest predicted scale"),
    _region("Fitted, worst keypoint", "after_joint", "of the keypoint for which it is lowest"),
)


def _inside(level: int) -> Column:
    description = f"coverage of the central {level} % interval, per coordinate"
    return column(
        f"Inside {level}", Measured(f"cover{level}", _probe), "%", description=description, group="scale"
    )


ECE = column(
    "ECE",
    Measured("ece", _probe),
    "%",
    "lower",
    "expected calibration error: mean over levels of |coverage − level|",
    digits=2,
    group="scale",
)
FLOW_ECE = column(
    "ECE flow",
    Measured("flow_ece", _probe),
    "%",
    "lower",
    "the same for the intervals of G alone",
    digits=2,
    group="flow",
)
ERROR_RATIO = column(
    "Error ratio",
    Measured("error_ratio", _probe),
    description="mean |μ − μ̂|, measured divided by predicted; above 1 the model is overconfident",
    digits=2,
    group="scale",
)
CORRELATION = column(
    "Correlation",
    Measured("correlation", _probe),
    "",
    "higher",
    "Pearson correlation of a person's confidence with OKS",
    digits=3,
    in_paper=True,
)
POINT_CORRELATION = column(
    "Correlation by keypoint",
    Measured("point_correlation", _probe),
    "",
    "higher",
    "the same per keypoint",
    digits=3,
)


SWEEP = Sweep(
    name="calibration",
    description="Calibration: does the predicted scale fit the errors, does confidence predict accuracy",
    tables=(
        Table(
            "Calibration",
            title="Predicted scale and confidence against the ground truth",
            description="Intervals come from the marginals of the predicted density: Q for a learned scale, "
            "the flow for DLE, Q·G·s for RLE. Coverage is measured without flip test, the correlation with "
            "it, as in evaluation. A heatmap's confidence is its peak; it has no scale. Fitted regions are "
            "ellipses whose half axes are the predicted scale times a factor for the keypoint and one for "
            "the quarter of scales (split conformal prediction); each half of the validation set judges "
            "what was fitted on the other, and predictions stay as they are. The paper's correlations are "
            "from its main text, on COCO.",
            rows=rows,
            columns=(
                *map(_inside, PRINTED),
                ECE,
                FLOW_ECE,
                ERROR_RATIO,
                CORRELATION,
                POINT_CORRELATION,
                *REGIONS,
            ),
            paper=paper_cells(PAPER, "Calibration"),
            claims=(
                higher(
                    "RLE's confidence correlates better with OKS than a heatmap's (main paper).",
                    "Correlation",
                    "RLE",
                    "SimplePose",
                ),
                higher(
                    "RLE's confidence correlates better with OKS than a learned Laplace scale's (main "
                    "paper).",
                    "Correlation",
                    "RLE",
                    "Laplace, learned scale",
                ),
            ),
            plots=(Coverage(column="ECE"), ErrorByScale(column="ECE")),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
