"""One job as the tracking store records it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["running", "finished", "diverged", "failed"]


@dataclass(frozen=True)
class Record:
    """One job as the tracking store records it."""

    fingerprint: str
    name: str
    status: Status
    seed: int
    metrics: Mapping[str, float]  # the last value of each
    history: Mapping[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)  # (epoch, value)
    commit: str = ""
    data: str = ""  # fingerprint of its data; empty for a measurement without data
    machine: str = ""
    world_size: int = 1
    duration: float = 0.0  # seconds of training and evaluation
    note: str = ""  # why it diverged or failed
    warnings: tuple[str, ...] = ()  # quantities that ran away without ending the trial
    run_id: str = ""
    day: str = ""  # on which it began, such as 2026-11-22, in UTC

    @property
    def done(self) -> bool:
        """Whether it has a result. That it diverged is one; only failed and unfinished jobs run again."""
        return self.status in ("finished", "diverged")
