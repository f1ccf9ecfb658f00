"""Jobs that other sweeps on the store may run too: asked for before they start, and waited for if held."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from orchestrator.jobs.execute import JobResult

Claim = Literal["mine", "theirs"] | JobResult
"""Of a job: it may start here; another sweep runs it; or another has run it, with this result."""

PENDING, PAUSED = Trial.PENDING, Trial.PAUSED
PAUSE = 5.0
"""Seconds between two looks at jobs that another sweep runs."""


def always(fingerprint: str) -> Claim:
    """Where nobody else could run it."""
    return "mine"


@dataclass
class Claims:
    """The jobs of a stage that have neither started nor ended.

    Args:
        waiting: their fingerprints.
        ask: for the lease on one.
        on_elsewhere: told of a job that another sweep has run.
        on_wait: told once of the jobs that are waited for.
    """

    waiting: list[str]
    ask: Callable[[str], Claim]
    on_elsewhere: Callable[[str, JobResult], None]
    on_wait: Callable[[int], None]
    _told: bool = False

    def next(self, fits: Callable[[str], bool] = lambda fingerprint: True) -> str | None:
        """A job that may start now; None where all that are left are held by others, or none is left.

        Args:
            fits: whether there is room for it just now.
        """
        for fingerprint in list(self.waiting):
            if not fits(fingerprint):
                continue
            claim = self.ask(fingerprint)
            if claim == "theirs":
                continue
            self.waiting.remove(fingerprint)
            if claim == "mine":
                return fingerprint
            assert isinstance(claim, JobResult)
            self.on_elsewhere(fingerprint, claim)
        return None

    def wait(self) -> str | None:
        """The same, but while others are held it waits; None where no job is left."""
        while (found := self.next()) is None and self.waiting:
            if not self._told:
                self._told = True
                self.on_wait(len(self.waiting))
            time.sleep(PAUSE)
        return found


class InOrder(FIFOScheduler):  # type: ignore[misc]  # Ray is untyped here
    """The trials that have not ended as they come. Ray's own looks through all that there have ever been, at
    each step, which makes thousands of trials cost as their square."""

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """One that waits, or None."""
        waiting = [trial for trial in tune_controller.get_live_trials() if trial.status in (PENDING, PAUSED)]
        return min(waiting, key=lambda trial: trial.status != PENDING, default=None)


class ClaimingSearcher(Searcher):  # type: ignore[misc]  # Ray is untyped here
    """Gives Tune one job after another, each when there is room for it.

    Args:
        claims: where they come from.
        first: a job that is claimed already.
        room: how many may run, or wait for nodes, just now.
        apart: those of which one at a time may.
    """

    def __init__(
        self, claims: Claims, first: str, room: Callable[[], int], apart: frozenset[str] = frozenset()
    ) -> None:
        super().__init__()
        self._claims, self._first = claims, [first]
        self._room, self._apart = room, apart
        self._live: dict[str, str] = {}  # job by trial
        self._not_before = 0.0  # of the next look at jobs that may be free
        self.given: set[str] = set()
        self.ended = False  # no more can start

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles it for a restore, which is never made; what it asks can't be pickled."""
        return {}

    def suggest(self, trial_id: str) -> Any:
        """A trial's configuration; None where there is no room just now; or that no more can start."""
        if len(self._live) >= self._room() or time.monotonic() < self._not_before:
            return None
        taken = any(job in self._apart for job in self._live.values())
        found = self._first.pop() if self._first else self._next(taken)
        if found is None and taken:
            self._not_before = time.monotonic() + PAUSE
            return None
        if found is not None:
            self.given.add(found)
            self._live[trial_id] = found
        self.ended = found is None or not self._claims.waiting
        return Searcher.FINISHED if found is None else {"job": found}

    def _next(self, taken: bool) -> str | None:
        return self._claims.next(lambda job: not (taken and job in self._apart))

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Nothing follows from a result but room."""
        self._live.pop(trial_id, None)
        self._not_before = 0.0

    def save(self, checkpoint_path: str) -> None:
        """Tune saves searchers for a restore, which is never made."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Never called."""
