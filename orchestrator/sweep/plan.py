"""From a declared table to its cells' sources and the jobs behind them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from datasets.union import DataConfig
from orchestrator.config.experiment import Experiment, StepTiming, seeded
from orchestrator.jobs.union import Job, needed
from orchestrator.schema.declaration import CellSource, Declaration, DeclaredRow
from orchestrator.sweep.sweep import Column, Counted, Measured, Metric, Row, Table
from orchestrator.util.errors import SweepError


@dataclass(frozen=True)
class PlanSettings:
    """How a table is to be run: everything that is the user's choice, not the paper's."""

    scale: str
    report: str  # the name of the report that the table goes into
    seeds: tuple[int, ...]
    data: Callable[[DataConfig], str]  # what it is measured on, in words
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


@dataclass(frozen=True)
class _PlannedRow:
    declared: DeclaredRow
    jobs: dict[str, Job]  # by fingerprint, one a seed for each source of cells, without what they need


def plan_table(table: Table, setting: PlanSettings) -> Planned:
    """Every cell's source and every job behind them.

    Raises:
        SweepError: `setting.only` names a row that the table does not have.
    """
    rows = {row.key: _plan_row(row, table.columns, setting) for row in table.rows(setting.scale)}
    _check_only(table, list(rows), setting.only)
    picked = [row for key, row in rows.items() if not setting.only or key in setting.only]
    jobs = _with_needed(job for row in rows.values() for job in row.jobs.values())
    return Planned(
        declaration=_declare(table, setting, list(rows.values()), jobs),
        jobs=jobs,
        wanted=frozenset(_with_needed(job for row in picked for job in row.jobs.values())),
        rows=_row_of_each(rows),
    )


def _with_needed(jobs: Iterable[Job]) -> dict[str, Job]:
    """The jobs by fingerprint, each after whatever must have been trained before it."""
    return {before.fingerprint(): before for job in jobs for before in (*needed(job), job)}


def _row_of_each(rows: Mapping[str, _PlannedRow]) -> dict[str, str]:
    """The row of each training behind a cell; of several rows with the same one, the first."""
    trainings: dict[str, str] = {}
    for key, row in rows.items():
        for trained in (e for job in row.jobs.values() for e in _trainings(job)):
            trainings.setdefault(trained.fingerprint(), key)
    return trainings


def _plan_row(row: Row, columns: Sequence[Column], setting: PlanSettings) -> _PlannedRow:
    bound = {group: setting.bind(e) for group, e in {"": row.experiment, **row.groups}.items()}
    jobs: dict[str, Job] = {}
    cells: dict[str, CellSource] = {}
    for column in columns:
        if column.group not in bound:
            continue
        trained = [seeded(bound[column.group], seed) for seed in setting.seeds]
        cell, behind = _source(row, column, trained, setting.scale)
        if cell is not None:
            cells[column.spec.name] = cell
            jobs |= behind
    declared = DeclaredRow(
        key=row.key,
        label=row.label or row.key,
        cells=cells,
        in_paper=row.in_paper,
        description=row.description,
    )
    return _PlannedRow(declared, jobs)


def _source(
    row: Row, column: Column, trained: Sequence[Experiment], scale: str
) -> tuple[CellSource | None, dict[str, Job]]:
    """Where a cell's number comes from, None for a blank one, and the jobs behind it by fingerprint."""
    match column.source:
        case Metric(key, applies):
            if not applies(trained[0]):
                return None, {}
            trainings: dict[str, Job] = {experiment.fingerprint(): experiment for experiment in trained}
            return CellSource(key=key, fingerprints=tuple(trainings)), trainings
        case Counted(count):
            value = count(trained[0])
            return None if value is None else CellSource(value=value), {}
        case Measured(key, probe):
            measurements: dict[str, Job] = {m.fingerprint(): m for m in (probe(e, scale) for e in trained)}
            name = key.format(row=row.key)
            return CellSource(key=name, fingerprints=tuple(measurements)), measurements


def _declare(
    table: Table, setting: PlanSettings, rows: list[_PlannedRow], jobs: Mapping[str, Job]
) -> Declaration:
    behind = dict.fromkeys(fp for row in rows for fp in row.jobs)
    trained = [e for fp in behind for e in _trainings(jobs[fp])]
    before = {fp: tuple(e.fingerprint() for e in needed(jobs[fp])) for fp in behind}
    return Declaration(
        table=table.id,
        title=table.title,
        description=table.description,
        scale=setting.scale,
        report=setting.report,
        data="; ".join(dict.fromkeys(setting.data(e.data) for e in trained)),
        data_fingerprints=tuple(dict.fromkeys(e.data.fingerprint() for e in trained)),
        seeds=setting.seeds,
        columns=tuple(column.spec for column in table.columns),
        rows=tuple(row.declared for row in rows),
        needs={fp: fps for fp, fps in before.items() if fps},
        paper=table.paper,
        claims=table.claims,
        plots=table.plots,
        command=setting.command,
    )


def _trainings(job: Job) -> tuple[Experiment, ...]:
    """The training whose result a job is or looks at."""
    if isinstance(job, Experiment):
        return (job,)
    return () if isinstance(job, StepTiming) else (job.of,)


def _check_only(table: Table, known: list[str], only: tuple[str, ...]) -> None:
    unknown = [key for key in only if key not in known]
    if unknown:
        raise SweepError(
            f"--only: table {table.id} has no row {unknown[0]!r}; it has {', '.join(map(repr, known))}"
        )
