"""A search and the records of its trials: what is known of each, and the table of the best."""

from collections.abc import Mapping, Sequence

from orchestrator.config.experiment import Experiment
from orchestrator.config.field_path import word
from orchestrator.schema.declaration import Searched, SearchedTrial
from orchestrator.schema.record import Record
from orchestrator.search.halving import Decisions, Measured, SearchPlan, Trial
from orchestrator.search.ranking import ranked
from orchestrator.search.space import Range
from orchestrator.sweep.sweep import Column, Counted, Metric, Row, Search, Table


def aim_keys(search: Search) -> tuple[str, ...]:
    """The metrics that are aims of a search."""
    return tuple(column.source.key for column in search.aimed if isinstance(column.source, Metric))


def measured(search: Search, record: Record | None, experiment: Experiment, epochs: int) -> Measured | None:
    """What a record tells of an experiment after so many epochs; None where it was not trained so far.

    A training that was stopped there was evaluated there. One that somebody ran in full for a table may not
    have been: what counts is its last evaluation before, or else the first one after.

    Args:
        record: with the histories of the search's metrics.
    """
    if record is None:
        return None
    stop = min((at for at in record.stops if at >= epochs), default=None)
    if stop is None and not record.done:
        return None
    seconds = record.duration if stop is None else record.stops[stop]
    core_seconds = record.world_size * seconds * min(1.0, epochs / (stop or experiment.schedule.epochs))
    if record.status == "diverged" and stop is None:
        return Measured(None, record.world_size * record.duration)
    values = [_aim(column, record, experiment, epochs) for column in search.aimed]
    known = [value for value in values if value is not None]
    return Measured(tuple(known) if len(known) == len(values) else None, core_seconds)


def _aim(column: Column, record: Record, experiment: Experiment, epochs: int) -> float | None:
    """The value in a column, the higher the better."""
    match column.source:
        case Metric(key):
            value = record.value_at(key, epochs)
        case Counted(count):
            value = count(experiment)
        case _:
            raise AssertionError("aims are metrics or counted")
    return value if value is None or column.spec.better == "higher" else -value


def trial_rows(plan: SearchPlan, trials: Sequence[Trial]) -> list[Row]:
    """A row of ours for each trial, on nobody's data yet."""
    return [
        Row(
            key=f"trial {trial.number}",
            experiment=plan.space.applied(plan.base, trial.point),
            in_paper=False,
            description=plan.space.words(trial.point),
        )
        for trial in trials
    ]


def trials_table(search: Search, plan: SearchPlan, trials: Sequence[Trial]) -> Table:
    """The table of trials that are about to be trained, with nothing but their metrics."""
    rows, columns = trial_rows(plan, trials), [c for c in search.aimed if isinstance(c.source, Metric)]
    return Table(search.id, title=search.title, rows=lambda scale: rows, columns=columns)


def best_table(search: Search, plan: SearchPlan, decisions: Decisions, grid: Sequence[Row]) -> Table:
    """The table of the best trials that were trained to their end, the best first, and of a grid's rows."""
    finished = [t for t in decisions.trials if t.rung == plan.rungs - 1 and t.values is not None]
    best = [finished[place] for place in ranked([trial.values for trial in finished])[: search.best]]
    if len(search.aims) == 1 or len(best) < 2:
        shown = best
    else:  # a front is read from one end to the other
        shown = sorted(best, key=lambda trial: trial.values or (), reverse=True)
    rows = [*trial_rows(plan, shown), *grid]
    return Table(
        search.id,
        title=search.title,
        description=f"{search.description} {_course(search, plan, decisions)}".strip(),
        rows=lambda scale: rows,
        columns=search.columns,
        plots=search.plots,
        searched=_searched(search, plan, decisions),
    )


def _course(search: Search, plan: SearchPlan, decisions: Decisions) -> str:
    """How the search went, in sentences."""
    ended = sum(trial.rung == plan.rungs - 1 for trial in decisions.trials)
    lost = sum(trial.values is None and trial.rung >= 0 for trial in decisions.trials)
    aims = " and ".join(f"{c.spec.name} ({c.spec.better} is better)" for c in search.aimed)
    sampler = "TPE" if plan.sampler == "tpe" else "random points"
    return (
        f"A search for {aims} over {', '.join(plan.space.names)} by {sampler}: {len(decisions.trials)} "
        f"trials, {ended} of them trained to the end, {lost} without a result; {decisions.epochs} epochs in "
        f"sum, {decisions.core_seconds / 3600:.2g} core-hours. The first seed chose these rows, which "
        "flatters them on it; further seeds had no part in that."
    )


def _searched(search: Search, plan: SearchPlan, decisions: Decisions) -> Searched:
    domains = zip(plan.space.names, plan.space.fields.values(), strict=True)
    counts: Mapping[str, Counted] = {
        column.spec.name: column.source for column in search.columns if isinstance(column.source, Counted)
    }
    return Searched(
        fields=plan.space.names,
        log=tuple(name for name, domain in domains if isinstance(domain, Range) and domain.log),
        trials=tuple(
            SearchedTrial(
                number=trial.number,
                fingerprint=trial.experiment.fingerprint(),
                values=tuple(v if isinstance(v, int | float) else word(v) for v in trial.point),
                epochs=tuple(plan.epochs(trial.experiment, rung) for rung in range(trial.rung + 1)),
                finished=trial.rung == plan.rungs - 1,
                counted={n: v for n, c in counts.items() if (v := c.count(trial.experiment)) is not None},
            )
            for trial in decisions.trials
            if trial.rung >= 0
        ),
    )
