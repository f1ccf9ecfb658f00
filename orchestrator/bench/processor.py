"""Which processor is measured, told apart where a virtual machine hides its name."""

from functools import cache
from pathlib import Path

import torch

from orchestrator.util import provenance


@cache
def machine() -> str:
    """Cores, processor, its family and model where the system tells them, and PyTorch's instructions."""
    model = f", {known}" if (known := _model()) else ""
    return f"{provenance.machine()}{model}, {torch.backends.cpu.get_cpu_capability()}"


def _model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return ""
    told = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    both = ("cpu family", "model")
    return f"family {told[both[0]]} model {told[both[1]]}" if all(name in told for name in both) else ""
