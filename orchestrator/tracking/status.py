"""What runs where: every sweep on a store, its trials and what waits, as its processes last told."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.tracking import reader, sqlite_file, sqlite_running
from orchestrator.tracking.client import now
from orchestrator.tracking.leases import WAITING, unfinished
from orchestrator.tracking.owner import SWEEP, is_dead, is_written
from orchestrator.tracking.run_record import metric_key, metric_name
from orchestrator.tracking.uri import parse


@dataclass(frozen=True)
class TrialStatus:
    """A job that runs.

    Args:
        name: such as `RLE 3x64 on coco, seed 0`.
        fingerprint: of it.
        host: the machine that runs it; that of its sweep until it has told.
        seconds: since it began, or went on.
        epoch, epochs: done, and to do; 0 for a measurement.
        metrics: the last value of the metric by which its data set is known, and of the loss.
    """

    name: str
    fingerprint: str
    host: str
    seconds: float
    epoch: int
    epochs: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class SweepStatus:
    """A process that runs sweeps.

    Args:
        command: that started it; empty for what older versions started.
        host, pid: where it runs.
        seconds: since it began.
        silent: seconds since its last sign of life, which comes every minute.
        running: its jobs.
        waiting: how many of its jobs have not begun.
        next: the names of the first of these.
    """

    command: str
    host: str
    pid: int
    seconds: float
    silent: float
    running: tuple[TrialStatus, ...]
    waiting: int
    next: tuple[str, ...]


def at(uri: str) -> tuple[SweepStatus, ...] | None:
    """All that live on a sqlite store, the oldest first; None where it takes MLflow to read it.

    Raises:
        TrackingError: there is no store of this project.
    """
    store = parse(uri, None, create=False)
    if store.file is None:
        return None
    try:
        sqlite_file.look(store.file, create=False)
        return _arranged(*sqlite_running.running(store.file))
    except sqlite3.Error:
        return None


def sweeps(client: Any) -> tuple[SweepStatus, ...]:
    """All that live, the oldest first."""
    found = reader.runs(client, reader.trial_experiments(client), "attributes.status = 'RUNNING'")
    return _arranged(unfinished(client), found)


def _arranged(sessions: Iterable[Any], running: Iterable[Any]) -> tuple[SweepStatus, ...]:
    """From the unfinished runs of processes, and of trials; the newest first."""
    processes = {_writer(run): run for run in sessions if not is_dead(run)}
    trials: dict[str, list[Any]] = {writer: [] for writer in processes}
    for run in running:
        if is_written(run):
            trials.setdefault(_writer(run), []).append(run)
    every = [_sweep(processes.get(writer), runs) for writer, runs in trials.items() if writer]
    return tuple(sorted(every, key=lambda sweep: -sweep.seconds))


def _sweep(process: Any | None, trials: list[Any]) -> SweepStatus:
    first = process or trials[-1]
    host, pid, *_ = _writer(first).split()
    tags = first.data.tags
    waiting, names = _waiting(tags)
    ordered = sorted(trials, key=lambda run: run.info.start_time)
    return SweepStatus(
        command=tags.get(SWEEP, ""),
        host=host,
        pid=int(pid),
        seconds=_since(first.info.start_time),
        silent=_since(tags.get("alive", "")),
        running=tuple(_trial(run, host) for run in ordered),
        waiting=waiting,
        next=names,
    )


def _trial(run: Any, host: str) -> TrialStatus:
    tags, metrics = run.data.tags, run.data.metrics
    headline = tags.get("headline", "")
    shown = [metric_name(headline)] if headline else []
    epochs = run.data.params.get("epochs", "0")
    return TrialStatus(
        name=run.info.run_name or tags["fingerprint"],
        fingerprint=tags["fingerprint"],
        host=tags.get("node", host),
        seconds=_since(tags.get("began", run.info.start_time)),
        epoch=_whole(tags.get("epoch", "0")),
        epochs=_whole(epochs),
        metrics={metric_key(name): metrics[name] for name in (*shown, "loss") if name in metrics},
    )


def _writer(run: Any) -> str:
    return str(run.data.tags.get("writer", ""))


def _waiting(tags: Mapping[str, str]) -> tuple[int, tuple[str, ...]]:
    try:
        count, names = json.loads(tags.get(WAITING, "[0, []]"))
        return int(count), tuple(map(str, names))
    except (ValueError, TypeError):
        return 0, ()


def _since(milliseconds: int | str) -> float:
    """Seconds; clocks of machines differ, so that it may not be below 0."""
    return max(0.0, (now() - _whole(str(milliseconds))) / 1000)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0
