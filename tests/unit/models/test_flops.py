"""Costs, as the paper prints them and as they are counted operation by operation."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.flops import flow_flops, flow_parameters, human, module_parameters
from models.flow import Flow

JOINTS = 17

TABLE_1 = [
    (3, 64, "1.8M", "53.8K"),
    (3, 128, "6.9M", "205.8K"),
    (3, 256, "27.3M", "804.8K"),
    (5, 32, "1.3M", "40.0K"),
    (5, 64, "5.2M", "153.6K"),
]


@pytest.mark.parametrize(("layers", "width", "flops", "parameters"), TABLE_1)
def test_table_1_prints_as_in_the_paper(layers: int, width: int, flops: str, parameters: str) -> None:
    flow = Flow(layers=layers, width=width)
    assert human(flow_flops(flow, JOINTS)) == flops
    assert human(flow_parameters(flow)) == parameters


def test_table_7_prints_as_in_the_paper() -> None:
    assert human(flow_flops(Flow(), JOINTS, grid_points=400)) == "44.2M"


@pytest.mark.parametrize("dim", [2, 3, 8])
@pytest.mark.parametrize("flow", [Flow(), Flow(layers=2, width=8), Flow(couplings=3, layers=5, width=32)])
def test_the_formula_counts_the_parameters_that_are_there(flow: Flow, dim: int) -> None:
    assert flow_parameters(flow, dim) == module_parameters(flow.build(dim))


def plain_nets(flow: Flow, dim: int) -> nn.ModuleList:
    """Every s and t net as the authors wrote them, D -> D."""
    sizes = [dim, *[flow.width] * (flow.layers - 1), dim]
    pairs = list(pairwise(sizes))
    nets = [nn.Sequential(*(nn.Linear(a, b) for a, b in pairs)) for _ in range(2 * flow.couplings)]
    return nn.ModuleList(nets)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("flow", [Flow(), Flow(layers=5, width=32)])
def test_products_are_those_that_torch_counts_and_activations_the_rest(flow: Flow, dim: int) -> None:
    nets = plain_nets(flow, dim)
    x = torch.zeros(JOINTS, dim)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for net in nets:
            net(x)
    activations = JOINTS * 2 * flow.couplings * (flow.layers - 1) * flow.width
    assert flow_flops(flow, JOINTS, dim) == counter.get_total_flops() + activations
    assert flow_parameters(flow, dim) == module_parameters(nets)


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0"), (999, "999"), (1000, "1.0K"), (999_999, "999.9K"), (23_600_000_000, "23.6G")]
)
def test_human_counts_in_thousands(n: int, text: str) -> None:
    assert human(n) == text
