"""What a sweep file declares: tables, their rows and columns, and the sentences of the paper to test."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from orchestrator.experiment import Experiment, Job, StepCost, vary
from orchestrator.records import (
    CellSource,
    Claim,
    Declaration,
    DeclaredColumn,
    DeclaredRow,
    PaperCell,
    Plot,
)


@dataclass(frozen=True)
class Metric:
    """The column shows a metric of the row's experiment, from its last epoch, where that has one."""

    key: str
    applies: Callable[[Experiment], bool] = lambda experiment: True


@dataclass(frozen=True)
class Counted:
    """The column shows what can be computed from the row's experiment without running it."""

    count: Callable[[Experiment], float | None]


@dataclass(frozen=True)
class Measured:
    """The column shows a measurement that belongs to the row's experiment but needs no training."""

    key: str
    probe: Callable[[Experiment, str], StepCost]  # of the experiment and the scale


@dataclass(frozen=True)
class Column:
    """A column of a table and where its numbers come from."""

    spec: DeclaredColumn
    source: Metric | Counted | Measured


@dataclass(frozen=True)
class Row:
    """A row of a table: one experiment, repeated over seeds.

    Args:
        key: ASCII, the row's name in paper.csv and in the CSV tables.
        experiment: what stands behind its cells.
        label: how it is printed; the key where empty.
        ours: not in the paper; the key says what it is.
        says: what the row is, where the label alone can't tell.
    """

    key: str
    experiment: Experiment
    label: str = ""
    ours: bool = False
    says: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the paper, re-run."""

    id: str
    title: str
    says: str
    base: Callable[[str], Experiment]  # the base experiment at a scale
    rows: Callable[[Experiment], Iterable[Row]]
    columns: Sequence[Column]
    paper: tuple[PaperCell, ...]
    claims: tuple[Claim, ...] = ()
    plots: tuple[Plot, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """What one sweep file brings.

    Args:
        name: the file's name without `.py`.
        says: one line for lists.
        tables: one or more.
    """

    name: str
    says: str
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Setting:
    """How a table is to be run: everything that is the user's choice, not the paper's."""

    scale: str
    report: str  # the name of the report that the table goes into
    seeds: tuple[int, ...]
    data: str  # what it is measured on, in words
    command: str
    only: tuple[str, ...] = ()  # row keys; empty for all
    bind: Callable[[Experiment], Experiment] = lambda experiment: experiment  # to the user's own data


@dataclass(frozen=True)
class Planned:
    """A table in a setting: its declaration, and every job behind it by fingerprint."""

    declaration: Declaration
    jobs: dict[str, Job]
    wanted: frozenset[str]  # fingerprints to run now; fewer than jobs where rows were picked
    rows: dict[str, str]  # the row key of each training, by fingerprint


class SweepError(Exception):
    """A sweep can't be run as asked; the message names the option and what it may be."""


@dataclass(frozen=True)
class _PlannedRow:
    declared: DeclaredRow
    trainings: dict[str, Experiment]  # by fingerprint, one a seed
    measurements: dict[str, StepCost]


def plan_table(table: Table, setting: Setting) -> Planned:
    """Every cell's source and every job behind them.

    Raises:
        SweepError: `setting.only` names a row that the table does not have.
    """
    base = setting.bind(table.base(setting.scale))
    rows = {row.key: _plan_row(row, table.columns, setting) for row in table.rows(base)}
    _check_only(table, list(rows), setting.only)
    picked = [row for key, row in rows.items() if not setting.only or key in setting.only]
    return Planned(
        declaration=_declare(table, setting, list(rows.values())),
        jobs={fp: job for row in rows.values() for fp, job in _jobs(row).items()},
        wanted=frozenset(fp for row in picked for fp in _jobs(row)),
        rows={fp: key for key, row in rows.items() for fp in row.trainings},
    )


def _jobs(row: _PlannedRow) -> dict[str, Job]:
    return {**row.trainings, **row.measurements}


def _plan_row(row: Row, columns: Sequence[Column], setting: Setting) -> _PlannedRow:
    seeded = [vary(row.experiment, seed=seed) for seed in setting.seeds]
    trainings = {experiment.fingerprint(): experiment for experiment in seeded}
    measurements: dict[str, StepCost] = {}
    cells: dict[str, CellSource] = {}
    for column in columns:
        match column.source:
            case Metric(key, applies):
                if applies(row.experiment):
                    cells[column.spec.name] = CellSource(key=key, fingerprints=tuple(trainings))
            case Counted(count):
                value = count(row.experiment)
                if value is not None:
                    cells[column.spec.name] = CellSource(value=value)
            case Measured(key, probe):
                found = {m.fingerprint(): m for m in (probe(e, setting.scale) for e in seeded)}
                cells[column.spec.name] = CellSource(key=key, fingerprints=tuple(found))
                measurements |= found
    declared = DeclaredRow(key=row.key, label=row.label or row.key, cells=cells, ours=row.ours, says=row.says)
    return _PlannedRow(declared, trainings, measurements)


def _declare(table: Table, setting: Setting, rows: list[_PlannedRow]) -> Declaration:
    data = (e.data.fingerprint() for row in rows for e in row.trainings.values())
    return Declaration(
        table=table.id,
        title=table.title,
        says=table.says,
        scale=setting.scale,
        report=setting.report,
        data=setting.data,
        data_fingerprints=tuple(dict.fromkeys(data)),
        seeds=setting.seeds,
        columns=tuple(column.spec for column in table.columns),
        rows=tuple(row.declared for row in rows),
        paper=table.paper,
        claims=table.claims,
        plots=table.plots,
        command=setting.command,
    )


def _check_only(table: Table, known: list[str], only: tuple[str, ...]) -> None:
    unknown = [key for key in only if key not in known]
    if unknown:
        raise SweepError(
            f"--only: Table {table.id} has no row {unknown[0]!r}; it has {', '.join(map(repr, known))}"
        )
