"""What a sweep would run: rows, their cost, and what is already done."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from rich.console import Console
from rich.table import Table

from models.flops import human, module_parameters
from models.interface import OutputSpec
from orchestrator.config.experiment import Experiment, ModelConfig, seeded
from orchestrator.run.looks import USUAL_SHARE
from orchestrator.schema.declaration import DeclaredRow
from orchestrator.schema.record import Record
from orchestrator.sweep.plan import Planned


def show(planned: Sequence[Planned], known: Mapping[str, Record], console: Console) -> None:
    """Print a table for each planned table; reads nothing but the arguments."""
    for p in planned:
        console.print(_table(p, known))
    trainings, measurements, done = _counts(planned, known)
    console.print(f"{trainings} trainings, {measurements} measurements, {done} of them done")
    for sentence in dict.fromkeys(s for p in planned for s in p.declaration.assumed):
        console.print(f"assumed: {sentence}", soft_wrap=True)


def plain(planned: Sequence[Planned], known: Mapping[str, Record]) -> dict[str, Any]:
    """The same for programs: tables with their rows, and how many jobs there are and are done."""
    trainings, measurements, done = _counts(planned, known)
    return {
        "tables": [
            {
                "table": p.declaration.table,
                "title": p.declaration.title,
                "data": p.declaration.data,
                "assumed": list(p.declaration.assumed),
                "rows": [asdict(_row(row, p, known)) for row in p.declaration.rows],
            }
            for p in planned
        ],
        "trainings": trainings,
        "measurements": measurements,
        "done": done,
    }


def show_most(planned: Sequence[Planned], console: Console) -> None:
    """Print what adding seeds until every claim is decided takes at most, and what it usually does."""
    trainings = len({fp for p in planned for fp in p.rows})
    seeds = max((len(p.declaration.seeds) for p in planned), default=0)
    console.print(
        f"until every claim is decided: at most {trainings} trainings ({seeds} seeds for each row), likely "
        f"about {round(USUAL_SHARE * trainings)}, by effects like the published ones"
    )


def _table(planned: Planned, known: Mapping[str, Record]) -> Table:
    declaration = planned.declaration
    table = Table(title=f"{declaration.heading}: {declaration.title}", caption=f"data: {declaration.data}")
    for title in ("row", "model", "flow", "FLOPs of flow", "epochs", "batch", "seeds", "done", ""):
        table.add_column(title, justify="left" if title in ("row", "") else "right")
    for row in declaration.rows:
        table.add_row(*_cells(_row(row, planned, known)))
    return table


def _counts(planned: Sequence[Planned], known: Mapping[str, Record]) -> tuple[int, int, int]:
    """Trainings and measurements that are wanted, and how many of both are done."""
    wanted = {fp for p in planned for fp in p.wanted}
    trainings = sum(any(fp in p.rows for p in planned) for fp in wanted)
    return trainings, len(wanted) - trainings, sum(fp in known and known[fp].done for fp in wanted)


@dataclass(frozen=True)
class _Row:
    """What a row would run."""

    row: str
    label: str
    added: bool  # whether it is missing in the paper's table
    model_parameters: int
    flow_parameters: int
    flops: float | None  # of the flow, an image
    epochs: int
    batch: int
    fingerprints: tuple[str, ...]  # of its trainings
    done: int
    selected: bool


def _row(row: DeclaredRow, planned: Planned, known: Mapping[str, Record]) -> _Row:
    trainings = _trainings(row, planned)
    experiment = trainings[0]
    model, flow = _parameters(seeded(experiment, 0))
    fingerprints = tuple(e.fingerprint() for e in trainings)
    return _Row(
        row=row.key,
        label=row.label,
        added=planned.declaration.adds(row),
        model_parameters=model,
        flow_parameters=flow,
        flops=row.cells["FLOPs"].value if "FLOPs" in row.cells else None,
        epochs=experiment.schedule.epochs,
        batch=experiment.schedule.batch,
        fingerprints=fingerprints,
        done=sum(fp in known and known[fp].done for fp in fingerprints),
        selected=experiment.fingerprint() in planned.wanted,
    )


def _cells(row: _Row) -> list[str]:
    seeds = len(row.fingerprints)
    return [
        row.label + (" (not in the paper)" if row.added else ""),
        human(row.model_parameters),
        human(row.flow_parameters) if row.flow_parameters else "–",
        human(round(row.flops)) if row.flops is not None else "–",
        str(row.epochs),
        str(row.batch),
        str(seeds),
        f"{row.done}/{seeds}",
        "" if row.selected else "not selected",
    ]


def _trainings(row: DeclaredRow, planned: Planned) -> list[Experiment]:
    """The trainings that a row shows, or whose models it measures, once each."""
    jobs = [planned.jobs[fp] for cell in row.cells.values() for fp in cell.fingerprints]
    return list({e.fingerprint(): e for job in jobs if (e := job.trained) is not None}.values())


def _parameters(experiment: Experiment) -> tuple[int, int]:
    objective = experiment.objective.build(experiment.data.dim)
    return _model_parameters(experiment.model, experiment.output_spec), module_parameters(objective)


@cache
def _model_parameters(model: ModelConfig, outputs: OutputSpec) -> int:
    return module_parameters(model.build(outputs, pretrained=False))
