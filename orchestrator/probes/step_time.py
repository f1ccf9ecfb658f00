"""Measurements: what a training step costs, and how much of it is the flow.

The paper's sentence "the overhead during training is negligible" (supplement, section A) is about this.
"""

from collections.abc import Callable
from timeit import repeat

import torch

from models.interface import OutputSpec
from models.objectives import DLE, RLE
from orchestrator.config.experiment import StepTiming
from orchestrator.training.optimizers import build_optimisers
from orchestrator.training.precision import in_bf16

LEAST_SECONDS = 0.2
"""Short steps are repeated for at least as long as this."""


def measure(cost: StepTiming, device: torch.device) -> dict[str, float]:
    """Time one training step and the flow within it, on random pictures, one thread.

    Returns:
        step_ms: forward, backward and the schedule's optimisers of model and objective, in milliseconds.
        flow_ms: forward and backward of the flow's log_prob on all points of the batch; 0 without a flow.
        flow_share: the flow's part of the step, in percent.
        bf16: 1 where the trunk ran in bf16, else 0.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(cost.seed)
        step = _seconds(_training_step(cost, device))
        flow = _seconds(_flow_step(cost, device)) if isinstance(cost.objective, DLE | RLE) else 0.0
    return {
        "step_ms": 1e3 * step,
        "flow_ms": 1e3 * flow,
        "flow_share": 100 * flow / step,
        "bf16": float(in_bf16(cost.schedule, device)),
    }


def _training_step(cost: StepTiming, device: torch.device) -> Callable[[], None]:
    spec = OutputSpec(cost.points, 2, cost.size, cost.objective.needs_scale)
    model = cost.model.build(spec, pretrained=False).to(device).train()
    objective = cost.objective.build(2).to(device)
    optimisers = build_optimisers(cost.schedule, model, objective)
    bf16 = in_bf16(cost.schedule, device)
    batch = cost.schedule.batch
    image = torch.randint(0, 256, (batch, *cost.size, 3), dtype=torch.uint8, device=device)
    target = torch.rand(batch, cost.points, 2, device=device) - 0.5
    weight = torch.ones_like(target)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            output = model(image)
        loss, _ = objective(output.mu, output.sigma, target, weight, step=0, seed=cost.seed)
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()

    return step


def _flow_step(cost: StepTiming, device: torch.device) -> Callable[[], None]:
    assert isinstance(cost.objective, DLE | RLE)
    flow = cost.objective.flow.build(2).to(device)
    x = torch.randn(cost.schedule.batch * cost.points, 2, device=device, requires_grad=True)

    def step() -> None:
        flow.zero_grad(set_to_none=True)
        x.grad = None
        torch.autograd.backward(flow.log_prob(x).sum())

    return step


def _seconds(step: Callable[[], None]) -> float:
    # Here, as it looks for a CUDA toolkit and says so where there is none.
    from torch.utils.benchmark import Timer
    from torch.utils.benchmark.utils.timer import timer

    step()  # the first call pays for allocation and kernel selection
    # The second call may be slow too. PyTorch's own timer would make two calls more for each that it times.
    once = min(repeat(step, timer=timer, repeat=2, number=1))
    if once >= LEAST_SECONDS:
        return once
    repeated = Timer("step()", globals={"step": step}, num_threads=1)
    return float(repeated.blocked_autorange(min_run_time=LEAST_SECONDS).median)
