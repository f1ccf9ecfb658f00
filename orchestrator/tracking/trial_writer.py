"""The runs of trials: one a job, resumed until it has ended.

Every operation may be repeated after it failed half-way.
"""

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from orchestrator.tracking import reader
from orchestrator.tracking.client import TAG_LIMIT, Store, clipped, now
from orchestrator.tracking.write_queue import PermanentError
from orchestrator.util.mathematics import SCHEMA
from orchestrator.util.redact import redacted

ABOUT = (
    "Trials of {name}, one run a job and seed. A tag such as `table.1` names the row of the paper's table "
    "that a run serves; `fingerprint` is equal for equal experiments. The tables themselves are in the "
    "experiment `tables`, each in the description of its run."
)

DIVERGED = "diverged.json"
"""The artifact that says at which step a run's loss became non-finite, on which samples, with the values."""

SILENCE = 15 * 60_000
"""Milliseconds without a sign of life after which a run that another machine writes counts as abandoned.
Longer than a store may be away, and than clocks differ."""


@dataclass(frozen=True)
class TrialInfo:
    """What is known of a trial before it starts.

    Args:
        fingerprint: of its job.
        name: to be read, such as "RLE 3x64, seed 0".
        group: the MLflow experiment in which it compares with others, such as "coco-demo".
        seed: of the job.
        tags: further tags, such as `table.1=3x64`.
        json: the whole job, kept as experiment.json and, flattened, as MLflow's parameters.
        data: fingerprint of its data; empty for a measurement without data.
        commit: of the code.
        schema: the number of the code's mathematics.
        machine: the sweep's own, in words, until the end tells where it ran.
        world_size: how many workers share it.
        checkpoint: where its checkpoint lies; empty for none.
    """

    fingerprint: str
    name: str
    group: str
    seed: int
    tags: Mapping[str, str]
    json: str
    data: str = ""
    commit: str = ""
    schema: int = SCHEMA
    machine: str = ""
    world_size: int = 1
    checkpoint: str = ""


@dataclass
class _Run:
    """A trial's run and what has been logged to it."""

    run_id: str
    running: bool = False  # written by this process, and not ended
    epoch: int = 0  # the last
    metrics: dict[str, float] = field(default_factory=dict)  # the last value of each


class TrialWriter:
    """Writes the runs of trials, one operation at a time."""

    def __init__(self, store: Store) -> None:
        self._store, self._client = store, store.client
        self._runs: dict[str, _Run] = {}

    def start(self, trial: TrialInfo) -> None:
        """Resume the trial's unfinished run, or make one."""
        tags = _tags(trial)
        run = reader.newest(self._client, trial.fingerprint)
        if run is None or run.info.status == "FINISHED":
            experiment = self._store.experiment(trial.group, ABOUT.format(name=trial.group))
            run = self._client.create_run(experiment, tags=clipped(tags), run_name=trial.name)
        else:
            self._client.update_run(run.info.run_id, status="RUNNING", name=trial.name)
        # A parameter can't be logged twice with different values; those that may differ decide no result.
        fields = flatten(json.loads(trial.json))
        params = {name: text for name, text in fields.items() if name not in run.data.params}
        self._store.log(run.info.run_id, params=params, tags=tags)
        self._runs[trial.fingerprint] = _known(run, running=True)
        self._client.log_text(run.info.run_id, trial.json, "experiment.json")

    def epoch(self, fingerprint: str, epoch: int, metrics: Mapping[str, float], when: int) -> None:
        """Log an epoch's metrics, unless it or a later one has been."""
        run = self._run(fingerprint)
        if epoch <= run.epoch:
            return
        self._store.log(run.run_id, metrics, step=epoch, when=when, tags={"epoch": str(epoch)})
        run.epoch = epoch
        run.metrics |= metrics

    def finish(
        self,
        fingerprint: str,
        status: str,
        metrics: Mapping[str, float],
        duration: float,
        *,
        note: str,
        warnings: Sequence[str],
        detail: str,
        when: int,
    ) -> None:
        """End the run: MLflow's FAILED for "failed", else FINISHED with the status as a tag."""
        run = self._run(fingerprint)
        tags = {"status": status, "duration": f"{duration:.3f}", "note": note, "warnings": _fitting(warnings)}
        if status == "diverged":
            self._client.log_text(run.run_id, note, DIVERGED)
        if detail:
            self._client.log_text(run.run_id, detail, reader.DETAIL)
            tags[reader.DETAIL] = f"{len(detail)} characters"
        changed = {name: value for name, value in metrics.items() if run.metrics.get(name) != value}
        self._store.log(run.run_id, changed, step=run.epoch, when=when, tags=tags)
        run.metrics |= metrics
        self._client.set_terminated(run.run_id, "FAILED" if status == "failed" else "FINISHED", when)
        run.running = False

    def tag(self, fingerprint: str, tags: Mapping[str, str]) -> None:
        """Add tags to the newest run of a fingerprint."""
        self._store.log(self._run(fingerprint).run_id, tags=tags)

    def end_abandoned(self) -> tuple[str, ...]:
        """End the runs whose writer, a process of this machine, is no more, and those of other machines that
        have given no sign of life for long."""
        experiments = reader.trial_experiments(self._client)
        unfinished = list(reader.runs(self._client, experiments, "attributes.status = 'RUNNING'"))
        dead = [run for run in unfinished if _is_dead(run)]
        for run in dead:
            self._end_interrupted(run.info.run_id, "interrupted: its process ended")
        return tuple(run.data.tags["fingerprint"] for run in dead)

    def interrupt(self) -> None:
        """End the runs that this process began and has not ended."""
        for run in self._running():
            self._end_interrupted(run.run_id, "interrupted: the sweep was stopped")
            run.running = False

    def beat(self) -> None:
        """A sign of life in every run that this process is writing. May be called from another thread."""
        for run in self._running():
            self._client.set_tag(run.run_id, "alive", str(now()))

    def _running(self) -> list[_Run]:
        return [run for run in list(self._runs.values()) if run.running]

    def _end_interrupted(self, run_id: str, note: str) -> None:
        self._store.log(run_id, tags={"status": "failed", "note": note})
        self._client.set_terminated(run_id, "KILLED")

    def _run(self, fingerprint: str) -> _Run:
        if fingerprint not in self._runs:
            found = reader.newest(self._client, fingerprint)
            if found is None:
                raise PermanentError("the store has no run of it")
            self._runs[fingerprint] = _known(found, running=False)
        return self._runs[fingerprint]


def flatten(fields: Mapping[str, Any]) -> dict[str, str]:
    """Every field as `dotted.name: text`, as MLflow shows and compares parameters."""
    return dict(_leaves("", fields))


def _leaves(prefix: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return [(prefix, value if isinstance(value, str) else json.dumps(value))]
    stem = f"{prefix}." if prefix else ""
    return [leaf for key, inner in value.items() for leaf in _leaves(stem + key, inner)]


def _tags(trial: TrialInfo) -> dict[str, str]:
    process = psutil.Process()
    return {
        **trial.tags,
        "fingerprint": trial.fingerprint,
        "seed": str(trial.seed),
        "data": trial.data,
        "commit": trial.commit,
        "schema": str(trial.schema),
        "machine": trial.machine,
        "world_size": str(trial.world_size),
        "checkpoint": redacted(trial.checkpoint),
        "writer": f"{socket.gethostname()} {process.pid} {process.create_time():.2f}",
        "alive": str(now()),
        "status": "running",
        "note": "",
        "warnings": "[]",
    }


def _is_dead(run: Any) -> bool:
    """Whether a run's writer was a process of this machine that has ended, or is one elsewhere and silent."""
    match run.data.tags.get("writer", "").split():
        case [host, pid, began] if host == socket.gethostname():
            return not _is_alive(int(pid), float(began))
        case _:
            return now() - int(run.data.tags.get("alive", run.info.start_time)) > SILENCE


def _is_alive(pid: int, began: float) -> bool:
    try:
        found = psutil.Process(pid)
        return found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - began) <= 1
    except psutil.NoSuchProcess:
        return False


def _known(run: Any, *, running: bool) -> _Run:
    return _Run(run.info.run_id, running, int(run.data.tags.get("epoch", 0)), dict(run.data.metrics))


def _fitting(warnings: Sequence[str]) -> str:
    """As many warnings, from the first, as a tag can hold, as JSON."""
    kept = list(warnings)
    while len(json.dumps(kept)) > TAG_LIMIT:
        kept.pop()
    return json.dumps(kept)
