"""In which precision a trunk runs here, and what a device can do."""

import torch

from orchestrator.config.schedule import Schedule
from orchestrator.util import provenance
from orchestrator.util.errors import SweepError, UserError


def exact_convolutions() -> None:
    """Convolutions on a GPU give the same bits each time, and float32 ones are not rounded to TF32, which has
    bf16's precision but for three bits. Without a GPU nothing changes."""
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False


def in_bf16(schedule: Schedule, device: torch.device) -> bool:
    """Whether the trunk runs under bf16 autocast. Where a device has no instructions for it, it is emulated.

    Raises:
        UserError: the device can't do what the schedule says.
        SweepError: the schedule leaves it to the machine, so that its fingerprint says nothing of it.
    """
    if schedule.precision == "auto":
        raise SweepError(
            'schedule.precision = "auto" is settled before anything is trained: say "float32" or "bf16"',
            code="open-precision",
        )
    if schedule.precision == "bf16" and not _can_bf16(device):
        raise UserError(
            f'schedule.precision = "bf16" is impossible on {torch.cuda.get_device_name(device)}, where this '
            "trial runs: choose --precision float32, which makes it another experiment on every machine",
            code="no-bf16",
        )
    return schedule.precision == "bf16"


def has_bf16(device: torch.device) -> bool:
    """Whether bf16 is more than float32 with fewer digits here."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def arithmetic(bf16: bool, device: torch.device) -> dict[str, str]:
    """What a result was computed with beside its experiment, in words: precision, processor and torch."""
    emulated = bf16 and not has_bf16(device)
    return {
        "precision": "bf16, emulated" if emulated else "bf16" if bf16 else "float32",
        "processor": provenance.processor(device),
        "torch": torch.__version__,
    }


def _can_bf16(device: torch.device) -> bool:
    # On a CPU without the instructions PyTorch emulates them.
    return device.type != "cuda" or bool(torch.cuda.is_bf16_supported())
