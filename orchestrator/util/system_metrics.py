"""How busy the machine of a training is, by the names of MLflow's page "System metrics"."""

import os
from contextlib import suppress

import psutil
import torch


def begin() -> None:
    """The next `system_metrics` of this process counts its processors from here."""
    psutil.cpu_percent()


def system_metrics() -> dict[str, float]:
    """The mean use of all processors since the last call, in percent, and what is used just now of memory,
    disk and this process's GPU, in percent and in megabytes (10**6 bytes)."""
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(os.sep)
    found = {
        "cpu_utilization_percentage": psutil.cpu_percent(),
        "system_memory_usage_megabytes": memory.used / 1e6,
        "system_memory_usage_percentage": 100 * memory.used / memory.total,
        "disk_usage_megabytes": disk.used / 1e6,
        "disk_usage_percentage": disk.percent,
        **_gpu(),
    }
    return {f"system/{name}": value for name, value in found.items()}


def _gpu() -> dict[str, float]:
    """Nothing where the process has none."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return {}
    free, total = torch.cuda.mem_get_info()
    found = {
        "gpu_0_memory_usage_megabytes": (total - free) / 1e6,
        "gpu_0_memory_usage_percentage": 100 * (1 - free / total),
    }
    with suppress(ImportError, RuntimeError):  # it needs NVIDIA's nvidia-ml-py
        found["gpu_0_utilization_percentage"] = float(torch.cuda.utilization())
    return found
