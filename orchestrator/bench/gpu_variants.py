"""What a GPU is measured with: the trunk alone, the training step and the flow, as they are and changed.

A change that pays is adopted by making it where `fit` places its module; none is an option of a user's.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from models.likelihood import LikelihoodLoss
from models.realnvp import RealNVP, RealNVPNet
from models.regressor import Regressor
from orchestrator.bench.flow import both_ways, pair
from orchestrator.bench.step import Change, Step, plain_step, step
from orchestrator.config.experiment import Experiment
from orchestrator.training.module import TrainingModule
from orchestrator.training.runtime import placed

Call = Callable[[], object]

FLOW = RealNVP()
"""The paper's, 3×64."""


def steps(recipe: Experiment, device: torch.device) -> Mapping[str, Call]:
    """Steps that compile nothing, the trunk alone first."""
    ours = step(recipe, device, bf16=True)
    return {
        "trunk alone": trunk_step(recipe, device),
        "plain float32": plain_step(recipe, device),
        "plain bf16": plain_step(recipe, device, bf16=True),
        "ours": ours,
        "ours, any convolutions": _with_convolutions(ours, deterministic=False),
        "ours, convolutions tried out": _with_convolutions(ours, deterministic=True, benchmark=True),
    }


def compilations(device: torch.device) -> Mapping[str, Change]:
    """Ways to compile parts of a step."""
    found: dict[str, Change] = {
        "trunk compiled": lambda module: module.model.trunk.compile(backend=_compiler(device)),
        "flow compiled": lambda module: _compile_flow(module, device),
    }
    if device.type == "cuda":
        found["trunk in CUDA graphs"] = lambda module: module.model.trunk.compile(mode="reduce-overhead")
    return found


def trunk_step(recipe: Experiment, device: torch.device) -> Step:
    """Forward and backward of the trunk in bf16 on normalised pictures that are there already, fused Adam:
    the least that any training of this trunk takes."""
    assert isinstance(recipe.model, Regressor)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        trunk = placed(recipe.model.trunk.build(pretrained=False), device).train()
    picture = torch.randn(recipe.schedule.batch, 3, *recipe.data.size, device=device)
    picture = picture.contiguous(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(trunk.parameters(), fused=True)

    def go() -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            loss: Tensor = trunk(picture).float().mean()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        return loss.detach()

    return go


def flows(points: int, device: torch.device, *, compiled: bool) -> Mapping[str, Call]:
    """log_prob forward and backward on so many points of two dimensions, the plain flow first."""
    plain, flow = (placed(net, device) for net in pair(FLOW, 2))
    x = torch.randn(points, 2, generator=torch.Generator().manual_seed(1)).to(device)
    found: dict[str, Call] = {"plain": both_ways(plain, x), "ours": both_ways(flow, x)}
    if device.type == "cuda":
        found["ours in a CUDA graph"] = captured(placed(FLOW.build(2), device), x)
    if compiled:
        found["ours compiled"] = both_ways(_compiled(placed(FLOW.build(2), device), device), x)
    return found


def captured(flow: RealNVPNet, points: Tensor) -> Call:
    """Forward and backward at `points` as one CUDA graph, gradients of weights and points included.

    The number of points is then fixed: a training would have to fill up its batches to it.
    """
    go = both_ways(flow, points)
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            go()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        go()
    return graph.replay


def _compile_flow(module: TrainingModule, device: torch.device) -> None:
    objective = module.objective
    assert isinstance(objective, LikelihoodLoss)
    assert isinstance(objective.flow, RealNVPNet)
    _compiled(objective.flow, device)


def _compiled(flow: RealNVPNet, device: torch.device) -> RealNVPNet:
    """The number of points changes from step to step, and must not lead to another compilation."""
    flow.log_prob = torch.compile(flow.log_prob, dynamic=True, backend=_compiler(device))  # type: ignore[method-assign]
    return flow


def _compiler(device: torch.device) -> str:
    """The backend; on a CPU, where this only shows that it runs, none that compiles C++."""
    return "inductor" if device.type == "cuda" else "aot_eager"


def _with_convolutions(call: Call, deterministic: bool, benchmark: bool = False) -> Call:
    def go() -> None:
        with _convolutions(deterministic, benchmark):
            call()

    return go


@contextmanager
def _convolutions(deterministic: bool, benchmark: bool) -> Iterator[None]:
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = deterministic, benchmark
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before
