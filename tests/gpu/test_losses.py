"""Losses, flows and networks on a GPU beside the CPU, in float32, with their gradients.

On the CPU flows of two dimensions run in float64 kernels, on a GPU as matrix products.
"""

import copy

import pytest
import torch
from torch import Tensor

from models import flow_kernels
from models.flow import FlowNet
from models.interface import OutputSpec
from models.muon import orthogonal
from models.objectives import DLE, L1, L2, RLE, HeatmapMSE, LearnedScale, Objective, WeightedSum
from models.realnvp import RealNVP
from orchestrator.bench.gpu_hours import planned, step_kind, trainings
from orchestrator.config.experiment import Experiment
from orchestrator.training.module import TrainingModule
from orchestrator.training.runtime import placed
from sweeps import all_sweeps
from tests.support.closeness import apart, same_bits

pytestmark = pytest.mark.gpu

VALUE, GRADIENT = 1e-5, 1e-4
"""How far float32 on a GPU may be from float32 on the CPU, relative to the norm, in losses and flows."""
KINKED = 1e-3
"""The same for gradients where rounding may decide on which side of a kink a unit is."""

FLOWS = [
    *(
        RealNVP(layers=layers, width=width)
        for layers, width in ((3, 64), (3, 256), (5, 32), (5, 64), (5, 128))
    ),
    RealNVP(couplings=3, width=32),
    RealNVP(layers=2, width=16),
]
OBJECTIVES: list[tuple[Objective, int]] = [
    (L1(), 2),
    (L2(), 3),
    (LearnedScale(), 2),
    (LearnedScale(density="gaussian"), 2),
    *((DLE(convention=convention), 2) for convention in ("paper", "official", "mmpose")),
    *((RLE(convention=convention), 2) for convention in ("paper", "official", "mmpose")),
    (RLE(density="gaussian"), 2),
    (RLE(s="grid"), 2),
    (RLE(s="samples"), 2),
    (RLE(), 3),
    (RLE(s="grid"), 3),
    (RLE(), 8),
    (HeatmapMSE(), 2),
    (WeightedSum(terms=((1, RLE()), (0.5, HeatmapMSE()))), 2),
]


def named(value: object) -> str:
    return getattr(value, "name", str(value))


def inputs(dim: int, batch: int = 32, points: int = 17) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(dim)
    shape = (batch, points, dim)
    weight = torch.ones(shape)
    weight[::3, ::4] = 0
    if dim == 3:
        weight[1::3, ::2, 2] = 0  # points without depth
    return {
        "mu": 0.1 * torch.randn(shape, generator=draw),
        "sigma": 0.05 + 0.3 * torch.rand(shape, generator=draw),
        "target": torch.rand(shape, generator=draw) - 0.5,
        "weight": weight,
        "heatmap": torch.rand(batch, points, 24, 18, generator=draw),
    }


def evaluated(loss: torch.nn.Module, given: dict[str, Tensor]) -> tuple[list[Tensor], list[Tensor | None]]:
    """The loss with its parts, and the gradients of inputs and parameters."""
    device = next(iter(given.values())).device
    leaves = {name: given[name].clone().requires_grad_() for name in ("mu", "sigma", "heatmap")}
    value, parts = loss(
        leaves["mu"], leaves["sigma"], given["target"], given["weight"],
        step=3, seed=1, heatmap=leaves["heatmap"],
    )  # fmt: skip
    assert value.device.type == device.type
    wanted = [*leaves.values(), *loss.parameters()]
    return [value, *parts.values()], list(torch.autograd.grad(value, wanted, allow_unused=True))


@pytest.mark.parametrize(("objective", "dim"), OBJECTIVES, ids=named)
def test_an_objective_and_its_gradients_are_those_of_the_cpu(
    objective: Objective, dim: int, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    here, given = objective.build(dim), inputs(dim)
    there = placed(copy.deepcopy(here), device)
    values, gradients = evaluated(here, given)
    monkeypatch.setattr(flow_kernels, "supported", lambda x, weights, biases: False)  # as on a GPU
    found, found_gradients = evaluated(there, {name: t.to(device) for name, t in given.items()})
    assert apart(found, values) < VALUE
    assert apart(found_gradients, gradients) < (KINKED if dim == 8 else GRADIENT)


def log_prob(flow: FlowNet, x: Tensor) -> tuple[Tensor, list[Tensor | None]]:
    x = x.clone().requires_grad_()
    value = flow.log_prob(x)
    return value, list(torch.autograd.grad(value.sum(), [x, *flow.parameters()], allow_unused=True))


@pytest.mark.parametrize("dim", [2, 3, 8])
@pytest.mark.parametrize("config", FLOWS, ids=named)
def test_a_flow_and_its_gradients_are_those_of_the_cpu(
    config: RealNVP, dim: int, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    here = config.build(dim)
    there = placed(copy.deepcopy(here), device)
    x = torch.randn(600, dim, generator=torch.Generator().manual_seed(1))
    value, gradients = log_prob(here, x)
    monkeypatch.setattr(flow_kernels, "supported", lambda x, weights, biases: False)
    found, found_gradients = log_prob(there, x.to(device))
    assert apart([found], [value]) < VALUE
    assert apart(found_gradients, gradients) < KINKED


def test_samples_of_a_flow_are_those_of_the_cpu(device: torch.device) -> None:
    here = RealNVP().build(2)
    there = placed(copy.deepcopy(here), device)
    drawn = [flow.sample(500, torch.Generator().manual_seed(7)) for flow in (there, here)]
    assert drawn[0].device.type == device.type
    assert apart(drawn[:1], drawn[1:]) < VALUE


def one_of_each() -> list[Experiment]:
    """A training of each kind of network and each objective that a sweep has, at the size of a smoke test."""
    found = trainings(planned(all_sweeps(), "smoke")).values()
    return list({(step_kind(e), e.objective.name): e for e in found}.values())


EVERY = [pytest.param(e, id=f"{e.method} on {e.data.name}") for e in one_of_each()]


def batch(spec: OutputSpec, size: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(2)
    image = torch.randint(0, 256, (size, *spec.size, 3), dtype=torch.uint8, generator=draw)
    target = torch.rand(size, spec.points, spec.dim, generator=draw) - 0.5
    return image, target, torch.ones_like(target)


def step(
    module: TrainingModule, device: torch.device, spec: OutputSpec
) -> tuple[Tensor, list[Tensor | None]]:
    loss: Tensor = module(*(t.to(device) for t in batch(spec)), 0).loss
    return loss, list(torch.autograd.grad(loss, list(module.parameters()), allow_unused=True))


@pytest.mark.parametrize("experiment", EVERY)
def test_a_step_of_every_network_and_objective_is_that_of_the_cpu(
    experiment: Experiment, device: torch.device
) -> None:
    torch.manual_seed(0)
    here = TrainingModule(experiment, pretrained=False)
    there = placed(copy.deepcopy(here), device)
    loss, gradients = step(here, torch.device("cpu"), experiment.output_spec)
    found, found_gradients = step(there, device, experiment.output_spec)
    assert apart([found], [loss]) < GRADIENT
    assert apart(found_gradients, gradients) < KINKED


@pytest.mark.parametrize("experiment", EVERY)
def test_a_step_of_every_network_and_objective_is_close_in_bf16(
    experiment: Experiment, device: torch.device
) -> None:
    torch.manual_seed(0)
    exact = placed(TrainingModule(experiment, pretrained=False), device)
    rounded = copy.deepcopy(exact)
    rounded.bf16 = True
    loss, gradients = step(exact, device, experiment.output_spec)
    found, found_gradients = step(rounded, device, experiment.output_spec)
    assert all(g is None or bool(g.isfinite().all()) for g in found_gradients)
    assert apart([found], [loss]) < 0.05
    assert apart(found_gradients, gradients) < 0.5


@pytest.mark.parametrize("experiment", EVERY)
def test_a_step_gives_the_same_bits_each_time(experiment: Experiment, device: torch.device) -> None:
    torch.manual_seed(0)
    module = placed(TrainingModule(experiment, pretrained=False), device)
    frozen = copy.deepcopy(module)
    (loss, gradients), (again, more) = (step(m, device, experiment.output_spec) for m in (module, frozen))
    assert same_bits([again, *more], [loss, *gradients])


@pytest.mark.parametrize("shape", [(48, 144), (144, 48), (96, 96)])
def test_an_orthogonal_update_is_that_of_the_cpu(shape: tuple[int, int], device: torch.device) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert apart([orthogonal(matrix.to(device), 5)], [orthogonal(matrix, 5)]) < GRADIENT
