"""The optimizers of a training and their learning rates: Adam, and Muon where a schedule asks for it."""

import math

import torch
from torch import nn

from models.regressor import parameter_groups
from orchestrator.config.schedule import Schedule

MATRICES = ("trunk", "coord", "heatmap")
"""The parts whose matrices Muon takes. Adam suits the scale and the flow, which only a likelihood trains."""


def build_optimizers(
    schedule: Schedule, model: nn.Module, objective: nn.Module
) -> list[torch.optim.Optimizer]:
    """Adam, and Muon where the schedule has it; each parameter of model and objective is in one of them."""
    parameters = {**parameter_groups(model), "flow": list(objective.parameters())}
    matrices: list[nn.Parameter] = []
    if schedule.matrices is not None:
        matrices = [p for part in MATRICES for p in parameters[part] if p.ndim > 1]
    taken = {id(parameter) for parameter in matrices}
    rest = {name: [p for p in part if id(p) not in taken] for name, part in parameters.items()}
    optimizers = [_adam(schedule, rest)]
    if schedule.matrices is not None and matrices:
        optimizers.append(schedule.matrices.build(matrices))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers


def set_rate(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    """Set every learning rate to a multiple of the one with which `build_optimizers` made it."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * factor


def rate(schedule: Schedule, step: int, steps_per_epoch: int) -> float:
    """The factor on every learning rate at a step (from 0): linear warm-up times the decay."""
    warm = min(1.0, (step + 1) / schedule.warmup_steps) if schedule.warmup_steps else 1.0
    decay, done = schedule.decay, step / (schedule.epochs * steps_per_epoch)
    match decay.kind:
        case "cosine":
            return warm * 0.5 * (1 + math.cos(math.pi * done))
        case "linear":
            return warm * min(1.0, (1 - done) / (1 - decay.hold))
        case "steps":
            passed = sum(step >= milestone * steps_per_epoch for milestone in decay.milestones)
            return warm * decay.factor**passed


def _adam(schedule: Schedule, parameters: dict[str, list[nn.Parameter]]) -> torch.optim.Optimizer:
    adam = schedule.optimiser
    special = {
        "coord": adam.coord_rate,
        "sigma": adam.sigma_rate,
        "context": adam.sigma_rate,
        "flow": adam.flow_rate,
    }
    groups = [
        {"params": group, "lr": adam.lr * special.get(name, 1.0)}
        for name, group in parameters.items()
        if group
    ]
    kind = torch.optim.AdamW if adam.weight_decay else torch.optim.Adam
    return kind(groups, betas=adam.betas, weight_decay=adam.weight_decay, fused=True)
