"""How the cost of log_prob grows with points, width and depth, and that of a step with the flow's depth."""

import torch

from models.objectives import RLE
from models.realnvp import RealNVP
from orchestrator.bench.flow import both_ways, pair
from orchestrator.bench.growth_plot import Panel
from orchestrator.bench.result import Tell
from orchestrator.bench.step import contestants, device
from orchestrator.bench.timing import compete
from orchestrator.config.experiment import Experiment
from orchestrator.config.vary import vary

POINTS = 2176
"""128 people with 17 keypoints."""

LAYERS = (3, 4, 5, 6)
"""Of the flow within a training step; the paper's deepest has 5."""

SIZES: dict[str, tuple[tuple[RealNVP, int], ...]] = {
    "points, 3×64": tuple((RealNVP(layers=3, width=64), n) for n in (544, 2176, 8704, 34816)),
    "width, 3 layers": tuple((RealNVP(layers=3, width=width), POINTS) for width in (16, 32, 64, 128, 256)),
    "layers, 64 wide, 544 points": tuple(
        (RealNVP(layers=layers, width=64), 544) for layers in (3, 6, 12, 24)
    ),
}


def measure(tell: Tell, demo: Experiment, rounds: int = 5) -> tuple[Panel, ...]:
    """A panel each for points, width and layers, and one for the effect of layers on a training step."""
    panels = (
        Panel(what, "log_prob, ms", {_size(what, *case): _log_prob(*case, rounds, tell) for case in cases})
        for what, cases in SIZES.items()
    )
    return (*panels, steps(demo, rounds, tell))


def _size(what: str, config: RealNVP, points: int) -> int:
    return {"points": points, "width": config.width, "layers": config.layers}[what.partition(",")[0]]


def _log_prob(config: RealNVP, points: int, rounds: int, tell: Tell) -> dict[str, float]:
    tell(f"{config.layers}×{config.width}, {points:,} points")
    plain, flow = pair(config, 2)
    x = torch.randn(points, 2, generator=torch.Generator().manual_seed(1))
    times = compete({"plain": both_ways(plain, x), "ours": both_ways(flow, x)}, rounds)
    return {name: 1e3 * times.median(name) for name in ("ours", "plain")}


def steps(demo: Experiment, rounds: int, tell: Tell) -> Panel:
    """The demo's network with RLE, in every precision that the machine has."""
    costs: dict[float, dict[str, float]] = {}
    for layers in LAYERS:
        tell(f"a step with a flow of {layers}×64")
        deeper = vary(demo, objective=RLE(flow=RealNVP(layers=layers, width=64)))
        times = compete(contestants(deeper, device()), rounds)
        costs[layers] = {name: 1e3 * times.median(name) for name in times.seconds}
    return Panel("layers, 64 wide", "training step, ms", costs)
