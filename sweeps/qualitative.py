#!/usr/bin/env python
"""Figures 3 to 5: predictions of RLE on people of COCO, MPII and Human3.6M.

    python sweeps/qualitative.py                       # demo scale: generated people, minutes on a CPU
    python sweeps/qualitative.py --scale paper --data-root COCO --only RLE

The paper shows hand-picked images (supplement, section G). Here people are selected by their annotations,
not by predictions, and a table with each figure gives the error on the people shown and on the whole
validation set. The three base experiments are shared with Tables 1, 2 and 3 and trained once; the figures
take seconds.
"""

from collections.abc import Callable, Iterable

from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.probes.pose_gallery import Gallery
from orchestrator.schema.paper_numbers import paper_cells
from orchestrator.schema.plots import PosePictures
from orchestrator.sweep.sweep import Column, Measured, Row, Sweep, Table
from sweeps.baselines import PAPER, coco, human36m, mpii
from sweeps.columns import column

SHOWN = "Error, shown"
IN_3D = 2  # people of each category where each takes two panels


def _people(experiment: Experiment, scale: str) -> Gallery:
    if experiment.data.kind == "human36m":
        return Gallery(of=experiment, each=IN_3D)
    return Gallery(of=experiment)


def _column(name: str, key: str, unit: str, description: str, digits: int = 1) -> Column:
    return column(name, Measured(key, _people), unit, description=description, digits=digits)


def _columns(unit: str, error: str) -> list[Column]:
    return [
        _column("People", "people", "", "number of people shown", digits=0),
        _column(SHOWN, "error shown", unit, f"{error}, of the people shown"),
        _column("Error, all", "error", unit, "the same of the whole validation set"),
        _column(
            "In ellipse",
            "in ellipse",
            "%",
            "share of the whole set's labelled joints inside their ellipse; 50 if errors and scales are as "
            "on the training set",
        ),
    ]


def _figure(number: int, base: Callable[[str], Experiment], unit: str, error: str, kinds: str) -> Table:
    def rows(scale: str) -> Iterable[Row]:
        yield Row("RLE", base(scale), in_paper=False)

    return Table(
        f"Figure {number}",
        title="Qualitative results",
        description=f"People of the validation set, selected by their annotations alone: {kinds}. The same "
        "number of each category, evenly spaced in the order of the set. The numbers show whether they are "
        "easier than the rest.",
        rows=rows,
        columns=_columns(unit, error),
        paper=paper_cells(PAPER, f"Figure {number}"),
        plots=(PosePictures(column=SHOWN),),
    )


LARGE = "among the larger half of the people, those that are"

SWEEP = Sweep(
    name="qualitative",
    description="Figures 3-5: predictions of RLE on people of COCO, MPII and Human3.6M",
    tables=(
        _figure(
            3,
            coco,
            "%",
            "mean distance of joints in percent of the square root of the person's area",
            f"{LARGE} fully visible and alone, with joints of others in the crop, truncated by the image "
            "border, or partly labelled for other reasons",
        ),
        _figure(
            4,
            mpii,
            "%",
            "mean distance of joints in percent of the head size",
            f"{LARGE} upright, leaning or lying, with a hand above the head, or partly labelled",
        ),
        _figure(
            5,
            human36m,
            "mm",
            "MPJPE",
            "seen from the front, the side and behind, and poses far from the mean pose",
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
