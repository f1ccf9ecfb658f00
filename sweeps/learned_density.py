#!/usr/bin/env python
"""Figure 1: the density that the flow learns, compared with the standard Laplace and Gaussian densities.

    python sweeps/learned_density.py                   # demo scale: generated people, minutes on a CPU
    python sweeps/learned_density.py --scale paper --data-root COCO

The paper (supplement, section D) finds a sharper peak than the Gaussian's and a smoother edge than the
Laplace density's. At demo scale expect about 7 minutes on 2 cores for 9 trainings, of which Table 7 shares
6, and 9 measurements.
"""

from collections.abc import Iterator

from models.objectives import DLE, RLE
from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.learned_density import Density
from orchestrator.schema.plots import DensityMaps, DensityMarginals
from orchestrator.sweep.sweep import Column, Measured, Row, Sweep, Table
from sweeps.baselines import coco
from sweeps.claims import higher, lower, readings
from sweeps.columns import column


def rows(scale: str) -> Iterator[Row]:
    """What each method learns, the flow alone and its product with Q; then the standard densities.

    The keys are the names under which the probe measures. The standard densities come from the probe of RLE.
    """
    base = coco(scale)
    gaussian = vary(base, objective=RLE(density="gaussian"))
    yield Row(
        "RLE G", base, label="RLE: G", in_paper=False, description="the flow alone; Q is the Laplace density"
    )
    yield Row(
        "RLE QG", base, label="RLE: Q·G·s", in_paper=False, description="the normalised product of Eq. 7"
    )
    yield Row("RLE Gauss G", gaussian, label="RLE, Gaussian Q: G", in_paper=False)
    yield Row("RLE Gauss QG", gaussian, label="RLE, Gaussian Q: Q·G·s", in_paper=False)
    yield Row("DLE G", vary(base, objective=DLE()), label="DLE: G", in_paper=False)
    yield Row("Laplace", base, in_paper=False, description="the standard density, evaluated on the same grid")
    yield Row(
        "Gaussian", base, in_paper=False, description="the standard density, evaluated on the same grid"
    )


def _column(name: str, key: str, description: str, digits: int = 2, unit: str = "") -> Column:
    source = Measured(f"{{row}}/{key}", _probe)
    return column(name, source, unit, description=description, digits=digits)


def _probe(experiment: Experiment, scale: str) -> Density:
    return Density(of=experiment)


COLUMNS = (
    _column("Scale", "scale", "of the Laplace density with the same quartiles, in units of σ", digits=3),
    _column("Peak", "peak", "maximum of the marginal, in units of scale", digits=3),
    _column(
        "Slope",
        "slope",
        "of the log marginal next to its peak: 0 if it is smooth, 1 for the cusp of a Laplace density",
    ),
    _column("Kurtosis", "kurtosis", "excess kurtosis of the marginal; larger for heavier tails", digits=1),
    _column(
        "KL Laplace", "kl_laplace", "divergence from the closest Laplace density of any scale", unit="nats"
    ),
    _column("KL Gaussian", "kl_gaussian", "divergence from the closest Gaussian of any scale", unit="nats"),
    _column(
        "KL std Laplace", "kl_standard_laplace", "divergence from the standard Laplace density", unit="nats"
    ),
    _column("KL std Gaussian", "kl_standard_gaussian", "divergence from the standard Gaussian", unit="nats"),
    _column("Integral", "integral", "before normalisation: 1 for a density, 1/s for Q·G", digits=3),
    _column(
        "NLL",
        "nll",
        "of the validation set's errors, per keypoint, in units of the crop; Laplace and Gaussian with the "
        "location and scale that fit the errors of RLE best",
        unit="nats",
    ),
)

SWEEP = Sweep(
    name="learned_density",
    description="Figure 1: the density that the flow learns, compared with Laplace and Gaussian",
    tables=(
        Table(
            "Figure 1",
            title="The learned distribution",
            description="The density of (μ − μ̂)/σ, evaluated on a grid. Peak, slope and kurtosis are means "
            "over the marginals of both coordinates, in units of scale: without the term log s nothing ties "
            "σ to the size of the errors, so −log Q increases σ and the flow contracts by the same factor. "
            "The flow is then trained as the density of the errors itself, not as a residual, so both G and "
            "Q·G·s are shown.",
            rows=rows,
            columns=COLUMNS,
            paper=(),
            claims=(
                *readings(
                    "D",
                    "The learned distribution has a more sharp peak than the Gaussian distribution and a "
                    "more smooth edge than the Laplace distribution.",
                    higher("Its peak is higher than the Gaussian's.", "Peak", "RLE G", "Gaussian"),
                    lower("It has no cusp at its peak, as the Laplace has.", "Slope", "RLE G", "Laplace"),
                ),
                lower("Its tails are lighter than the Laplace density's.", "Kurtosis", "RLE G", "Laplace"),
            ),
            plots=(DensityMaps(column="Peak"), DensityMarginals(column="Peak")),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
