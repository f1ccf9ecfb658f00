"""What `fit` needs of the process that runs it, and plain implementations of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

Value = TypeVar("Value")
Module = TypeVar("Module", bound=nn.Module)
CPU = torch.device("cpu")


class Runtime(Protocol):
    """One worker of a training: its rank among the others, and where it reports to."""

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

    def agree(self, value: Value) -> Value:
        """The value of rank 0, on every worker; plain values and tensors on the CPU."""
        ...

    def align(self, module: nn.Module) -> None:
        """Give every worker the buffers of rank 0, such as BatchNorm's statistics, which each worker gathers
        from its own samples."""
        ...

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        """Report that `epoch` (from 1) is done. Every worker calls it; the metrics of rank 0 count."""
        ...

    def replay(self, history: Sequence[tuple[int, dict[str, float]]]) -> None:
        """Report again, all at once, the epochs that were done before this process began: the last of them
        may have been lost. Every worker calls it; what rank 0 reports counts."""
        ...


def placed(module: Module, device: torch.device) -> Module:
    """The module on a device, as it trains there."""
    module.to(device)
    if device.type == "cuda":
        lay_out_convolutions(module)
    return module


def lay_out_convolutions(module: nn.Module) -> None:
    """Lay out the weights of convolutions in channels_last order, quickest on GPUs, in which pictures come.

    Those of flows have four dimensions too, but are matrices, which products would have to copy each time.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            part.to(memory_format=torch.channels_last)


@dataclass(frozen=True)
class SingleProcess:
    """A single process; it keeps what was reported."""

    device: torch.device = CPU
    loader_workers: int = 0
    reports: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    rank: int = 0
    world_size: int = 1

    def prepare(self, module: nn.Module) -> nn.Module:
        return placed(module, self.device)

    def gather(self, value: Value) -> list[Value]:
        return [value]

    def agree(self, value: Value) -> Value:
        return value

    def align(self, module: nn.Module) -> None:
        """There is no other worker."""

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        self.reports.append((epoch, metrics))

    def replay(self, history: Sequence[tuple[int, dict[str, float]]]) -> None:
        """Only what is reported here is kept."""


@dataclass(frozen=True)
class Distributed:
    """One of several workers in an initialised `torch.distributed` group."""

    device: torch.device
    rank: int
    world_size: int
    loader_workers: int = 0

    def prepare(self, module: nn.Module) -> nn.Module:
        module = placed(module, self.device)
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

    def agree(self, value: Value) -> Value:
        if self.world_size == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]

    def align(self, module: nn.Module) -> None:
        if self.world_size > 1:
            for buffer in module.buffers():
                torch.distributed.broadcast(buffer, src=0)

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        """Nothing receives reports; a subclass overrides this."""

    def replay(self, history: Sequence[tuple[int, dict[str, float]]]) -> None:
        """Nothing receives reports; a subclass overrides this."""
