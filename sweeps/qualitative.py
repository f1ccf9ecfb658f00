#!/usr/bin/env python
"""Figures 3 to 5: what RLE predicts on people of COCO, MPII and Human3.6M.

    python sweeps/qualitative.py                       # demo scale: generated people, minutes on a CPU
    python sweeps/qualitative.py --scale paper --data-root COCO --only RLE

The paper prints pictures of its choice (supplement, section G). Here annotations choose them, before anything
is predicted, and a table beside each figure says how well the model does on those shown and on the whole
validation set. The three base experiments stand in Tables 1, 2 and 3 too and are trained once; the pictures
themselves take seconds.
"""

from collections.abc import Callable, Iterable

from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.probes.pose_gallery import Gallery
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.schema.paper_numbers import paper_cells
from orchestrator.schema.plots import PosePictures
from orchestrator.sweep.sweep import Column, Measured, Row, Sweep, Table
from sweeps.baselines import PAPER, coco, human36m, mpii

SHOWN = "Error, shown"
IN_DEPTH = 2  # people of each kind where each takes two pictures


def _people(experiment: Experiment, scale: str) -> Gallery:
    if experiment.data.kind == "human36m":
        return Gallery(of=experiment, each=IN_DEPTH)
    return Gallery(of=experiment)


def _column(name: str, key: str, unit: str, description: str, digits: int = 1) -> Column:
    spec = DeclaredColumn(
        name=name, unit=unit, digits=digits, better="neither", description=description, in_paper=False
    )
    return Column(spec, Measured(key, _people))


def _columns(unit: str, error: str) -> list[Column]:
    return [
        _column("People", "people", "", "how many are shown", digits=0),
        _column(SHOWN, "error shown", unit, f"{error}, of the people shown"),
        _column("Error, all", "error", unit, "the same of the whole validation set"),
        _column(
            "In ellipse",
            "in ellipse",
            "%",
            "of the whole set's labelled joints: those in the ellipse that is drawn for them; 50 where "
            "errors and scales are as on training pictures",
        ),
    ]


def _figure(
    number: int, base: Callable[[str], Experiment], of: str, unit: str, error: str, kinds: str
) -> Table:
    def rows(scale: str) -> Iterable[Row]:
        yield Row("RLE", base(scale), in_paper=False)

    return Table(
        f"Figure {number}",
        title=f"Qualitative results on {of}",
        description=f"People of the validation set, chosen by their annotations alone: {kinds}. As many of "
        "each kind, at even distances in the order of the set. The numbers say whether they are easier than "
        "the rest.",
        rows=rows,
        columns=_columns(unit, error),
        paper=paper_cells(PAPER, f"Figure {number}"),
        plots=(PosePictures(column=SHOWN),),
    )


LARGE = "among the larger half of the people those that are"

SWEEP = Sweep(
    name="qualitative",
    description="Figures 3-5: what RLE predicts on people of COCO, MPII and Human3.6M",
    tables=(
        _figure(
            3,
            coco,
            "COCO",
            "%",
            "mean distance of joints, in percent of the square root of the person's area",
            f"{LARGE} whole and alone, with joints of others in the crop, cut off by the picture's edge, or "
            "partly labelled for other reasons",
        ),
        _figure(
            4,
            mpii,
            "MPII",
            "%",
            "mean distance of joints, in percent of the head's size",
            f"{LARGE} upright, leaning or lying, with a hand above the head, or partly labelled",
        ),
        _figure(
            5,
            human36m,
            "Human3.6M",
            "mm",
            "MPJPE",
            "seen from the front, the side and behind, and poses far from the mean pose",
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
