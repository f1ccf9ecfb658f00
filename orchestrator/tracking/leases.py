"""Leases: of several sweeps on one store, one at a time trains what has a fingerprint.

Each process that runs jobs has a run of its own in the experiment `sweeps`, which says what it runs and what
waits. Its tag `claim.FINGERPRINT` is a ticket of Lamport's bakery algorithm (A new solution of Dijkstra's
concurrent programming problem, 1974), so that of any processes that ask at once exactly one gets the lease,
on every store, without a lock in it. A lease ends with its job or its process (owner.py).
"""

import json
import time
from collections.abc import Mapping
from typing import Any, Literal

from orchestrator.schema.record import Record
from orchestrator.tracking import reader
from orchestrator.tracking.client import PROJECT, Store, clipped, now
from orchestrator.tracking.owner import SWEEP, is_dead, is_written, process

CLAIM = "claim."
WAITING = "waiting"  # the tag with how many jobs wait, and the names of the first of them
SHOWN = 40  # names
CHOOSING = 0  # the ticket of a process that is about to draw one
PATIENCE, PAUSE = 5.0, 0.05  # seconds for which another may choose, and between two looks at it

ABOUT = "One run for each call of a sweep: what it runs, what waits, and the leases on what is trained."

Claim = Literal["mine", "theirs"] | Record
"""Of a job: this process runs it; another does; or another has finished it, as the record says."""


class Leases:
    """Those of one process.

    Args:
        store: where all sweeps look.
        token: the last word of the tag `writer` of this process.
    """

    def __init__(self, store: Store, token: str) -> None:
        self._store, self._client, self._token = store, store.client, token
        self._command = ""
        self._names: dict[str, str] = {}  # of the jobs that wait, by fingerprint
        self._run = ""  # the id of this process's run, once it has one

    def announce(self, command: str, names: Mapping[str, str]) -> None:
        """What this process is about to run: jobs by fingerprint, with their names."""
        self._command, self._names = command, dict(names)
        self._tag({WAITING: self._waiting()})

    def claim(self, fingerprint: str, known: str) -> Claim:
        """Ask for the lease on a job; it is kept until `release`, or until this process ends.

        Args:
            known: the id of a finished run that is not to count, since a fresh one is wanted; or empty.
        """
        if any(ticket != CHOOSING for ticket, _ in self._others(fingerprint)):
            return "theirs"
        if (settled := self._settled(fingerprint, known)) is not None:
            return settled
        self._tag({CLAIM + fingerprint: str(CHOOSING)})
        ticket = 1 + max((other for other, _ in self._others(fingerprint)), default=CHOOSING)
        self._tag({CLAIM + fingerprint: str(ticket)})
        if not self._is_first(fingerprint, ticket):
            self.release(fingerprint)
            return "theirs"
        # Another may have held it, and finished, between the first look and the ticket.
        if (settled := self._settled(fingerprint, known)) is not None:
            self.release(fingerprint)
            return settled
        self._names.pop(fingerprint, None)
        self._tag({WAITING: self._waiting()})
        return "mine"

    def release(self, fingerprint: str) -> None:
        """The lease on a job ends, if this process has it."""
        if self._run and CLAIM + fingerprint in self._client.get_run(self._run).data.tags:
            self._client.delete_tag(self._run, CLAIM + fingerprint)

    def beat(self) -> None:
        """A sign of life."""
        if self._run:
            self._client.set_tag(self._run, "alive", str(now()))

    def close(self) -> None:
        """All leases end."""
        if self._run:
            self._client.set_terminated(self._run, "FINISHED")
            self._run = ""

    def _settled(self, fingerprint: str, known: str) -> Claim | None:
        """What the job's own runs say: finished, or written by a process without leases; None if neither."""
        found = reader.of_fingerprint(self._client, fingerprint)
        if any(is_written(run) and run.data.tags["writer"].split()[-1] != self._token for run in found):
            return "theirs"
        if not found or found[-1].info.status != "FINISHED" or found[-1].info.run_id == known:
            return None
        record = reader.record(found[-1], {})
        return record if isinstance(record, Record) else None

    def _is_first(self, fingerprint: str, ticket: int) -> bool:
        """Whether no other has an earlier ticket, once nobody is choosing any more."""
        end = time.monotonic() + PATIENCE
        while True:
            others = self._others(fingerprint)
            if all(other != CHOOSING for other, _ in others):
                return all((ticket, self._run) < other for other in others)
            if time.monotonic() > end:
                return False
            time.sleep(PAUSE)

    def _others(self, fingerprint: str) -> list[tuple[int, str]]:
        """Tickets of other living processes, each with the id of its run."""
        tag = CLAIM + fingerprint
        found = [run for run in living(self._client) if run.info.run_id != self._run]
        return [(int(run.data.tags[tag]), run.info.run_id) for run in found if tag in run.data.tags]

    def _tag(self, tags: Mapping[str, str]) -> None:
        if not self._run:
            first = {
                "project": PROJECT,
                SWEEP: self._command,
                "writer": f"{process()} {self._token}",
                "alive": str(now()),
            }
            experiment = self._store.experiment("sweeps", ABOUT, "sweeps")
            made = self._client.create_run(
                experiment, tags=clipped(first | dict(tags)), run_name=self._command
            )
            self._run = made.info.run_id
        else:
            self._store.log(self._run, tags=tags)

    def _waiting(self) -> str:
        return json.dumps([len(self._names), list(self._names.values())[:SHOWN]])


def living(client: Any) -> list[Any]:
    """The runs of processes that run sweeps, as far as can be told; the newest first."""
    return [run for run in unfinished(client) if not is_dead(run)]


def dead(client: Any) -> list[Any]:
    """The runs that processes left which have ended, or are silent."""
    return [run for run in unfinished(client) if is_dead(run)]


def unfinished(client: Any) -> list[Any]:
    """The runs of processes that have not ended; the newest first."""
    found = [one.experiment_id for one in reader.experiments(client) if reader.holds(one) == "sweeps"]
    return list(reader.runs(client, found, "attributes.status = 'RUNNING'"))
