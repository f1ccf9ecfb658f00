"""What `fit` needs of whatever runs it, and the case where nothing does."""

from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

Value = TypeVar("Value")
CPU = torch.device("cpu")


class Runtime(Protocol):
    """One worker of a training: its place among the others and its way to tell the world."""

    @property
    def rank(self) -> int:
        """0 to world_size - 1; the worker of rank 0 writes checkpoints and measures."""
        ...

    @property
    def world_size(self) -> int:
        """How many workers share each global batch."""
        ...

    @property
    def device(self) -> torch.device: ...

    @property
    def loader_workers(self) -> int:
        """Processes that load data beside this one; 0 loads in this one."""
        ...

    def prepare(self, module: nn.Module) -> nn.Module:
        """The module as it trains here: on the device, and data-parallel where there are several workers."""
        ...

    def gather(self, value: Value) -> list[Value]:
        """The values of all workers, by rank, on every worker."""
        ...

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        """Tell whoever watches that `epoch` (from 1) is done. Every worker calls it; rank 0 is heard."""
        ...


@dataclass(frozen=True)
class Alone:
    """One process by itself; it keeps what was reported."""

    device: torch.device = CPU
    loader_workers: int = 0
    reports: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    rank: int = 0
    world_size: int = 1

    def prepare(self, module: nn.Module) -> nn.Module:
        return module.to(self.device)

    def gather(self, value: Value) -> list[Value]:
        return [value]

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        self.reports.append((epoch, metrics))


@dataclass(frozen=True)
class Distributed:
    """One of several workers in an initialised `torch.distributed` group."""

    device: torch.device
    rank: int
    world_size: int
    loader_workers: int = 0

    def prepare(self, module: nn.Module) -> nn.Module:
        module = module.to(self.device)
        if self.world_size == 1:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=devices, gradient_as_bucket_view=True)

    def gather(self, value: Value) -> list[Value]:
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        torch.distributed.all_gather_object(values, value)
        return values

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        """Nobody watches a bare group; whoever does overrides this."""
