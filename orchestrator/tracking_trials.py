"""The runs of trials: one a job, taken up again until it has ended.

Every operation may be repeated after it failed half-way.
"""

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from orchestrator import tracking_read
from orchestrator.outbox import PermanentError
from orchestrator.tracking_store import TAG_LIMIT, Store, clipped

ABOUT = (
    "Trials of {name}, one run a job and seed. A tag such as `table.1` names the row of the paper's table "
    "that a run serves; `fingerprint` is equal for equal experiments."
)


@dataclass(frozen=True)
class TrialInfo:
    """What is known of a trial before it starts.

    Args:
        fingerprint: of its job.
        name: to be read, such as "RLE 3x64, seed 0".
        group: the MLflow experiment in which it compares with others, such as "coco-demo".
        seed: of the job.
        params: every field, flattened.
        tags: further tags, such as `table.1=3x64`.
        json: the whole job, kept as experiment.json.
        data: fingerprint of its data; empty for a measurement without data.
        commit: of the code.
        machine: where it runs, in words.
        world_size: how many workers share it.
        checkpoint: where its checkpoint lies; empty for none.
    """

    fingerprint: str
    name: str
    group: str
    seed: int
    params: Mapping[str, str]
    tags: Mapping[str, str]
    json: str
    data: str = ""
    commit: str = ""
    machine: str = ""
    world_size: int = 1
    checkpoint: str = ""


@dataclass
class _Run:
    """A trial's run and what has been logged to it."""

    run_id: str
    epoch: int = 0  # the last
    metrics: dict[str, float] = field(default_factory=dict)  # the last value of each


class TrialWriter:
    """Writes the runs of trials, one operation at a time."""

    def __init__(self, store: Store) -> None:
        self._store, self._client = store, store.client
        self._runs: dict[str, _Run] = {}

    def start(self, trial: TrialInfo) -> None:
        """Take the trial's unfinished run up again, or make one."""
        tags = _tags(trial)
        found = tracking_read.newest(self._client, trial.fingerprint)
        if found is None or found.info.status == "FINISHED":
            experiment = self._store.experiment(trial.group, ABOUT.format(name=trial.group))
            found = self._client.create_run(experiment, tags=clipped(tags), run_name=trial.name)
        else:
            self._client.update_run(found.info.run_id, status="RUNNING", name=trial.name)
        # A parameter can't be logged twice with different values; those that may differ decide no result.
        params = {name: text for name, text in trial.params.items() if name not in found.data.params}
        self._store.log(found.info.run_id, params=params, tags=tags)
        self._client.log_text(found.info.run_id, trial.json, "experiment.json")
        self._runs[trial.fingerprint] = _known(found)

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
        note: str,
        alarms: Sequence[str],
        when: int,
    ) -> None:
        """End the run: MLflow's FAILED for "failed", else FINISHED with the status as a tag."""
        run = self._run(fingerprint)
        tags = {"status": status, "duration": f"{duration:.3f}", "note": note, "alarms": _fitting(alarms)}
        changed = {name: value for name, value in metrics.items() if run.metrics.get(name) != value}
        self._store.log(run.run_id, changed, step=run.epoch, when=when, tags=tags)
        run.metrics |= metrics
        self._client.set_terminated(run.run_id, "FAILED" if status == "failed" else "FINISHED", when)

    def tag(self, fingerprint: str, tags: Mapping[str, str]) -> None:
        """Add tags to the newest run of a fingerprint."""
        self._store.log(self._run(fingerprint).run_id, tags=tags)

    def reap(self) -> tuple[str, ...]:
        """End the runs whose writer, a process of this machine, is no more."""
        experiments = tracking_read.trial_experiments(self._client)
        left = list(tracking_read.runs(self._client, experiments, "attributes.status = 'RUNNING'"))
        dead = [run for run in left if _is_dead(run.data.tags.get("writer", ""))]
        for run in dead:
            self._store.log(
                run.info.run_id, tags={"status": "failed", "note": "interrupted: its process ended"}
            )
            self._client.set_terminated(run.info.run_id, "KILLED")
        return tuple(run.data.tags["fingerprint"] for run in dead)

    def _run(self, fingerprint: str) -> _Run:
        if fingerprint not in self._runs:
            found = tracking_read.newest(self._client, fingerprint)
            if found is None:
                raise PermanentError("the store has no run of it")
            self._runs[fingerprint] = _known(found)
        return self._runs[fingerprint]


def _tags(trial: TrialInfo) -> dict[str, str]:
    process = psutil.Process()
    return {
        **trial.tags,
        "fingerprint": trial.fingerprint,
        "seed": str(trial.seed),
        "data": trial.data,
        "commit": trial.commit,
        "machine": trial.machine,
        "world_size": str(trial.world_size),
        "checkpoint": trial.checkpoint,
        "writer": f"{socket.gethostname()} {process.pid} {process.create_time():.2f}",
        "status": "running",
        "note": "",
        "alarms": "[]",
    }


def _is_dead(writer: str) -> bool:
    """Whether a writer was a process of this machine that has ended. Of other machines nothing is known."""
    match writer.split():
        case [host, pid, began] if host == socket.gethostname():
            pass
        case _:
            return False
    try:
        found = psutil.Process(int(pid))
        return found.status() == psutil.STATUS_ZOMBIE or abs(found.create_time() - float(began)) > 1
    except psutil.NoSuchProcess:
        return True


def _known(run: Any) -> _Run:
    return _Run(run.info.run_id, int(run.data.tags.get("epoch", 0)), dict(run.data.metrics))


def _fitting(alarms: Sequence[str]) -> str:
    """As many alarms, from the first, as a tag can hold, as JSON."""
    kept = list(alarms)
    while len(json.dumps(kept)) > TAG_LIMIT:
        kept.pop()
    return json.dumps(kept)
