"""What a sweep would run: rows, their cost, and what is already done."""

from collections.abc import Mapping, Sequence
from functools import cache

from rich.console import Console
from rich.table import Table

from models.flops import human, module_parameters
from orchestrator.config.experiment import Experiment, seeded
from orchestrator.run.looks import USUAL_SHARE
from orchestrator.schema.declaration import DeclaredRow
from orchestrator.schema.record import Record
from orchestrator.sweep.plan import Planned


def show(planned: Sequence[Planned], known: Mapping[str, Record], console: Console) -> None:
    """Print a table for each planned table; reads nothing but the arguments."""
    for p in planned:
        console.print(_table(p, known))
    wanted = {fp for p in planned for fp in p.wanted}
    trainings = [fp for fp in wanted if any(fp in p.rows for p in planned)]
    done = [fp for fp in wanted if fp in known and known[fp].done]
    measurements = len(wanted) - len(trainings)
    console.print(f"{len(trainings)} trainings, {measurements} measurements, {len(done)} of them done")
    for sentence in dict.fromkeys(s for p in planned for s in p.declaration.assumed):
        console.print(f"assumed: {sentence}", soft_wrap=True)


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
        table.add_row(*_cells(row, planned, known))
    return table


def _cells(row: DeclaredRow, planned: Planned, known: Mapping[str, Record]) -> list[str]:
    declaration, trainings = planned.declaration, _trainings(row, planned)
    experiment = trainings[0]
    model, flow = _parameters(seeded(experiment, 0))
    flops = row.cells["FLOPs"].value if "FLOPs" in row.cells else None
    done = sum(fp in known and known[fp].done for fp in (e.fingerprint() for e in trainings))
    selected = experiment.fingerprint() in planned.wanted
    return [
        row.label + (" (not in the paper)" if declaration.adds(row) else ""),
        human(model),
        human(flow) if flow else "–",
        human(round(flops)) if flops is not None else "–",
        str(experiment.schedule.epochs),
        str(experiment.schedule.batch),
        str(len(trainings)),
        f"{done}/{len(trainings)}",
        "" if selected else "not selected",
    ]


def _trainings(row: DeclaredRow, planned: Planned) -> list[Experiment]:
    """The trainings that a row shows, or whose models it measures, once each."""
    jobs = [planned.jobs[fp] for cell in row.cells.values() for fp in cell.fingerprints]
    return list({e.fingerprint(): e for job in jobs if (e := job.trained) is not None}.values())


@cache
def _parameters(experiment: Experiment) -> tuple[int, int]:
    model = experiment.model.build(experiment.output_spec, pretrained=False)
    objective = experiment.objective.build(experiment.data.dim)
    return module_parameters(model), module_parameters(objective)
