"""Measurements: what a training step costs, and how much of it is the flow.

The paper's sentence "the overhead during training is negligible" (supplement, section A) is about this.
"""

from collections.abc import Callable
from functools import partial
from timeit import repeat
from typing import ClassVar, Literal

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor

from models.backbones import ResNet, SmallTrunk
from models.flow import FlowNet
from models.interface import OutputSpec
from models.objectives import DLE, RLE, Objective
from models.plain_flow import PlainFlow
from models.realnvp import RealNVP, RealNVPNet
from models.regressor import Regressor
from models.timm_trunk import Timm
from models.trunk import TrunkConfig
from orchestrator.config.experiment import Experiment
from orchestrator.config.fingerprint import Fingerprinted
from orchestrator.config.schedule import Schedule
from orchestrator.training.optimizers import build_optimizers
from orchestrator.training.precision import in_bf16
from orchestrator.training.runtime import placed

LEAST_SECONDS = 0.2
"""Short steps are repeated for at least as long as this."""


class StepTiming(Fingerprinted):
    """A measurement without training: the time of one training step, and the flow's share of it (Table 1).

    The machine is not in the fingerprint; records name theirs.
    """

    stage: ClassVar[Literal["timing"]] = "timing"
    epochs: ClassVar[int] = 0
    needs: ClassVar[tuple[Experiment, ...]] = ()
    trained: ClassVar[None] = None
    data: ClassVar[None] = None

    kind: Literal["step_cost"] = "step_cost"
    model: Regressor
    objective: Objective
    schedule: Schedule
    points: PositiveInt
    size: tuple[PositiveInt, PositiveInt]
    seed: NonNegativeInt = 0  # of the repetition

    def describe(self) -> str:
        """For example `step of ResNet-50 with RLE 3x64, seed 0`."""
        return f"step of {self._trunk} with {self.objective.name}, seed {self.seed}"

    @property
    def _trunk(self) -> str:
        trunk: TrunkConfig = self.model.trunk  # one of somebody's own too
        match trunk:
            case ResNet(depth=depth):
                return f"ResNet-{depth}"
            case Timm(name=name):
                return name
            case SmallTrunk():
                return "the small trunk"
            case _:
                return type(trunk).__name__

    def measure(self, device: torch.device) -> dict[str, float]:
        """Time one training step and the flow within it, on random pictures, one thread.

        Returns:
            step_ms: forward, backward and the schedule's optimisers of model and objective, in milliseconds.
            flow_ms: forward and backward of the flow's log_prob on all points of the batch; 0 without one.
            flow_share: the flow's part of the step, in percent.
            plain_flow_ms, plain_flow_share: the same with the flow as the authors' code has it, in matrix
                products; 0 without a flow of the paper's family.
            bf16: 1 where the trunk ran in bf16, else 0.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            step = _seconds(_training_step(self, device))
            flow = _seconds(_flow_step(self, device)) if isinstance(self.objective, DLE | RLE) else 0.0
            plain = self._plain_flow_seconds(device)
        return {
            "step_ms": 1e3 * step,
            "flow_ms": 1e3 * flow,
            "flow_share": 100 * flow / step,
            "plain_flow_ms": 1e3 * plain,
            "plain_flow_share": 100 * plain / (max(step - flow, 0.0) + plain) if plain else 0.0,
            "bf16": float(in_bf16(self.schedule, device)),
        }

    def _plain_flow_seconds(self, device: torch.device) -> float:
        if not isinstance(self.objective, DLE | RLE) or not isinstance(self.objective.flow, RealNVP):
            return 0.0
        if self.objective.context:  # the authors' code has no such flow
            return 0.0
        return _seconds(_log_prob_step(self, placed(PlainFlow(self.objective.flow, 2), device), device))


def _training_step(timing: StepTiming, device: torch.device) -> Callable[[], None]:
    needs_scale, context = timing.objective.needs_scale, timing.objective.context
    spec = OutputSpec(timing.points, 2, timing.size, needs_scale, context=context)
    model = placed(timing.model.build(spec, pretrained=False), device).train()
    objective = placed(timing.objective.build(2), device)
    optimizers = build_optimizers(timing.schedule, model, objective)
    bf16 = in_bf16(timing.schedule, device)
    batch = timing.schedule.batch
    image = torch.randint(0, 256, (batch, *timing.size, 3), dtype=torch.uint8, device=device)
    target = torch.rand(batch, timing.points, 2, device=device) - 0.5
    weight = torch.ones_like(target)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            output = model(image)
        loss, _ = objective(
            output.mu, output.sigma, target, weight, step=0, seed=timing.seed, context=output.context
        )
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

    return step


def _flow_step(timing: StepTiming, device: torch.device) -> Callable[[], None]:
    assert isinstance(timing.objective, DLE | RLE)
    return _log_prob_step(timing, placed(timing.objective.flow.build(2), device), device)


def _log_prob_step(timing: StepTiming, flow: FlowNet | PlainFlow, device: torch.device) -> Callable[[], None]:
    """Forward and backward of a flow's log_prob on all points of a batch."""
    x = torch.randn(timing.schedule.batch * timing.points, 2, device=device, requires_grad=True)
    context = torch.randn(len(x), timing.objective.context, device=device)
    log_prob: Callable[[Tensor], Tensor] = flow.log_prob
    if isinstance(flow, RealNVPNet) and timing.objective.context:
        log_prob = partial(flow.log_prob, context=context)

    def step() -> None:
        flow.zero_grad(set_to_none=True)
        x.grad = None
        torch.autograd.backward(log_prob(x).sum())

    return step


def _seconds(step: Callable[[], None]) -> float:
    # Imported here, as it looks for a CUDA toolkit and prints that there is none.
    from torch.utils.benchmark import Timer
    from torch.utils.benchmark.utils.timer import timer

    step()  # the first call pays for allocation and kernel selection
    # The second call may be slow too. PyTorch's own timer would make two calls more for each that it times.
    once = min(repeat(step, timer=timer, repeat=2, number=1))
    if once >= LEAST_SECONDS:
        return once
    repeated = Timer("step()", globals={"step": step}, num_threads=1)
    return float(repeated.blocked_autorange(min_run_time=LEAST_SECONDS).median)
