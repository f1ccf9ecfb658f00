"""One job as the tracking store records it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.util.mathematics import SCHEMA

Status = Literal["running", "finished", "diverged", "stopped", "failed"]
"""Of a job; "stopped" is a training that goes on from its checkpoint when somebody wants it in full."""


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
    precision: str = ""  # of the backbone, as it was computed: "float32", "bf16" or "bf16, emulated"
    processor: str = ""  # that computed it, with the instructions that PyTorch used there
    torch: str = ""  # its version
    schema: int = SCHEMA  # of the code's mathematics
    world_size: int = 1
    duration: float = 0.0  # seconds of training and evaluation
    stops: Mapping[int, float] = field(default_factory=dict)  # seconds until the epochs at which it stopped
    note: str = ""  # why it diverged or failed
    warnings: tuple[str, ...] = ()  # quantities that ran away without ending the trial
    run_id: str = ""
    day: str = ""  # on which it began, such as 2026-11-22, in UTC

    @property
    def arithmetic(self) -> str:
        """What it was computed with, as far as it is recorded: `bf16 on NVIDIA H100, torch 2.9`."""
        workers = f"{self.world_size} workers of " if self.world_size > 1 else ""
        where = f"on {workers}{self.processor}" if self.processor else ""
        version = f", torch {self.torch}" if self.torch else ""
        return f"{self.precision} {where}{version}".strip(" ,")

    def value_at(self, key: str, epochs: int) -> float | None:
        """The last finite value of a metric until an epoch, or else the first after it."""
        finite = [(epoch, value) for epoch, value in self.history.get(key, ()) if math.isfinite(value)]
        before = [value for epoch, value in finite if epoch <= epochs]
        return before[-1] if before else next((value for _, value in finite), None)

    @property
    def done(self) -> bool:
        """Whether it has a result. That it diverged is one; only failed and unfinished jobs run again."""
        return self.status in ("finished", "diverged")
