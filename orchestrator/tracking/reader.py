"""From runs of an MLflow client back to records and declarations."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from datasets.io.gc_pause import gc_paused
from orchestrator.schema.declaration import Declaration
from orchestrator.schema.record import Record, Status
from orchestrator.tracking.client import PROJECT
from orchestrator.tracking.write_queue import PermanentError
from orchestrator.util.mathematics import SCHEMA

TABLES = "tables"  # the experiment of the declarations
DETAIL = "detail.json"  # what a probe measured beside its metrics; also the tag of runs that have it
PAGE = 1000  # runs a call
HISTORY_CALLS = 8  # at once


def metric_name(key: str) -> str:
    """A metric's name as MLflow allows it, which has no @: `PCKh at 0.5`.

    Raises:
        ValueError: there is another sign in it that MLflow has no room for.
    """
    name = key.replace("@", " at ")
    if not re.fullmatch(r"[/\w.\- :]+", name):
        raise ValueError(f"{key!r} can't be a metric's name: use letters, digits and / _ . - : @")
    return name


def metric_key(name: str) -> str:
    """The inverse of `metric_name`."""
    return name.replace(" at ", "@")


def runs(client: Any, experiments: Sequence[str], condition: str = "") -> Iterator[Any]:
    """Every run that is not deleted, the newest first."""
    token: str | None = None
    while experiments:
        page = client.search_runs(
            list(experiments),
            filter_string=condition,
            max_results=PAGE,
            order_by=["attributes.start_time DESC"],
            page_token=token,
        )
        yield from page
        token = page.token
        if not token:
            return


def experiments(client: Any) -> dict[str, str]:
    """Name -> id of the experiments of this project."""
    found: dict[str, str] = {}
    token: str | None = None
    while True:
        page = client.search_experiments(filter_string=f"tags.project = '{PROJECT}'", page_token=token)
        found |= {experiment.name: experiment.experiment_id for experiment in page}
        token = page.token
        if not token:
            return found


def trial_experiments(client: Any) -> list[str]:
    """The ids of the experiments that hold trials."""
    return [found for name, found in experiments(client).items() if name != TABLES]


def newest(client: Any, fingerprint: str) -> Any | None:
    """The newest run of a fingerprint."""
    condition = f"tags.fingerprint = '{fingerprint}'"
    return next(runs(client, trial_experiments(client), condition), None)


def records(
    client: Any, fingerprints: Iterable[str] | None, history: Collection[str] | None
) -> dict[str, Record]:
    """The newest run of each fingerprint, as a record. One pass over all runs, then their histories."""
    wanted = None if fingerprints is None else set(fingerprints)
    newest: dict[str, Any] = {}
    with gc_paused():
        for run in runs(client, trial_experiments(client)):
            fingerprint = run.data.tags.get("fingerprint")
            if fingerprint and (wanted is None or fingerprint in wanted):
                newest.setdefault(fingerprint, run)
        histories = _histories(client, list(newest.values()), history)
    return {fp: _record(run, histories.get(run.info.run_id, {})) for fp, run in newest.items()}


def older(client: Any) -> int:
    """How many jobs have runs by code of other mathematics only, which nothing of this code uses."""
    schemas: dict[str, set[int]] = {}
    for run in runs(client, trial_experiments(client)):
        if fingerprint := run.data.tags.get("fingerprint"):
            schemas.setdefault(fingerprint, set()).add(int(run.data.tags.get("schema", 1)))
    return sum(SCHEMA not in found for found in schemas.values())


def details(client: Any, fingerprints: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the probes among these jobs measured beside their metrics, in the newest run that finished."""
    wanted = set(fingerprints)
    newest: dict[str, str] = {}
    for run in runs(client, trial_experiments(client), "attributes.status = 'FINISHED'") if wanted else ():
        fingerprint = run.data.tags.get("fingerprint")
        if fingerprint in wanted and DETAIL in run.data.tags:
            newest.setdefault(fingerprint, run.info.run_id)
    return {fp: json.loads(_text(client, run_id, DETAIL)) for fp, run_id in newest.items()}


def _histories(
    client: Any, found: Sequence[Any], keys: Collection[str] | None
) -> dict[str, dict[str, tuple[tuple[int, float], ...]]]:
    """run id -> key -> points by epoch. MLflow gives one metric of one run a call."""
    names = None if keys is None else {metric_name(key) for key in keys}
    wanted = [
        (run.info.run_id, name)
        for run in found
        for name in run.data.metrics
        if names is None or name in names
    ]
    with ThreadPoolExecutor(HISTORY_CALLS) as pool:
        points = list(pool.map(lambda each: client.get_metric_history(*each), wanted))
    histories: dict[str, dict[str, tuple[tuple[int, float], ...]]] = {}
    for (run_id, name), logged in zip(wanted, points, strict=True):
        # What was logged twice counts once, the later value.
        by_epoch = {point.step: point.value for point in sorted(logged, key=lambda point: point.timestamp)}
        histories.setdefault(run_id, {})[metric_key(name)] = tuple(sorted(by_epoch.items()))
    return histories


def _record(run: Any, history: dict[str, tuple[tuple[int, float], ...]]) -> Record:
    tags = run.data.tags
    return Record(
        fingerprint=tags["fingerprint"],
        name=run.info.run_name,
        status=_status(run),
        seed=int(tags.get("seed", 0)),
        metrics={metric_key(name): value for name, value in run.data.metrics.items()},
        history=history,
        commit=tags.get("commit", ""),
        data=tags.get("data", ""),
        machine=tags.get("machine", ""),
        precision=tags.get("precision", _former_precision(run.data.metrics)),
        processor=tags.get("processor", ""),
        torch=tags.get("torch", ""),
        schema=int(tags.get("schema", 1)),
        world_size=int(tags.get("world_size", 1)),
        duration=float(tags.get("duration", 0.0)),
        note=tags.get("note", ""),
        warnings=tuple(json.loads(tags.get("warnings", tags.get("alarms", "[]")))),
        run_id=run.info.run_id,
        day=datetime.fromtimestamp(run.info.start_time / 1000, UTC).date().isoformat(),
    )


def _former_precision(metrics: Mapping[str, float]) -> str:
    """As older runs say it."""
    if "bf16" not in metrics:
        return ""
    return "bf16" if metrics["bf16"] else "float32"


def _status(run: Any) -> Status:
    match run.info.status:
        case "FINISHED":
            return "diverged" if run.data.tags.get("status") == "diverged" else "finished"
        case "FAILED" | "KILLED":
            return "failed"
        case _:
            return "running"


def table_runs(client: Any) -> list[Any]:
    """The runs that hold the declarations that count, the newest first."""
    found = experiments(client)
    if TABLES not in found:
        return []
    current = [run for run in runs(client, [found[TABLES]]) if run.data.tags.get("superseded") == "false"]
    return sorted(current, key=lambda run: int(run.data.tags["declared"]), reverse=True)


def table_key(tags: dict[str, str]) -> tuple[str, str, str]:
    """What a newer table takes the place of: the same table of the same report and scale."""
    return tags["report"], tags["scale"], tags["table"]


def reports(client: Any) -> list[str]:
    """The names of the reports that have tables; the one that was declared last is at the end."""
    return list(dict.fromkeys(run.data.tags["report"] for run in table_runs(client)))[::-1]


def declarations(client: Any, report: str, known: Mapping[str, Declaration]) -> tuple[Declaration, ...]:
    """The newest declaration of each table of a report: tables in their own order, then figures.

    Args:
        known: those that need not be downloaded, by run id.

    Raises:
        PermanentError: one can't be read.
    """
    newest: dict[tuple[str, str, str], Any] = {}
    for run in table_runs(client):
        if run.data.tags["report"] == report:
            newest.setdefault(table_key(run.data.tags), run)

    def order(key: tuple[str, str, str]) -> tuple[str, tuple[int, int], list[tuple[int, str]]]:
        _, scale, table = key
        return scale, _rank(table), natural(table)

    ordered = [newest[key] for key in sorted(newest, key=order)]
    return tuple(known.get(run.info.run_id) or _declaration(client, run) for run in ordered)


def _rank(table: str) -> tuple[int, int]:
    """Tables by their number, a comparison of two after both of them, and whatever has a name after these."""
    numbers = re.findall(r"\d+", table)
    return (int(numbers[-1]), len(numbers)) if table[0].isdigit() else (10**6, 0)


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key by which table 2 comes before table 10."""
    return [(int(part or 0), word) for part, word in re.findall(r"(\d*)(\D*)", text)]


def _text(client: Any, run_id: str, name: str) -> str:
    """An artifact of a run."""
    with TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")


def _declaration(client: Any, run: Any) -> Declaration:
    try:
        return Declaration.model_validate_json(_text(client, run.info.run_id, "declaration.json"))
    except ValidationError as error:
        raise PermanentError(
            f"the declaration of table {run.data.tags['table']} ({run.data.tags['report']}) was written by "
            f"another version: run its sweep again, or delete the run {run.info.run_id} in MLflow "
            f"({error.error_count()} fields differ)"
        ) from error
