#!/usr/bin/env python
"""Tables 5 and 6: robustness of Integral Pose and RLE to occluded joints.

    python sweeps/occlusion.py                         # demo scale: generated people, minutes on a CPU
    python sweeps/occlusion.py --scale paper --data-root DIR      # DIR/mpii and DIR/h36m

The paper (supplement, section C) occludes joints of people in Human3.6M by grey squares and finds that RLE
improves the occlusion robustness of all joints. The RLE model is that of Table 3. At demo scale expect
about 12 minutes on 2 cores for 6 trainings, of which Table 3 shares 3, and 6 measurements.
"""

from collections.abc import Iterable, Iterator
from statistics import fmean

from orchestrator.cli.run import main
from orchestrator.config.experiment import Experiment
from orchestrator.probes.occlusion import GROUPS, Occlusion
from orchestrator.schema.claims import CellRef, Greater
from orchestrator.schema.declaration import PaperCell
from orchestrator.schema.paper_numbers import paper_cells
from orchestrator.schema.plots import ErrorMatrix, MatrixDifference
from orchestrator.sweep.sweep import Column, Measured, Row, Sweep, Table
from sweeps.baselines import PAPER, human36m, integral
from sweeps.claims import readings
from sweeps.columns import column

INTEGRAL, RLE = paper_cells(PAPER, "5"), paper_cells(PAPER, "6")


def integral_rows(scale: str) -> Iterator[Row]:
    """Table 5: one experiment, one row per occluded group."""
    return _occluded(integral(human36m(scale)))


def rle_rows(scale: str) -> Iterator[Row]:
    """Table 6."""
    return _occluded(human36m(scale))


def _occluded(experiment: Experiment) -> Iterator[Row]:
    yield from (Row(group, experiment) for group in GROUPS)
    yield Row("All", experiment, in_paper=False, description="mean of the seven rows above")
    yield Row("Unoccluded", experiment, in_paper=False, description="the same images without a square")


def both_rows(scale: str) -> Iterator[Row]:
    """Both methods side by side, one row per occluded group."""
    base = human36m(scale)
    for group in GROUPS:
        yield Row(group, integral(base), groups={"RLE": base}, in_paper=False)
    yield Row(
        "All",
        integral(base),
        groups={"RLE": base},
        in_paper=False,
        description="mean of the seven rows above",
    )


def _probe(experiment: Experiment, scale: str) -> Occlusion:
    return Occlusion(of=experiment)


def _error(name: str, key: str = "", group: str = "", in_paper: bool = True, description: str = "") -> Column:
    source = Measured(f"{{row}}/{key or name}", _probe)
    return column(name, source, "mm", "lower", description, in_paper=in_paper, group=group)


def _of_both(kind: str, description: str) -> list[Column]:
    return [
        _error(f"{method} {kind.lower()}", kind, group, in_paper=False, description=description)
        for method, group in (("Integral", ""), ("RLE", "RLE"))
    ]


def derived() -> Iterator[PaperCell]:
    """The diagonals and row means of the paper's tables, computed from its numbers."""
    for method, table in (("Integral", INTEGRAL), ("RLE", RLE)):
        own = {cell.row: cell.value for cell in table if cell.row == cell.column}
        mean = {row: fmean(cell.value for cell in table if cell.row == row) for row in own}
        for name, values in ((f"{method} own", own), (f"{method} mean", mean)):
            for row, value in [*values.items(), ("All", fmean(values.values()))]:
                yield PaperCell(
                    table="5 and 6",
                    row=row,
                    column=name,
                    value=round(value, 2),
                    unit="mm",
                    source="computed from the supplement's Tables 5 and 6",
                )


def better(first: Iterable[PaperCell], second: Iterable[PaperCell]) -> int:
    """In how many cells the second table has the smaller error."""
    errors = {(cell.row, cell.column): cell.value for cell in first}
    return sum(cell.value < errors[cell.row, cell.column] for cell in second)


def _smaller(description: str, row: str, kind: str) -> Greater:
    a, b = (CellRef(row=row, column=f"{method} {kind}") for method in ("Integral", "RLE"))
    return Greater(description=description, a=a, b=b)


COLUMNS = [
    *(_error(group) for group in GROUPS),
    _error("Mean", in_paper=False, description="of the seven columns"),
]
DESCRIPTION = (
    "Root-relative error in mm of the group of joints in the column while a grey square occludes a joint of "
    "the group in the row. The square has 46 of 256 pixels of the crop's side, or the same fraction of a "
    "smaller crop. Left and right joints are occluded separately and averaged. The paper does not state the "
    "size of its squares."
)

SWEEP = Sweep(
    name="occlusion",
    description="Tables 5 and 6: robustness of Integral Pose and RLE to occluded joints",
    tables=(
        Table(
            "5",
            title="Per joint occlusion sensitivity analysis of Integral Pose",
            description=DESCRIPTION,
            rows=integral_rows,
            columns=COLUMNS,
            paper=INTEGRAL,
            plots=(ErrorMatrix(column="Mean", method="Integral Pose"),),
        ),
        Table(
            "6",
            title="Per joint occlusion sensitivity analysis of RLE",
            description=DESCRIPTION,
            rows=rle_rows,
            columns=COLUMNS,
            paper=RLE,
            plots=(ErrorMatrix(column="Mean", method="RLE"),),
        ),
        Table(
            "5 and 6",
            title="Per joint occlusion sensitivity of Integral Pose and RLE",
            description="Summary of Tables 5 and 6. In the paper, RLE is better "
            f"in {better(INTEGRAL, RLE)} of 49 cells. A smaller error under occlusion is not in itself "
            "robustness: a method that is better without occlusion may lose just as much.",
            rows=both_rows,
            columns=[
                *_of_both("Own", "error of the occluded group itself, the diagonal of the table"),
                *_of_both("Rise", "increase by occlusion: own minus the unoccluded error"),
                *_of_both("Mean", "mean over the seven measured groups"),
            ],
            paper=tuple(derived()),
            claims=(
                *readings(
                    "C",
                    "It is seen that RLE improves the occlusion robustness of all joints.",
                    *(
                        _smaller(f"RLE's error at occluded {group.lower()}s is smaller.", group, "own")
                        for group in GROUPS
                    ),
                ),
                _smaller(
                    "RLE's error at occluded joints is smaller on average over the seven groups.",
                    "All",
                    "own",
                ),
                _smaller("RLE's error is smaller on average over all 49 cells.", "All", "mean"),
                _smaller(
                    "RLE's errors increase less when a joint is occluded, averaged over the groups.",
                    "All",
                    "rise",
                ),
            ),
            plots=(
                MatrixDifference(column="Integral mean", minus="RLE mean", methods=("Integral Pose", "RLE")),
            ),
        ),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
