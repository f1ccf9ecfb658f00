#!/usr/bin/env python
"""Figure 2: regression and heatmaps on people in truncated boxes.

    python sweeps/truncation.py                        # demo scale: generated people, minutes on a CPU
    python sweeps/truncation.py --scale paper --data-root COCO

The paper (supplement, section C) shows images on which RLE infers joints outside the box and SimplePose
does not. Here every validation box is truncated by up to 60 % of its height, and the errors are measured as
well. Joints outside the crop are learned from half-body crops, which are part of the paper's augmentation
but not of the demo's; two rows are trained without them to show their effect. At demo scale expect about 13
minutes on 2 cores for 15 trainings, of which other tables share 6, and 5 more for 30 measurements.
"""

from collections.abc import Iterator

from datasets.coco.config import CocoKeypoints
from datasets.crops.crop import Augment
from models.objectives import L1
from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary
from orchestrator.probes.truncated_boxes import Edge
from orchestrator.probes.truncation import Truncation
from orchestrator.schema.claims import Greater
from orchestrator.schema.paper_numbers import paper_cells
from orchestrator.schema.plots import TruncatedPeople, TruncationErrors
from orchestrator.sweep.sweep import Column, Measured, Row, Sweep, Table
from sweeps.baselines import PAPER, coco, simplepose
from sweeps.claims import higher, readings
from sweeps.columns import column

HALF_BODIES = Augment().half_body
"""The paper's probability of a half-body training crop."""

CUTS = (20, 40, 60)  # percent of the box's height that the table's columns show


def rows(scale: str) -> Iterator[Row]:
    """Three methods as the paper trains them, and two without half-body crops."""
    rle, whole = _trained_on_halves(coco(scale), HALF_BODIES), _trained_on_halves(coco(scale), 0)
    yield Row("RLE", rle, in_paper=False)
    yield Row("SimplePose", simplepose(rle), in_paper=False)
    yield Row("Direct L1", vary(rle, objective=L1()), in_paper=False)
    never = "trained without half-body crops"
    yield Row("RLE, whole bodies", whole, in_paper=False, description=never)
    yield Row("SimplePose, whole bodies", simplepose(whole), in_paper=False, description=never)


def _trained_on_halves(base: Experiment, probability: float) -> Experiment:
    assert isinstance(base.data, CocoKeypoints)
    augment = vary(base.data.augment, half_body=probability)
    return vary(base, data=vary(base.data, augment=augment))


def _below(experiment: Experiment, scale: str) -> Truncation:
    return Truncation(of=experiment)


def _left(experiment: Experiment, scale: str) -> Truncation:
    return Truncation(of=experiment, edge="left", cuts=(0.0, 0.4), drawn_people=0)


def _error(name: str, key: str, description: str, edge: Edge = "below") -> Column:
    return column(name, Measured(key, _left if edge == "left" else _below), "%", "lower", description)


def _columns() -> Iterator[Column]:
    yield _error("Whole", "inside/0", "mean error in full boxes")
    for cut in CUTS:
        yield _error(
            f"Inside {cut}",
            f"inside/{cut}",
            f"mean error of joints inside boxes truncated by {cut} % from below",
        )
        yield _error(f"Outside {cut}", f"outside/{cut}", "mean error of joints outside those boxes")
    description = "share of the joints outside boxes truncated by 40 % from below that are predicted outside"
    yield column("Past 40", Measured("past/40", _below), "%", "higher", description)
    description = "mean error of joints outside boxes truncated by 40 % from the left"
    yield _error("Outside 40 left", "outside/40", description, "left")


def _farther(a: str, b: str, cut: int, description: str) -> Greater:
    return higher(f"{description} ({cut} % truncated: {a} has the larger error).", f"Outside {cut}", a, b)


SWEEP = Sweep(
    name="truncation",
    description="Figure 2: joints outside truncated boxes",
    tables=(
        Table(
            "Figure 2",
            title="RLE and SimplePose on truncated people",
            description="Boxes are truncated and then cropped as in evaluation; beyond the cut the crop is "
            "black. Errors are mean distances over labelled joints in percent of the full box's diagonal. A "
            "heatmap ends at the border of its crop.",
            rows=rows,
            columns=list(_columns()),
            paper=paper_cells(PAPER, "Figure 2"),
            claims=(
                *readings(
                    "C",
                    "When facing truncations, regression-based methods can infer the joints outside the "
                    "input image, while heatmap-based methods failed.",
                    *(
                        _farther("SimplePose", "RLE", cut, "RLE infers joints outside, where heatmaps fail")
                        for cut in CUTS
                    ),
                    _farther("SimplePose", "Direct L1", 40, "So does regression without a likelihood"),
                ),
                _farther("RLE, whole bodies", "RLE", 40, "It is learned from half-body crops"),
            ),
            plots=(
                TruncatedPeople(column="Outside 40", rows=("RLE", "SimplePose")),
                TruncationErrors(column="Outside 40"),
            ),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
