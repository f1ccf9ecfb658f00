"""From runs of an MLflow client back to records."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datasets.io.gc_pause import gc_paused
from orchestrator.schema.record import Record
from orchestrator.tracking.client import PROJECT, Holds
from orchestrator.tracking.patience import PermanentError, is_away
from orchestrator.tracking.run_record import metric_key, metric_name, record_of
from orchestrator.tracking.shared_view import TAG, address
from orchestrator.tracking.threads import in_threads
from orchestrator.util.mathematics import SCHEMA

TABLES: Holds = "tables"  # what the experiment of the declarations holds, and its name
GENERATION = "generation"  # the tag that counts the runs of a fingerprint
SUPERSEDED = "superseded_by"  # the tag of a run that a fresh one has replaced: that one's id
DETAIL = "detail.json"  # what a probe measured beside its metrics; also the tag of runs that have it
PAGE = 1000  # runs a call
HISTORY_CALLS = 8  # at once


def runs(client: Any, experiments: Sequence[str], condition: str = "", page: int = PAGE) -> Iterator[Any]:
    """Every run that is not deleted, the newest first. `page` is how many come with a call."""
    token: str | None = None
    while experiments:
        found = client.search_runs(
            list(experiments),
            filter_string=condition,
            max_results=page,
            order_by=["attributes.start_time DESC"],
            page_token=token,
        )
        yield from found
        token = found.token
        if not token:
            return


def experiments(client: Any) -> list[Any]:
    """The experiments of this project."""
    found: list[Any] = []
    token: str | None = None
    while True:
        page = client.search_experiments(filter_string=f"tags.project = '{PROJECT}'", page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def holds(experiment: Any) -> Holds:
    """What an experiment holds; older ones say it by their name."""
    found = experiment.tags.get("holds", experiment.name)
    return TABLES if found == TABLES else "sweeps" if found == "sweeps" else "trials"


def trial_experiments(client: Any) -> list[str]:
    """The ids of the experiments that hold trials."""
    return [found.experiment_id for found in experiments(client) if holds(found) == "trials"]


def pages(client: Any) -> dict[str, str]:
    """Name -> the address of its list of runs, after the server's own, of each experiment that holds trials;
    that with the newest run is the first."""
    newest = [
        (run.info.start_time, found)
        for found in experiments(client)
        if holds(found) == "trials"
        for run in islice(runs(client, [found.experiment_id], page=1), 1)
    ]
    ordered = sorted(newest, key=lambda pair: -pair[0])
    return {found.name: address(found.experiment_id, shared=TAG in found.tags) for _, found in ordered}


def trials(client: Any, condition: str = "") -> Iterator[Any]:
    """Every run of a trial that counts: of this project, and not superseded by a fresh one."""
    for run in runs(client, trial_experiments(client), condition):
        if run.data.tags.get("fingerprint") and SUPERSEDED not in run.data.tags:
            yield run


def counted(tags: Mapping[str, str], name: str) -> int:
    """The number in a tag that counts up from 1; 0 for none, as also where somebody wrote something else."""
    text = tags.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def order(run: Any) -> tuple[bool, int, int, str]:
    """By which the last of several runs of a fingerprint counts: one that has finished, then the later one.

    Later by a number that only grows; clocks go back. Runs of older stores have none.
    """
    return (
        run.info.status == "FINISHED",
        counted(run.data.tags, GENERATION),
        run.info.start_time,
        run.info.run_id,
    )


def of_fingerprint(client: Any, fingerprint: str) -> list[Any]:
    """The runs of a fingerprint that count, the one that counts most at the end."""
    return sorted(trials(client, f"tags.fingerprint = '{fingerprint}'"), key=order)


def records(
    client: Any, fingerprints: Iterable[str] | None, history: Collection[str] | None
) -> tuple[dict[str, Record], tuple[str, ...]]:
    """The run that counts of each fingerprint, as a record; and a sentence about each that can't be read.

    One pass over all runs, then their histories.
    """
    wanted = None if fingerprints is None else set(fingerprints)
    last: dict[str, Any] = {}
    with gc_paused():
        for run in trials(client):
            fingerprint = run.data.tags["fingerprint"]
            if wanted is None or fingerprint in wanted:
                last[fingerprint] = max(last.get(fingerprint, run), run, key=order)
        histories = _histories(client, list(last.values()), history)
    read = {fp: record(run, histories.get(run.info.run_id, {})) for fp, run in last.items()}
    found = {fp: one for fp, one in read.items() if isinstance(one, Record)}
    return found, tuple(one for one in read.values() if isinstance(one, str))


def record(run: Any, history: dict[str, tuple[tuple[int, float], ...]]) -> Record | str:
    """A run as a record; a sentence where it can't be read."""
    try:
        return record_of(run, history)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        return _unreadable(run, error)


def older(client: Any) -> int:
    """How many jobs have runs by code of other mathematics only, which nothing of this code uses."""
    others = {
        run.data.tags["fingerprint"]
        for condition in (f"tags.schema != '{SCHEMA}'", "tags.schema IS NULL")  # the oldest have no such tag
        for run in trials(client, condition)
    }
    return len(others)


def details(client: Any, fingerprints: Iterable[str]) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """What the probes among these jobs measured beside their metrics, in the finished run that counts; and a
    sentence about each that can't be read."""
    wanted = set(fingerprints)
    last: dict[str, Any] = {}
    for run in trials(client, "attributes.status = 'FINISHED'") if wanted else ():
        fingerprint = run.data.tags["fingerprint"]
        if fingerprint in wanted and DETAIL in run.data.tags:
            last[fingerprint] = max(last.get(fingerprint, run), run, key=order)
    found: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for fingerprint, run in last.items():
        try:
            found[fingerprint] = json.loads(text(client, run.info.run_id, DETAIL))
        except (ValueError, RecursionError, PermanentError) as error:
            problems.append(_unreadable(run, error))
    return found, tuple(problems)


def _unreadable(run: Any, error: Exception) -> str:
    return (
        f"the run {run.info.run_name!r} ({run.info.run_id}) can't be read ({error}) and is left out: "
        "mend it or delete it in MLflow"
    )


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
    points = in_threads(lambda each: client.get_metric_history(*each), wanted, HISTORY_CALLS)
    histories: dict[str, dict[str, tuple[tuple[int, float], ...]]] = {}
    for (run_id, name), logged in zip(wanted, points, strict=True):
        # What was logged twice counts once, the later value.
        by_epoch = {point.step: point.value for point in sorted(logged, key=lambda point: point.timestamp)}
        histories.setdefault(run_id, {})[metric_key(name)] = tuple(sorted(by_epoch.items()))
    return histories


def text(client: Any, run_id: str, name: str) -> str:
    """An artifact of a run.

    Raises:
        PermanentError: it is not where the store says.
    """
    try:
        with TemporaryDirectory() as folder:
            return Path(client.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")
    except Exception as error:
        if is_away(error):
            raise
        where = client.get_run(run_id).info.artifact_uri
        raise PermanentError(
            f"{name} of the run {run_id} is not in {where} ({type(error).__name__}). If the results "
            "folder was moved, move its whole store with it; or delete the run in MLflow, and run its "
            "sweep again"
        ) from error
