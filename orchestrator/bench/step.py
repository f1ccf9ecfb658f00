"""One training step: forward, backward and optimiser of network and RLE, beside plain PyTorch.

Shapes: B batch, P points, H W pixels.
"""

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datasets.coco.config import CocoFolder, CocoKeypoints
from models.backbones import ResNet
from models.objectives import RLE
from models.plain_flow import PlainFlow
from models.realnvp import RealNVP
from models.regressor import Regressor, RegressorNet
from orchestrator.bench.result import Finding, Grid, Tell, significant
from orchestrator.bench.timing import Times, compete
from orchestrator.config.experiment import Experiment
from orchestrator.config.schedule import Schedule
from orchestrator.training.module import TrainingModule
from orchestrator.training.optimizers import build_optimizers
from orchestrator.training.precision import has_bf16
from orchestrator.training.runtime import placed

DESCRIPTION = (
    "Forward and backward pass of network, head and RLE with its flow, the check that the gradient is "
    "finite, and the optimiser step. The baseline is the same network in plain PyTorch: contiguous "
    "float32 images, already normalised, the plain flow, default Adam, no check. The demo's schedule uses "
    "Muon as well as Adam, the baseline does not."
)

Step = Callable[[], Tensor]
"""Makes one step and gives the loss before it."""
Change = Callable[[TrainingModule], object]

RESNET50 = Experiment(
    data=CocoKeypoints(source=CocoFolder()),
    model=Regressor(trunk=ResNet(depth=50, weights=None)),
    objective=RLE(),
    schedule=Schedule(epochs=1, batch=8),
)
"""The paper's network at its crop of 256×192."""


def measure(tell: Tell, demo: Experiment, rounds: int = 5) -> Finding:
    """Time a step of ResNet-50 and of the demo's network."""
    rows: list[tuple[str, ...]] = []
    for name, experiment in (("ResNet-50", RESNET50), ("demo", demo)):
        height, width = experiment.data.size
        tell(f"{name}, {rounds} rounds")
        times = compete(contestants(experiment, device()), rounds)
        size = f"{name}, {height}×{width}, batch {experiment.schedule.batch}"
        rows += [_row(size, kind, times) for kind in times.seconds]
    grid = Grid(
        f"A training step on {device().type}", ("network", "", "ms", "ratio"), tuple(rows), 2, "ratio"
    )
    return Finding("step", DESCRIPTION, (grid,))


def device() -> torch.device:
    """Where steps are timed: the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def contestants(experiment: Experiment, device: torch.device) -> Mapping[str, Step]:
    """A step of each kind, the baseline first; bf16 only where the machine multiplies it."""
    steps = {"plain float32": plain_step(experiment, device), "float32": step(experiment, device)}
    if has_bf16(device):
        steps["bf16"] = step(experiment, device, bf16=True)
    return steps


def step(
    experiment: Experiment, device: torch.device, bf16: bool = False, change: Change = lambda module: None
) -> Step:
    """A step as `fit` makes it, on the same random pictures each time."""
    learn = learner(experiment, device, bf16, change)
    image, target = _batch(experiment, device)
    weight = torch.ones_like(target)
    return lambda: learn(image, target, weight)


def learner(
    experiment: Experiment, device: torch.device, bf16: bool = False, change: Change = lambda module: None
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """A step as `fit` makes it, on pictures (B, H, W, 3), targets and weights (B, P, D) of the device.

    Args:
        change: what is done to the module on its device, before the optimisers are made.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = placed(TrainingModule(experiment, pretrained=False, bf16=bf16), device).train()
    change(module)
    optimisers = build_optimizers(experiment.schedule, module.model, module.objective)
    parameters = tuple(module.parameters())

    def go(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        loss: Tensor = module(image, target, weight, 0).loss
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if not math.isfinite(float(norm)):
            raise ArithmeticError("the gradient is not finite")
        for optimiser in optimisers:
            optimiser.step()
        return loss.detach()

    return go


class PlainModel(nn.Module):
    """Trunk, two heads and RLE with the plain flow, without anything that makes them fast."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__()
        model, objective = experiment.model, experiment.objective
        assert isinstance(model, Regressor)
        assert isinstance(objective, RLE)
        assert isinstance(objective.flow, RealNVP)
        self.net: RegressorNet = model.build(experiment.output_spec, pretrained=False)
        self.flow = PlainFlow(objective.flow, experiment.data.dim)

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        """float32 (B, 3, H, W), normalised, and target (B, P, 2) -> the loss."""
        mu, sigma = self.net.read(self.net.trunk(image))[:2]
        assert sigma is not None
        x = (target - mu) / sigma
        nll_g = -self.flow.log_prob(x.flatten(0, 1)).view(x.shape[:2])
        nll_q = (F.l1_loss(x, torch.zeros_like(x), reduction="none") + math.log(2)).sum(-1)
        return (nll_g + nll_q + sigma.log().sum(-1)).sum() / len(mu)


def plain_step(experiment: Experiment, device: torch.device, bf16: bool = False) -> Step:
    """A step as one would write it first; with `bf16` the whole forward pass under autocast."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = PlainModel(experiment).to(device).train()
        image, target = _batch(experiment, device)
    optimiser = torch.optim.Adam(model.parameters())
    normalised = model.net.pixels(image).contiguous()

    def go() -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss: Tensor = model(normalised, target)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        return loss.detach()

    return go


def _batch(experiment: Experiment, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pictures (B, H, W, 3) and targets (B, P, 2) that mean nothing."""
    data, batch = experiment.data, experiment.schedule.batch
    image = torch.randint(0, 256, (batch, *data.size, 3), dtype=torch.uint8, device=device)
    return image, torch.rand(batch, data.points, data.dim, device=device) - 0.5


def _row(size: str, kind: str, times: Times) -> tuple[str, ...]:
    return size, kind, significant(1e3 * times.median(kind)), significant(times.ratio(kind))
