"""In which precision a trunk runs: what a schedule asks for, and what a device can do."""

import torch

from orchestrator.config.schedule import Schedule


def in_bf16(schedule: Schedule, device: torch.device) -> bool:
    """Whether the trunk runs under bf16 autocast on this device."""
    return schedule.precision == "bf16" or (schedule.precision == "auto" and has_bf16(device))


def has_bf16(device: torch.device) -> bool:
    """Whether bf16 is more than float32 with fewer digits here."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
