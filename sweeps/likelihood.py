#!/usr/bin/env python
"""Likelihood: which density of the errors is worth having, and which variant of RLE.

    python sweeps/likelihood.py                        # demo scale: generated people
    python sweeps/likelihood.py --scale photos --data-root PEOPLE    # photographs in COCO's format

Beyond the paper: fifteen objectives with the same data, network, schedule and seeds, judged by AP and by
proper scores of the densities that they predict. At demo scale expect about half an hour on 2 cores for 45
trainings; `rle-lab run` without names leaves this sweep out. The spline flow comes from zuko: `pip install
'rle-lab[likelihood]'`.
"""

from collections.abc import Iterator

from models.objectives import (
    DLE,
    L1,
    RLE,
    BetaLaplace,
    CorrelatedGaussian,
    LearnedScale,
    Objective,
    UltralyticsRLE,
)
from models.realnvp import RealNVP
from models.spline_flow import NSF
from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.proper_scores import ProperScores
from orchestrator.schema.claims import CellRef, Greater
from orchestrator.schema.declaration import Better
from orchestrator.schema.plots import Curves, Scatter
from orchestrator.sweep.sweep import Column, Measured, Metric, Row, Sweep, Table
from sweeps.baselines import coco
from sweeps.claims import equal, higher, lower
from sweeps.columns import AP, AP_SHUFFLED, STEP, column

CONTEXT = 8
"""Numbers of each point that a conditioned flow is given, a linear map of the picture's features."""

OBJECTIVES: dict[str, tuple[Objective, str]] = {
    "L1": (L1(), "no scale; scored as a Laplace density whose one scale is the mean training error"),
    "Laplace": (LearnedScale(), "a predicted scale of each coordinate"),
    "Gaussian": (LearnedScale(density="gaussian"), "the same"),
    "Laplace, beta 0.25": (BetaLaplace(beta=0.25), "each coordinate weighted by σ^β (Seitzer et al., 2022)"),
    "Laplace, beta 0.5": (BetaLaplace(beta=0.5), ""),
    "Laplace, beta 1": (BetaLaplace(beta=1.0), "μ learns as from L1"),
    "Gaussian, correlated": (CorrelatedGaussian(), "and a predicted correlation, by the Cholesky factor"),
    "DLE": (DLE(), "the flow alone"),
    "RLE": (RLE(), "in the paper's convention"),
    "RLE, official": (RLE(convention="official"), "log G counted twice, Q's scale √2 σ"),
    "RLE, mmpose": (RLE(convention="mmpose"), "log G counted twice"),
    "RLE, Ultralytics": (UltralyticsRLE(), "log G counted twice, and a loss below 0 taken for 0"),
    "RLE, Ultralytics unclamped": (UltralyticsRLE(clamped=False), "the same without the clamp"),
    "RLE, spline flow": (RLE(flow=NSF()), "a neural spline flow in place of RealNVP"),
    "RLE, conditioned flow": (
        RLE(flow=RealNVP(context=CONTEXT)),
        f"RealNVP that is given {CONTEXT} numbers of each point, learned from the picture's features",
    ),
}
"""By the row's key: the objective, and what it is."""

FLOWS = [key for key in OBJECTIVES if key.startswith(("DLE", "RLE"))]


def rows(scale: str) -> Iterator[Row]:
    """One row for each objective."""
    base = coco(scale)
    for key, (objective, description) in OBJECTIVES.items():
        experiment = vary(base, objective=objective)
        groups = {} if key == "L1" else {"scale": experiment}
        if key in FLOWS:
            groups["flow"] = experiment
        yield Row(
            key,
            experiment,
            groups=groups,
            label=key.replace("beta", "β ="),
            in_paper=False,
            description=description,
        )


def _probe(experiment: Experiment, scale: str) -> ProperScores:
    return ProperScores(of=experiment)


def _score(
    name: str, key: str, unit: str, better: Better, text: str, *, digits: int = 1, group: str = ""
) -> Column:
    return column(name, Measured(key, _probe), unit, better, text, digits=digits, group=group)


def _clamps(experiment: Experiment) -> bool:
    return isinstance(experiment.objective, UltralyticsRLE)


COLUMNS = (
    AP,
    AP_SHUFFLED,
    _score("OKS", "oks", "%", "higher", "mean over people"),
    column("PCK@0.1", Metric("PCK@0.1"), "%", "higher", "keypoints within 0.1 √area"),
    _score(
        "NLL", "nll", "nats", "lower", "−log density of the truth a keypoint, in pixels of the crop", digits=2
    ),
    _score("CRPS", "crps", "px", "lower", "of a coordinate, in pixels of the crop", digits=2),
    _score("Inside 50", "cover50", "%", "neither", "truths in the 50 % region of highest density"),
    _score("Inside 90", "cover90", "%", "neither", "in the 90 % region"),
    _score(
        "Worst 50", "worst50", "%", "neither", "the same, of the quarter of the largest scale", group="scale"
    ),
    _score("Worst 90", "worst90", "%", "neither", "in the 90 % region", group="scale"),
    _score(
        "Rank correlation",
        "rank_correlation",
        "",
        "higher",
        "Spearman's, of scale and error",
        digits=3,
        group="scale",
    ),
    _score("NLL flow", "flow_nll", "nats", "lower", "of G alone", digits=2, group="flow"),
    _score("CRPS flow", "flow_crps", "px", "lower", "of G alone", digits=2, group="flow"),
    _score("Inside 90 flow", "flow_cover90", "%", "neither", "in the 90 % region of G alone", group="flow"),
    _score(
        "Worst 90 flow", "flow_worst90", "%", "neither", "of the quarter of the largest scale", group="flow"
    ),
    column(
        "Clamped",
        Metric("clamped", applies=_clamps),
        "%",
        description="steps of the last epoch with a loss below 0, whose gradient a clamp takes away",
    ),
    STEP,
)

SWEEP = Sweep(
    name="likelihood",
    description="Likelihood: which density of the errors is worth having, and which variant of RLE",
    only_by_name=True,
    tables=(
        Table(
            "Likelihood",
            title="Which likelihood?",
            description="Objectives with the same data, network, schedule and seeds; nothing is tuned for "
            "one of them. NLL, CRPS and regions are those of normalised densities of the truth in pixels of "
            "the crop, of single predictions without flip test, so that rows compare: of a learned scale Q, "
            "of DLE the flow's, of RLE Q·G·s with s computed numerically, whatever the convention, as "
            "exp(−loss) of those that count G twice is no density. The columns of the flow are those of G "
            "alone: without log s in the loss, it is G that is trained to be the density of the errors. A "
            "conditioned flow has a density for each keypoint, which is scored by samples. The worst "
            "quarter is that of the keypoints with the largest predicted scale. Ultralytics' loss is "
            "measured in cells of a grid, 6 along a side of the crop, and stands alone here; in YOLO26 "
            "an OKS loss of the keypoints beside it goes on when this one is 0. Conditioned and spline "
            "flows run in matrix products, RealNVP in this code's kernels, which the time of a step "
            "shows.",
            rows=rows,
            columns=COLUMNS,
            paper=(),
            claims=(
                higher("RLE is better than direct regression.", "AP", "RLE", "L1"),
                higher(
                    "RLE is better than a Laplace with a learned scale, which has no flow.",
                    "AP",
                    "RLE",
                    "Laplace",
                ),
                Greater(
                    description="RLE's flow predicts errors better than a Laplace with a learned scale.",
                    a=CellRef(row="Laplace", column="NLL"),
                    b=CellRef(row="RLE", column="NLL flow"),
                ),
                higher("A Laplace is better than a Gaussian.", "AP", "Laplace", "Gaussian"),
                lower(
                    "A correlation makes a Gaussian a better density.",
                    "NLL",
                    "Gaussian, correlated",
                    "Gaussian",
                ),
                higher("With β = 0.5, more keypoints are found.", "PCK@0.1", "Laplace, beta 0.5", "Laplace"),
                equal(
                    "Counting the flow twice changes the AP by less than one.",
                    "AP",
                    "RLE, mmpose",
                    "RLE",
                    margin=1.0,
                ),
                higher(
                    "Ultralytics' clamp is harmful.", "AP", "RLE, Ultralytics unclamped", "RLE, Ultralytics"
                ),
                equal(
                    "A spline flow has the AP of RealNVP, within one.",
                    "AP",
                    "RLE, spline flow",
                    "RLE",
                    margin=1.0,
                ),
                lower("A conditioned flow is a better density.", "NLL flow", "RLE, conditioned flow", "RLE"),
            ),
            plots=(
                Curves(key="AP", title="AP by epoch"),
                Scatter(x="NLL", y="PCK@0.1"),
            ),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
