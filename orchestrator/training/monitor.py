"""What is monitored while a model trains: the loss, its parts, and quantities that may leave their limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

LIMITS: Mapping[str, Callable[[float], bool]] = {
    "bar_mu_max": lambda value: value > 1e4,
    "log_s": lambda value: abs(value) > 50,
    "sigma_max": lambda value: value > 0.9999,
    "sigma_min": lambda value: value < 1e-5,
}
"""Finite values to warn of: |bar_mu| or log s growing without bounds, sigma at an end of its range."""


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
        summary = self.summary()
        return {
            name: summary[name]
            for name, exceeds in LIMITS.items()
            if name in summary and exceeds(summary[name])
        }


def _reduce(name: str, values: Tensor) -> Tensor:
    if name.endswith("_max"):
        return values.max()
    return values.min() if name.endswith("_min") else values.mean()
