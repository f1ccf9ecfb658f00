"""Trainings whose process dies after an epoch."""

import dataclasses

from orchestrator.training.runtime import SingleProcess


class KilledError(Exception):
    """Stands for a process that dies."""


@dataclasses.dataclass(frozen=True)
class DiesAfter(SingleProcess):
    """A runtime whose process dies when it has reported some epoch."""

    last: int = 1

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        super().report(epoch, metrics)
        if epoch == self.last:
            raise KilledError
