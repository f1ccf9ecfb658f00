"""The runs of trials: one a job, resumed until it has ended.

Every operation may be repeated after it failed half-way.
"""

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.tracking import reader
from orchestrator.tracking.client import TAG_LIMIT, Store, clipped, now
from orchestrator.tracking.leases import Leases, dead
from orchestrator.tracking.owner import is_dead, is_written, process
from orchestrator.tracking.patience import PermanentError
from orchestrator.tracking.run_record import STOP, metric_name
from orchestrator.tracking.shared_view import view
from orchestrator.tracking.trial_info import TrialInfo, data_inputs
from orchestrator.tracking.trial_info import tags as start_tags
from orchestrator.tracking.write_queue import Write

ABOUT = (
    "Trials of {name}, one run a job and seed. A tag such as `table.1` names the row of the paper's table "
    "that a run serves; `fingerprint` is equal for equal experiments. The tables themselves are in the "
    "experiment `tables`, each in the description of its run."
)

DIVERGED = "diverged.json"
"""The artifact that says at which step a run's loss became non-finite, on which samples, with the values."""

ENDS = {"failed": "FAILED", "stopped": "KILLED"}
"""MLflow's word for how a run ended; for all else FINISHED."""


@dataclass
class _Run:
    """A trial's run and what has been logged to it."""

    run_id: str
    headline: str = ""  # as MLflow names it; empty for a measurement
    running: bool = False  # written by this process, and not ended
    epoch: int = 0  # the last
    metrics: dict[str, float] = field(default_factory=dict)  # the last value of each
    lost: str = ""  # what of it could not be written


class TrialWriter:
    """Writes the runs of trials, one operation at a time. It writes to and ends only runs that it owns: those
    whose tag `writer` names it, which is looked at before each operation."""

    def __init__(self, store: Store) -> None:
        self._store, self._client = store, store.client
        self._runs: dict[str, _Run] = {}
        self._settled: set[str] = set()  # of an earlier command, and ended by another since
        self.token = uuid.uuid4().hex[:8]  # the last word of the tag `writer`
        self.leases = Leases(store, self.token)
        self._ended: set[str] = set()  # those of earlier commands that kept what they could not send

    def perform(self, write: Write) -> None:
        """Execute a write that was queued or kept."""
        fields, fingerprint = write.fields, write.fingerprint
        match write.kind:
            case "start":
                self.start(TrialInfo(**fields["trial"]))
            case "resume":
                self.resume(TrialInfo(**fields["trial"]), fields["writer"])
            case _ if fingerprint in self._settled:
                return
            case "epoch":
                self.epoch(fingerprint, **fields)
            case "finish":
                self.finish(fingerprint, **fields)
            case "tag":
                self.tag(fingerprint, **fields)
            case "interrupt":
                self.interrupt()
            case other:
                raise PermanentError(f"there is no write {other!r}")

    def group(self, name: str) -> str:
        """The id of the experiment in which trials compare with each other."""
        return self._store.experiment(name, ABOUT.format(name=name), "trials")

    def start(self, trial: TrialInfo) -> None:
        """Resume the trial's unfinished run, or make one, which supersedes those that have finished.

        A run that another process is writing is left to it: this one gets a run of its own.
        """
        self._settled.discard(trial.fingerprint)
        headline = metric_name(trial.headline) if trial.headline else ""
        tags = {**start_tags(trial), "writer": f"{process()} {self.token}"}
        found = reader.of_fingerprint(self._client, trial.fingerprint)
        theirs = [run for run in found if is_written(run) and not self._is_mine(run)]
        free = [run for run in found if run not in theirs]
        if free and free[-1].info.status != "FINISHED":
            run = free[-1]
            self._client.update_run(run.info.run_id, status="RUNNING", name=trial.name)
        else:
            experiment = self.group(trial.group)
            self._store.show(experiment, view([headline] if headline else []))
            tags[reader.GENERATION] = str(1 + max((reader.order(run)[1] for run in found), default=0))
            run = self._client.create_run(experiment, tags=clipped(tags), run_name=trial.name)
            for former in free:
                self._client.set_tag(former.info.run_id, reader.SUPERSEDED, run.info.run_id)
        # A parameter can't be logged twice with different values; those that may differ decide no result.
        params = {name: text for name, text in trial.params.items() if name not in run.data.params}
        self._store.log(run.info.run_id, params=params, tags=tags)
        self._store.log_data(run.info.run_id, data_inputs(trial))
        self._runs[trial.fingerprint] = _known(run, headline)
        self._client.log_text(run.info.run_id, trial.json, "experiment.json")

    def resume(self, trial: TrialInfo, writer: str) -> None:
        """Go on with a run that an earlier command could not write to its end, unless another has since.

        Args:
            trial: its own.
            writer: the token of that command, which has ended.
        """
        self._ended.add(writer)
        found = reader.of_fingerprint(self._client, trial.fingerprint)
        if any(
            run.info.status == "FINISHED" or (is_written(run) and not self._is_mine(run)) for run in found
        ):
            self._settled.add(trial.fingerprint)
        else:
            self.start(trial)

    def epoch(self, fingerprint: str, epoch: int, metrics: Mapping[str, float], when: int) -> None:
        """Log an epoch's metrics, unless it or a later one has been."""
        run = self._own(fingerprint)
        if epoch <= run.epoch:
            return
        if run.headline and not run.metrics:
            # MLflow's page that compares runs begins with the metric that they logged first. It is NaN where
            # this epoch has no evaluation.
            metrics = {run.headline: metrics.get(run.headline, math.nan), **metrics}
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
        """End the run: MLflow's FAILED for "failed", KILLED for "stopped", else FINISHED; the status is a
        tag. How long a training took to each epoch at which it stopped stays beside it.

        A run of which something could not be written has failed, whatever its status; one that failed by
        itself keeps its own reason.
        """
        run = self._own(fingerprint)
        if run.lost and status != "failed":
            status, note = "failed", f"not all of it could be written: {run.lost}. The same command mends it"
        tags = {"status": status, "duration": f"{duration:.3f}", "note": note, "warnings": _fitting(warnings)}
        if run.headline:
            tags[f"{STOP}{run.epoch}"] = tags["duration"]
        if status == "diverged":
            self._client.log_text(run.run_id, note, DIVERGED)
        if detail:
            self._client.log_text(run.run_id, detail, reader.DETAIL)
            tags[reader.DETAIL] = f"{len(detail)} characters"
        changed = {name: value for name, value in metrics.items() if run.metrics.get(name) != value}
        self._store.log(run.run_id, changed, step=run.epoch, when=when, tags=tags)
        run.metrics |= metrics
        self._client.set_terminated(run.run_id, ENDS.get(status, "FINISHED"), when)
        run.running = False
        self.leases.release(fingerprint)

    def tag(self, fingerprint: str, tags: Mapping[str, str]) -> None:
        """Add tags to the run of a fingerprint that counts. One that another process writes is left alone."""
        mine = self._runs.get(fingerprint)
        if mine is not None and mine.running:
            self._store.log(self._own(fingerprint).run_id, tags=tags)
            return
        found = reader.of_fingerprint(self._client, fingerprint)
        if not found:
            raise PermanentError("the store has no run of it")
        if not is_written(found[-1]):
            self._store.log(found[-1].info.run_id, tags=tags)

    def lose(self, write: Write, reason: str) -> None:
        """Something of a trial could not be written: its run can't finish any more."""
        run = self._runs.get(write.fingerprint)
        if run is not None and write.kind in ("start", "resume", "epoch"):
            run.lost = run.lost or f"{write.what}: {reason}"

    def end_abandoned(self) -> tuple[str, ...]:
        """End the runs whose writer, a process of this machine, is no more, and those of other machines that
        have given no sign of life for long."""
        experiments = reader.trial_experiments(self._client)
        unfinished = list(reader.runs(self._client, experiments, "attributes.status = 'RUNNING'"))
        ended = [run for run in unfinished if is_dead(run) and self._is_unchanged(run)]
        for run in ended:
            self._end_interrupted(run.info.run_id, "interrupted: its process ended")
        for run in dead(self._client):
            self._client.set_terminated(run.info.run_id, "KILLED")
        return tuple(run.data.tags["fingerprint"] for run in ended)

    def interrupt(self) -> None:
        """End the runs that this process began and has not ended, as far as they are still its own."""
        for run in self._running():
            run.running = False
            if self._is_still_mine(run.run_id):
                self._end_interrupted(run.run_id, "interrupted: the sweep was stopped")
        self.leases.close()

    def beat(self) -> None:
        """A sign of life in every run that this process is writing. May be called from another thread."""
        self.leases.beat()
        for run in self._running():
            if self._is_still_mine(run.run_id):
                self._client.set_tag(run.run_id, "alive", str(now()))

    def _running(self) -> list[_Run]:
        return [run for run in list(self._runs.values()) if run.running]

    def _end_interrupted(self, run_id: str, note: str) -> None:
        self._store.log(run_id, tags={"status": "failed", "note": note})
        self._client.set_terminated(run_id, "KILLED")

    def _is_mine(self, run: Any) -> bool:
        *_, token = str(run.data.tags.get("writer", "")).split(" ")
        return token == self.token or token in self._ended

    def _is_still_mine(self, run_id: str) -> bool:
        """Whether a run that this process began is there and has been taken up by no other."""
        try:
            run = self._client.get_run(run_id)
        except Exception as error:
            if getattr(error, "error_code", "") != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        return run.info.lifecycle_stage == "active" and self._is_mine(run)

    def _is_unchanged(self, run: Any) -> bool:
        """Whether nobody has taken a run up or ended it since it was looked at."""
        again = self._client.get_run(run.info.run_id)
        same = again.data.tags.get("writer") == run.data.tags.get("writer")
        return bool(same and again.info.status == "RUNNING")

    def _own(self, fingerprint: str) -> _Run:
        """The run of a trial that this process started.

        Raises:
            PermanentError: there is none, it was deleted, or another process has taken it up.
        """
        run = self._runs.get(fingerprint)
        if run is None:
            raise PermanentError("this process has no run of it")
        found = self._client.get_run(run.run_id)
        if found.info.lifecycle_stage == "deleted":
            raise PermanentError(f"its run {run.run_id} was deleted. The same command makes it again")
        if not self._is_mine(found):
            raise PermanentError(f"another process writes its run {run.run_id} now")
        return run


def _known(run: Any, headline: str) -> _Run:
    done = reader.counted(run.data.tags, "epoch")
    return _Run(run.info.run_id, headline, running=True, epoch=done, metrics=dict(run.data.metrics))


def _fitting(warnings: Sequence[str]) -> str:
    """As many warnings, from the first, as a tag can hold, as JSON."""
    kept = list(warnings)
    while len(json.dumps(kept)) > TAG_LIMIT:
        kept.pop()
    return json.dumps(kept)
