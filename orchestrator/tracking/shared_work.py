"""Work that several sweeps on a store share: who runs what, and what is running."""

from collections.abc import Mapping
from typing import Any

from orchestrator.tracking import status
from orchestrator.tracking.channel import Channel
from orchestrator.tracking.leases import Claim, Leases
from orchestrator.tracking.status import SweepStatus
from orchestrator.util.redact import redacted

CLAIM_PATIENCE = 20.0
"""Seconds that a store may be away where a free machine waits for a lease."""


class SharedWork:
    """Of one process; everything waits for what was written before it."""

    def __init__(self, channel: Channel, leases: Leases, client: Any) -> None:
        self._channel, self._leases, self._client = channel, leases, client

    def announce(self, command: str, names: Mapping[str, str]) -> None:
        """Tell other sweeps on the store, and `rle-lab status`, which jobs this process is about to run.

        Args:
            names: of the jobs, by fingerprint.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        shown = redacted(command)
        self._channel.call("announcing the sweep", lambda: self._leases.announce(shown, names))

    def claim(self, fingerprint: str, known: str = "") -> Claim:
        """Ask for the lease on a job, which ends with the job or the process.

        Args:
            known: the id of a finished run that is not to count, since a fresh one is wanted.

        Raises:
            TrackingError: the store is away.
        """
        ask = f"asking for the lease on {fingerprint}"
        return self._channel.call(ask, lambda: self._leases.claim(fingerprint, known), CLAIM_PATIENCE)

    def status(self) -> tuple[SweepStatus, ...]:
        """What every sweep on the store is doing.

        Raises:
            TrackingError: the store is away for longer than the patience.
        """
        return self._channel.call("reading what runs", lambda: status.sweeps(self._client))
