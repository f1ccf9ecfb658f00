"""Two tables as sweeps declare them, and records that fill them."""

from collections.abc import Mapping
from random import Random

from orchestrator.schema.claims import Below, CellRef, Claim, Equivalent, Greater
from orchestrator.schema.declaration import CellSource, Declaration, DeclaredColumn, DeclaredRow, PaperCell
from orchestrator.schema.plots import Curves, Scatter
from orchestrator.schema.record import Record

SEEDS = (0, 1, 2)
DATA = "a1b2c3d4e5f60718"
MEASURED = {"AP": "AP", "AP50": "AP50", "AP75": "AP75", "AP shuffled": "AP shuffled"}
TIMED = {"Step": "step_ms", "Flow share": "flow_share"}
FLOPS = DeclaredColumn(
    name="FLOPs", better="lower", human=True, description="of the flow, forward, a picture"
)
PARAMS = DeclaredColumn(name="Params", better="lower", human=True, description="of the flow")
AP, AP50, AP75 = (DeclaredColumn(name=name, unit="%", better="higher") for name in ("AP", "AP50", "AP75"))
SHUFFLED = DeclaredColumn(
    name="AP shuffled", unit="%", better="higher", in_paper=False, description="AP with the scores permuted"
)
STEP = DeclaredColumn(name="Step", unit="ms", better="lower", in_paper=False, description="a training step")
SHARE = DeclaredColumn(name="Flow share", unit="%", digits=2, better="lower", in_paper=False)

PAPER_1 = {
    "3x64": (1.8e6, 53.8e3, 70.5, 88.5, 77.4),
    "3x128": (6.9e6, 205.8e3, 70.2, 88.5, 77.3),
    "3x256": (27.3e6, 804.8e3, 69.6, 87.9, 76.5),
    "5x32": (1.3e6, 40.0e3, 70.0, 88.2, 76.8),
    "5x64": (5.2e6, 153.6e3, 70.3, 88.7, 77.4),
}
PAPER_7 = {
    "DLE": (1.8e6, 62.7, 86.1, 70.4),
    "RLE (Q+G)": (1.8e6, 70.5, 88.5, 77.4),
    "RLE (Q+G+s)": (44.2e6, 70.5, 88.6, 77.4),
}
OURS_7 = {
    "Direct L1": "no likelihood at all",
    "Laplace, learned scale": "Q alone, no flow",
    "RLE (Q+G+s), s sampled": "s from fresh samples of Q each step",
    "DLE <official> & co": "the authors' broadcasting",
}
ENDS = {
    "3x64": 46.0,
    "3x128": 45.8,
    "3x256": 44.9,
    "5x32": 45.6,
    "DLE": 31.0,
    "RLE (Q+G)": 46.0,
    "RLE (Q+G+s)": 45.7,
    "Direct L1": 38.2,
    "Laplace, learned scale": 45.1,
    "RLE (Q+G+s), s sampled": 46.3,
}
"""AP of the rows that were trained; 5x64 and the last of Table 7 were not."""


def fingerprints(kind: str, row: str) -> tuple[str, ...]:
    return tuple(f"{kind}/{row}/{seed}" for seed in SEEDS)


def cells(row: str, computed: Mapping[str, float], timed: Mapping[str, str]) -> dict[str, CellSource]:
    return {
        **{name: CellSource(value=value) for name, value in computed.items()},
        **{
            name: CellSource(key=key, fingerprints=fingerprints("fit", row)) for name, key in MEASURED.items()
        },
        **{name: CellSource(key=key, fingerprints=fingerprints("step", row)) for name, key in timed.items()},
    }


def paper(
    table: str, rows: Mapping[str, tuple[float, ...]], columns: tuple[str, ...]
) -> tuple[PaperCell, ...]:
    return tuple(
        PaperCell(
            table=table, row=row, column=column, value=value, unit="", source=f"supplement, Table {table}"
        )
        for row, values in rows.items()
        for column, value in zip(columns, values, strict=True)
    )


def ap(row: str) -> CellRef:
    return CellRef(row=row, column="AP")


def declaration(
    table: str, rows: tuple[DeclaredRow, ...], columns: tuple[DeclaredColumn, ...], claims: tuple[Claim, ...]
) -> Declaration:
    numbers = PAPER_1 if table == "1" else PAPER_7
    printed = tuple(column.name for column in columns if column.in_paper)
    return Declaration(
        table=table,
        title="Computation complexity of RealNVP" if table == "1" else "Effectiveness of RLE",
        description="Each row is one way to train.",
        scale="demo",
        data="generated people in COCO's format",
        data_fingerprints=(DATA,),
        seeds=SEEDS,
        columns=columns,
        rows=rows,
        paper=paper(table, numbers, printed),
        claims=claims,
        plots=(
            Scatter(x="FLOPs", y="AP", log_x=True),
            Curves(key="AP", title="AP by epoch"),
            Curves(key="no such"),
        ),
        command=f"python sweeps/table_{table}.py --seeds 3",
    )


def table_1() -> Declaration:
    rows = tuple(
        DeclaredRow(
            key=key, label=key.replace("x", "×"), cells=cells(key, {"FLOPs": flops, "Params": params}, TIMED)
        )
        for key, (flops, params, *_) in PAPER_1.items()
    )
    claims: tuple[Claim, ...] = (
        Equivalent(description="3×256 is no better than 3×64.", a=ap("3x64"), b=ap("3x256"), margin=1.0),
        Equivalent(description="5×64 is no better than 3×64.", a=ap("3x64"), b=ap("5x64"), margin=1.0),
        Below(
            description="The overhead is negligible.", a=CellRef(row="3x64", column="Flow share"), limit=5.0
        ),
    )
    return declaration("1", rows, (FLOPS, PARAMS, AP, AP50, AP75, SHUFFLED, STEP, SHARE), claims)


def table_7() -> Declaration:
    description = {"RLE (Q+G+s)": "s by the Riemann sum of Eq. 7", **OURS_7}
    rows = tuple(
        DeclaredRow(
            key=key,
            label=key,
            cells=cells(key, {} if key == "Direct L1" else {"FLOPs": PAPER_7.get(key, (1.8e6,))[0]}, {}),
            in_paper=key not in OURS_7,
            description=description.get(key, ""),
        )
        for key in (*PAPER_7, *OURS_7)
    )
    claims: tuple[Claim, ...] = (
        Greater(description="RLE is better than DLE.", a=ap("RLE (Q+G)"), b=ap("DLE")),
        Greater(description="Direct regression is better than RLE.", a=ap("Direct L1"), b=ap("RLE (Q+G)")),
        Greater(description="The flow adds to a Laplace.", a=ap("RLE (Q+G)"), b=ap("Laplace, learned scale")),
    )
    return declaration("7", rows, (FLOPS, AP, AP50, AP75, SHUFFLED), claims)


def fitted(row: str, seed: int, diverged: bool = False) -> Record:
    random = Random(f"{row}{seed}")
    end = ENDS[row] + random.gauss(0, 0.4)
    metrics = {"AP": end, "AP50": end + 25, "AP75": end - 2.5, "AP shuffled": end - 6}
    rising = [
        end * (1 - 0.9 * 0.8**epoch) + random.gauss(0, 0.3) for epoch in range(1, 7 if diverged else 20)
    ]
    return Record(
        fingerprint=f"fit/{row}/{seed}",
        name=f"{row}, seed {seed}",
        status="diverged" if diverged else "finished",
        seed=seed,
        metrics={} if diverged else metrics,
        history={"AP": tuple(enumerate(rising if diverged else [*rising, end], 1))},
        commit="0e30145aa91c",
        data=DATA,
        machine="2 cores of a test machine",
        duration=60.0,
        note="step 812: log s is not finite" if diverged else "",
        warnings=("sigma_max = 1 in epoch 3",) if (row, seed) == ("3x256", 1) else (),
    )


def timed(row: str, seed: int) -> Record:
    share = 1.2 + PAPER_1[row][0] / 2e6 + Random(f"{row}{seed}").gauss(0, 0.1)
    metrics = {"step_ms": 118.0 + share, "flow_share": share}
    return Record(
        f"step/{row}/{seed}", f"step of {row}", "finished", seed, metrics, machine="2 cores of a test machine"
    )
