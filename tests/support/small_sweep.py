"""Two tables of two trainings of a few seconds each, with enough epochs to be interrupted between them."""

from collections.abc import Iterator

from datasets.synthetic.people.people import People
from models.backbones import SmallTrunk
from models.objectives import L1, RLE
from orchestrator.cli.run import main
from orchestrator.config.vary import vary
from orchestrator.schema.declaration import DeclaredColumn
from orchestrator.sweep.sweep import Column, Metric, Row, Sweep, Table
from sweeps.baselines import coco
from sweeps.columns import AP

LOSS = Column(DeclaredColumn(name="loss", digits=6, better="lower"), Metric("loss"))


def rows(scale: str) -> Iterator[Row]:
    """Without a flow and with one, whose gradients and samples must survive an interruption too."""
    smoke = coco(scale)
    base = vary(
        smoke,
        data=vary(smoke.data, source=People(train=64, val=16)),
        model=vary(smoke.model, trunk=SmallTrunk(channels=(8, 16), strides=(4, 4))),
        schedule=vary(smoke.schedule, epochs=12, batch=16),
    )
    yield Row("L1", vary(base, objective=L1()))
    yield Row("RLE", vary(base, objective=RLE()))


def second(scale: str) -> Iterator[Row]:
    """The training with a flow, which another table has too."""
    yield from (row for row in rows(scale) if row.key == "RLE")


SWEEP = Sweep(
    name="small",
    description="Two small trainings",
    tables=(
        Table("0", title="Two small trainings", description="", rows=rows, columns=[AP, LOSS], paper=()),
        Table("1", title="One of them", description="", rows=second, columns=[LOSS], paper=()),
    ),
)

if __name__ == "__main__":
    main(SWEEP)
