"""What a sweep file declares: tables, their rows and columns, and the sentences of the paper to test."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.config.experiment import Experiment
from orchestrator.jobs.job import Job
from orchestrator.schema.claims import Claim
from orchestrator.schema.declaration import DeclaredColumn, PaperCell, Searched
from orchestrator.schema.plots import Plot
from orchestrator.search.halving import SearchPlan
from orchestrator.util.errors import SweepError


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
    """The column shows what a measurement gives: of the row's network, or of its trained model.

    In `key`, `{row}` stands for the row's key, so that rows can share one measurement (Tables 5 and 6).
    """

    key: str
    measurement: Callable[[Experiment, str], Job]  # of the experiment and the scale


@dataclass(frozen=True)
class Column:
    """A column of a table and where its numbers come from.

    Args:
        spec: how it is printed.
        source: of its numbers.
        group: which of the row's experiments it shows; its main one where empty.
    """

    spec: DeclaredColumn
    source: Metric | Counted | Measured
    group: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a table: one experiment, repeated over seeds, or one for each group of columns.

    Args:
        key: ASCII, the row's name in paper.csv and in the CSV tables.
        experiment: what stands behind its cells.
        groups: what stands behind the cells of columns with a group, by its name.
        label: how it is printed; the key where empty.
        in_paper: whether the paper has it; otherwise the key says what it is.
        description: what the row is, where the label alone can't tell.
    """

    key: str
    experiment: Experiment
    groups: Mapping[str, Experiment] = field(default_factory=dict)
    label: str = ""
    in_paper: bool = True
    description: str = ""


@dataclass(frozen=True)
class Table:
    """A table or figure of the paper, re-run; or one of one's own, without numbers of the paper."""

    id: str  # such as "1" or "Figure 1"
    title: str
    rows: Callable[[str], Iterable[Row]]  # at a scale
    columns: Sequence[Column]
    description: str = ""
    paper: tuple[PaperCell, ...] = ()
    claims: tuple[Claim, ...] = ()
    plots: tuple[Plot, ...] = ()
    searched: Searched | None = None  # the trials of which its rows are the best


@dataclass(frozen=True)
class Search:
    """A table whose rows are the best experiments of a space.

    Args:
        id: of the table.
        plan: the space, the budget and how it is searched, at a scale.
        aims: the names of one or two columns, of metrics or counted, of which more or less is better; two are
            weighed against each other, and the best are a front.
        grid: rows to compare with, shown where they have been trained before; none is trained for it.
        best: how many trials become rows.
    """

    id: str
    title: str
    plan: Callable[[str], SearchPlan]
    columns: Sequence[Column]
    aims: tuple[str, ...]
    description: str = ""
    grid: Callable[[str], Iterable[Row]] = lambda scale: ()
    best: int = 8
    plots: tuple[Plot, ...] = ()

    def __post_init__(self) -> None:
        found = self.aimed
        good = all(c.spec.better != "neither" and not isinstance(c.source, Measured) for c in found)
        many = len(found) == len(self.aims) and len(found) in (1, 2)
        if not good or not many or not any(isinstance(c.source, Metric) for c in found):
            raise SweepError(
                f"{self.id}: aims are the names of one or two columns, of metrics or counted, of which more "
                "or less is better; one of them is of a metric",
                code="aims",
            )

    @property
    def aimed(self) -> tuple[Column, ...]:
        """The columns that are its aims."""
        known = {column.spec.name: column for column in self.columns}
        return tuple(known[name] for name in self.aims if name in known)


@dataclass(frozen=True)
class Sweep:
    """What one sweep file declares.

    Args:
        name: the file's name without `.py`.
        description: one line for lists.
        tables: those with rows.
        searches: those whose rows are searched for.
        only_by_name: whether `rle-lab run` without names leaves it out, as it would take most of the time.
    """

    name: str
    description: str
    tables: tuple[Table, ...] = ()
    searches: tuple[Search, ...] = ()
    only_by_name: bool = False
