"""From declared tables to the sources of their cells and the jobs behind them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache

from datasets.union import DataConfig
from orchestrator.config.experiment import Experiment, seeded
from orchestrator.jobs.job import Job
from orchestrator.schema.declaration import CellSource, Declaration, DeclaredRow
from orchestrator.schema.limits import MAX_SEEDS
from orchestrator.sweep.sweep import Column, Counted, Measured, Metric, Row, Table
from orchestrator.util.errors import SweepError

TABLE_NAME = r"[/\w.\- :]+"
"""Of which MLflow's tags are made, and runs have one with the name of each of their tables."""

SIMILAR = 0.4
"""How alike names are, from 0 to 1, of which one may be a misspelling of the other."""


@dataclass(frozen=True)
class PlanSettings:
    """How tables are to be run: everything that is the user's choice, not the paper's."""

    scale: str
    report: str  # the name of the report that the tables go into
    seeds: tuple[int, ...]
    data: Callable[[DataConfig], str]  # what they are measured on, in words
    command: str
    only: tuple[str, ...] = ()  # row keys; empty for all
    bind: Callable[[Experiment], Experiment] = lambda experiment: experiment  # to the user's own data
    # How many of the seeds a row gets, by the ids of its table and itself; all of them where it is not named.
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    max_seeds: int = MAX_SEEDS  # at how many seeds the level of the tests is used up


@dataclass(frozen=True)
class Planned:
    """A table with its settings: its declaration, and every job behind it by fingerprint."""

    declaration: Declaration
    jobs: dict[str, Job]
    wanted: frozenset[str]  # fingerprints to run now; fewer than jobs where rows were selected
    rows: dict[str, str]  # the row key of each training, by fingerprint


@dataclass(frozen=True)
class _PlannedRow:
    declared: DeclaredRow
    jobs: dict[str, Job]  # by fingerprint, one a seed for each source of cells, without what they need
    count: int  # of seeds


def plan_tables(tables: Iterable[Table], settings: PlanSettings) -> list[Planned]:
    """Every cell's source and every job behind them, of each table that has a row of `settings.only`.

    Raises:
        SweepError: no table has a row that `settings.only` names; or tables would have the same files.
    """
    rows = [(table, list(table.rows(settings.scale))) for table in tables]
    _check_only(settings.only, dict.fromkeys(row.key for _, some in rows for row in some))
    jobs = _JobBuilder(settings)
    planned = [
        _plan(table, [_plan_row(table, row, jobs, settings) for row in some], settings)
        for table, some in rows
        if not settings.only or any(row.key in settings.only for row in some)
    ]
    _check_names([p.declaration for p in planned])
    return planned


def plan_table(table: Table, settings: PlanSettings) -> Planned:
    """The plan of a single table.

    Raises:
        SweepError: the table has no row that `settings.only` names.
    """
    (planned,) = plan_tables([table], settings)
    return planned


def _plan(table: Table, rows: Sequence[_PlannedRow], settings: PlanSettings) -> Planned:
    selected = [row for row in rows if not settings.only or row.declared.key in settings.only]
    jobs = _with_needed(job for row in rows for job in row.jobs.values())
    return Planned(
        declaration=_declare(table, settings, rows, jobs),
        jobs=jobs,
        wanted=frozenset(_with_needed(job for row in selected for job in row.jobs.values())),
        rows=_row_of_each(rows),
    )


def _with_needed(jobs: Iterable[Job]) -> dict[str, Job]:
    """The jobs by fingerprint, each after whatever must have been trained before it."""
    return {before.fingerprint(): before for job in jobs for before in (*job.needs, job)}


def _row_of_each(rows: Iterable[_PlannedRow]) -> dict[str, str]:
    """The row of each training behind a cell; of several rows with the same one, the first."""
    trainings: dict[str, str] = {}
    for row in rows:
        for job in row.jobs.values():
            if job.trained is not None:
                trainings.setdefault(job.trained.fingerprint(), row.declared.key)
    return trainings


class _JobBuilder:
    """Builds each training and each measurement of a plan once, however many cells show it."""

    def __init__(self, settings: PlanSettings) -> None:
        self._settings = settings
        self.trainings = cache(self._trainings)
        self._training = cache(self._seeded)
        self._bound = cache(settings.bind)
        self._measured = cache(self._measurements)

    def source(self, row: Row, column: Column, count: int) -> tuple[CellSource | None, dict[str, Job]]:
        """Where a cell's number comes from, None for a blank one, and the jobs behind it by fingerprint."""
        experiment = row.groups[column.group] if column.group else row.experiment
        match column.source:
            case Metric(key, applies):
                trainings = self.trainings(experiment, count)
                if not applies(next(iter(trainings.values()))):
                    return None, {}
                return CellSource(key=key, fingerprints=tuple(trainings)), dict(trainings)
            case Counted(compute):
                value = compute(next(iter(self.trainings(experiment, count).values())))
                return None if value is None else CellSource(value=value), {}
            case Measured(key, measurement):
                measured = self._measured(measurement, experiment, count)
                return CellSource(key=key.format(row=row.key), fingerprints=tuple(measured)), measured

    def _trainings(self, experiment: Experiment, count: int) -> dict[str, Experiment]:
        """By fingerprint, one for each of the first seeds, on the user's data."""
        trained = [self._training(experiment, seed) for seed in self._settings.seeds[:count]]
        return {e.fingerprint(): e for e in trained}

    def _seeded(self, experiment: Experiment, seed: int) -> Experiment:
        return seeded(self._bound(experiment), seed)

    def _measurements(
        self, measurement: Callable[[Experiment, str], Job], experiment: Experiment, count: int
    ) -> dict[str, Job]:
        trained = self.trainings(experiment, count).values()
        return {m.fingerprint(): m for m in (measurement(e, self._settings.scale) for e in trained)}


def _plan_row(table: Table, row: Row, jobs: _JobBuilder, settings: PlanSettings) -> _PlannedRow:
    count = settings.counts.get((table.id, row.key), len(settings.seeds))
    behind: dict[str, Job] = {}
    cells: dict[str, CellSource] = {}
    for column in table.columns:
        if column.group and column.group not in row.groups:
            continue
        cell, needed = jobs.source(row, column, count)
        if cell is not None:
            cells[column.spec.name] = cell
            behind |= needed
    declared = DeclaredRow(
        key=row.key,
        label=row.label or row.key,
        cells=cells,
        in_paper=row.in_paper,
        description=row.description,
    )
    return _PlannedRow(declared, behind, count)


def _declare(
    table: Table, settings: PlanSettings, rows: Sequence[_PlannedRow], jobs: Mapping[str, Job]
) -> Declaration:
    behind = dict.fromkeys(fp for row in rows for fp in row.jobs)
    trained = [e for fp in behind if (e := jobs[fp].trained) is not None]
    needs = {fp: tuple(e.fingerprint() for e in jobs[fp].needs) for fp in behind}
    return Declaration(
        table=table.id,
        title=f"{table.title}, on {' and '.join(dict.fromkeys(e.data.measured_on for e in trained))}",
        description=table.description,
        scale=settings.scale,
        report=settings.report,
        data="; ".join(dict.fromkeys(settings.data(e.data) for e in trained)),
        benchmark=all(e.data.published for e in trained),
        by_recipe=all(e.by_recipe for e in trained),
        assumed=tuple(dict.fromkeys(sentence for e in trained for sentence in e.assumed)),
        data_fingerprints=tuple(dict.fromkeys(e.data.fingerprint() for e in trained)),
        seeds=settings.seeds[: max((row.count for row in rows), default=len(settings.seeds))],
        max_seeds=settings.max_seeds,
        columns=tuple(column.spec for column in table.columns),
        rows=tuple(row.declared for row in rows),
        needs={fp: fps for fp, fps in needs.items() if fps},
        paper=table.paper,
        claims=table.claims,
        plots=table.plots,
        searched=table.searched,
        command=settings.command,
    )


def _check_names(declarations: Sequence[Declaration]) -> None:
    names: dict[str, str] = {}
    for declaration in declarations:
        if not re.fullmatch(TABLE_NAME, declaration.table):
            raise SweepError(
                f"the table {declaration.table!r} has signs in its name that no tag of MLflow can have: use "
                "letters, digits, spaces and / _ . - :",
                code="table-name",
            )
        other = names.setdefault(declaration.slug, declaration.table)
        if not declaration.slug or other != declaration.table:
            raise SweepError(
                f"the table {declaration.table!r} would have the files of {other!r}: name it otherwise, with "
                "Latin letters or digits",
                code="table-name",
            )


def _check_only(only: Iterable[str], keys: Iterable[str]) -> None:
    known = list(keys)
    for name in only:
        if name not in known:
            near = get_close_matches(name, known, n=len(known), cutoff=SIMILAR)
            listed = ", ".join(repr(key) for key in dict.fromkeys([*near, *known]))
            raise SweepError(f"--only: no chosen table has a row {name!r}; there are {listed}", code="no-row")
