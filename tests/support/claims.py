"""Claims about small tables, and verdicts on them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.schema.claims import Below, CellRef, Equivalent, Greater, NotGreater
from orchestrator.schema.declaration import Declaration, DeclaredColumn, DeclaredRow
from orchestrator.stats.aggregate import Cell, FilledTable
from orchestrator.stats.hypothesis_tests import judge
from orchestrator.stats.verdict import Verdict


def ref(row: str) -> CellRef:
    return CellRef(row=row, column="AP")


def greater(a: str = "a", b: str = "b") -> Greater:
    return Greater(description=f"{a} beats {b}", a=ref(a), b=ref(b))


def equivalent(margin: float, a: str = "a", b: str = "b") -> Equivalent:
    return Equivalent(description=f"{a} is as good as {b}", a=ref(a), b=ref(b), margin=margin)


def not_greater(margin: float, a: str = "a", b: str = "b") -> NotGreater:
    return NotGreater(description=f"{a} is no better than {b}", a=ref(a), b=ref(b), margin=margin)


def below(limit: float) -> Below:
    return Below(description=f"a is below {limit}", a=ref("a"), limit=limit)


def cell(values: Sequence[float] | Mapping[int, float] | float | str) -> Cell:
    if isinstance(values, str):
        return Cell(status=values)  # type: ignore[arg-type]
    if isinstance(values, int | float):
        return Cell(mean=values, status="computed")
    by_seed = values if isinstance(values, Mapping) else dict(enumerate(values))
    mean = sum(by_seed.values()) / len(by_seed)
    return Cell(mean=mean, n=len(by_seed), status="measured", values=by_seed)


def declared(
    claims: Sequence[Any], seeds: int, rows: Iterable[str], looks: tuple[int, ...] = ()
) -> Declaration:
    return Declaration(
        table="1",
        title="",
        scale="demo",
        data="people",
        data_fingerprints=(),
        seeds=tuple(range(seeds)),
        looks=looks,
        columns=(DeclaredColumn(name="AP"),),
        rows=tuple(DeclaredRow(key=row, label=row.upper(), cells={}) for row in rows),
        claims=tuple(claims),
    )


def verdicts(claims: Sequence[Any], seeds: int = 3, **rows: Any) -> tuple[Verdict, ...]:
    declaration = declared(claims, seeds, rows)
    filled = FilledTable(declaration, {(row, "AP"): cell(rows[row]) for row in rows}, {}, (), ())
    return judge(declaration, filled)


def verdict(claim: Any, seeds: int = 3, **rows: Any) -> Verdict:
    return verdicts([claim], seeds, **rows)[0]
