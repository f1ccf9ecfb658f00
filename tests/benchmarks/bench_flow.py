"""Forward and backward of a 2-D flow's log_prob: the kernels beside what one would write first.

    python tests/benchmarks/bench_flow.py

The straightforward flow is written out here: for each coupling two nets 2 -> 2 on masked input, and
MultivariateNormal for the prior. "products" is RealNVP without the kernels. One thread. The three take turns
of five runs each for 15 rounds; a turn counts as the median of its runs, and "cold" is its first, which finds
the caches as the contender before left them. Times are medians over rounds, and ratios medians of the
straightforward flow's time in the same round over the own. About three minutes.
"""

import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from models import flow_kernel
from models.flow import Flow, RealNVP

GRID = 400
"""Points of the integral in the s term."""

CASES = [
    *((Flow(layers=3, width=64), n, 0) for n in (544, 2176, 8704)),
    *((Flow(layers=3, width=64), n, GRID) for n in (544, 2176, 8704)),
    *((Flow(layers=3, width=256), n, 0) for n in (544, 2176)),
    *((Flow(layers=5, width=64), n, 0) for n in (544, 2176)),
    *((Flow(layers=5, width=32), n, 0) for n in (544, 2176)),
]


class Straightforward(nn.Module):
    """The flow as its paper writes it."""

    def __init__(self, config: Flow) -> None:
        super().__init__()
        self.register_buffer(
            "masks", torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(config.couplings, 1)[: config.couplings]
        )
        self.s = nn.ModuleList(nn.Sequential(*_layers(config), nn.Tanh()) for _ in range(config.couplings))
        self.t = nn.ModuleList(nn.Sequential(*_layers(config)) for _ in range(config.couplings))
        self.prior = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))

    def log_prob(self, x: Tensor) -> Tensor:
        log_det, z = x.new_zeros(len(x)), x
        for mask, s_net, t_net in reversed(list(zip(self.masks, self.s, self.t, strict=True))):
            kept = mask * z
            s, t = s_net(kept) * (1 - mask), t_net(kept) * (1 - mask)
            z = (1 - mask) * (z - t) * torch.exp(-s) + kept
            log_det = log_det - s.sum(dim=1)
        return self.prior.log_prob(z) + log_det


def _layers(config: Flow) -> list[nn.Module]:
    sizes = [2, *[config.width] * (config.layers - 1), 2]
    layers: list[nn.Module] = []
    for fan_in, out in pairwise(sizes):
        layers += [nn.Linear(fan_in, out), nn.LeakyReLU()]
    return layers[:-1]


def same_weights(straightforward: Straightforward, flow: RealNVP) -> None:
    """Give the flow the weights of the straightforward one."""
    with torch.no_grad():
        for k, nets in enumerate(zip(straightforward.s, straightforward.t, strict=True)):
            for q, net in enumerate(nets):
                linears = [layer for layer in net if isinstance(layer, nn.Linear)]
                for weight, bias, linear in zip(flow.weights, flow.biases, linears, strict=True):
                    weight[k, q], bias[k, q] = linear.weight, linear.bias


def products(flow: RealNVP, x: Tensor) -> Tensor:
    z, log_det = flow.inverse(x)
    return log_det - 0.5 * (z.square().sum(-1) + 2 * math.log(2 * math.pi))


def seconds(module: nn.Module, log_prob: Callable[[Tensor], Tensor], x: Tensor) -> float:
    module.zero_grad()
    x.grad = None
    start = time.perf_counter()
    log_prob(x).sum().backward()
    return time.perf_counter() - start


def by_kernels(flow: RealNVP, x: Tensor) -> Tensor:
    return flow_kernel.log_prob(flow, x) if flow_kernel.supported(flow, x) else products(flow, x)


def compare(config: Flow, n: int, extra: int, rounds: int = 15) -> str:
    """One line of the table; the kernels alone take `extra` more points."""
    torch.manual_seed(0)
    straightforward, flow = Straightforward(config), config.build(2)
    same_weights(straightforward, flow)
    x, longer = torch.randn(n, 2, requires_grad=True), torch.randn(n + extra, 2, requires_grad=True)
    torch.testing.assert_close(straightforward.log_prob(x), by_kernels(flow, x), atol=1e-4, rtol=1e-5)
    contenders = (
        lambda: seconds(straightforward, straightforward.log_prob, x),
        lambda: seconds(flow, partial(products, flow), x),
        lambda: seconds(flow, partial(by_kernels, flow), longer),
    )
    turns = [[turn(run) for run in contenders] for _ in range(rounds + 1)][1:]
    times = [statistics.median(row[j][0] for row in turns) * 1e3 for j in range(3)]
    ratios = f"{ratio(turns, 1, 0):9.2f} {ratio(turns, 2, 0):9.1f} {ratio(turns, 2, 1):9.1f}"
    size = f"{config.layers}×{config.width}, {n:,}" + (f" + {extra}" if extra else "")
    return f"{size:20} {times[0]:9.2f} {times[1]:9.2f} {times[2]:9.2f} {ratios}"


def turn(run: Callable[[], float]) -> tuple[float, float]:
    """The median of five runs, and the first."""
    times = [run() for _ in range(5)]
    return statistics.median(times), times[0]


def ratio(turns: list[list[tuple[float, float]]], contender: int, which: int) -> float:
    """How many times faster than the straightforward flow."""
    return statistics.median(row[0][which] / row[contender][which] for row in turns)


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'':20} {'milliseconds':^29} {'times faster':^29}")
    titles = ("straightf.", "products", "kernels", "products", "kernels", "cold")
    print(f"{'layers×width, points':20} " + " ".join(f"{title:>9}" for title in titles))
    for case in CASES:
        print(compare(*case), flush=True)


if __name__ == "__main__":
    main()
