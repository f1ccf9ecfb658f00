"""What runs, read from a sqlite store without MLflow, whose import alone takes seconds."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from orchestrator.tracking import reader
from orchestrator.tracking.client import PROJECT
from orchestrator.tracking.sqlite_file import reading

_RUNS = """
    select r.run_uuid, r.name, r.start_time, e.name, h.value
    from runs r join experiments e on e.experiment_id = r.experiment_id
    join experiment_tags p on p.experiment_id = e.experiment_id and p.key = 'project' and p.value = ?
    left join experiment_tags h on h.experiment_id = e.experiment_id and h.key = 'holds'
    where r.status = 'RUNNING' and r.lifecycle_stage = 'active' and e.lifecycle_stage = 'active'
    order by r.start_time desc
"""


def running(file: Path) -> tuple[list[Any], list[Any]]:
    """The unfinished runs of processes that run sweeps, and those of trials; the newest first. They are as
    MLflow's client gives them, as far as `status` looks at them.

    Args:
        file: a store of this project (`sqlite_file.look`).

    Raises:
        sqlite3.Error: it is locked, or of another form than that of this version of MLflow.
    """
    found: dict[str, list[Any]] = {"sweeps": [], "trials": [], "tables": []}
    with reading(file) as database:
        for identity, name, began, experiment, holds in database.execute(_RUNS, (PROJECT,)).fetchall():
            tags = {} if holds is None else {"holds": holds}
            kind = reader.holds(SimpleNamespace(name=experiment, tags=tags))
            found[kind].append(
                SimpleNamespace(
                    info=SimpleNamespace(run_id=identity, run_name=name, start_time=began, status="RUNNING"),
                    data=_data(database, identity),
                )
            )
    return found["sweeps"], found["trials"]


def _data(database: sqlite3.Connection, run: str) -> SimpleNamespace:
    def of(query: str) -> dict[str, Any]:
        with closing(database.execute(f"{query} where run_uuid = ?", (run,))) as rows:
            return {key: value for key, value, *_ in rows}

    metrics = of("select key, case when is_nan then null else value end from latest_metrics")
    return SimpleNamespace(
        tags=of("select key, value from tags"),
        params=of("select key, value from params"),
        metrics={key: math.nan if value is None else value for key, value in metrics.items()},
    )
