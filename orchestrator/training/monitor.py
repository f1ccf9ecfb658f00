"""What is monitored while a model trains: the loss, its parts, and quantities that may leave their limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from orchestrator.util.limits import past_limits


@dataclass
class Monitor:
    """Collects one epoch's values on the device and reads them once, at the end."""

    losses: list[Tensor] = field(default_factory=list)
    parts: dict[str, list[Tensor]] = field(default_factory=dict)

    def add(self, loss: Tensor, parts: Mapping[str, Tensor]) -> None:
        """One step's loss and parts, all detached scalars."""
        self.losses.append(loss)
        for name, value in parts.items():
            self.parts.setdefault(name, []).append(value)

    def summary(self) -> dict[str, float]:
        """Means over the epoch; maxima and minima of the parts whose names end in _max and _min."""
        return {"loss": float(torch.stack(self.losses).mean())} | {
            name: float(_reduce(name, torch.stack(values))) for name, values in self.parts.items()
        }

    def warnings(self) -> dict[str, float]:
        """Each quantity past its limit in this epoch, and its value."""
        return past_limits(self.summary())


def _reduce(name: str, values: Tensor) -> Tensor:
    if name.endswith("_max"):
        return values.max()
    return values.min() if name.endswith("_min") else values.mean()
