"""A family of flows is one class: here a small one, which nothing in `models` knows of."""

from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from models import DLE, RLE, Flow, FlowNet, Objective, RealNVP, WeightedSum
from orchestrator.config.fingerprint import essence
from tests.support.errors import invalid


class Affine(Flow):
    """x = scale · z + shift in each coordinate."""

    kind: Literal["affine"] = "affine"
    start: float = 1.0

    @property
    def name(self) -> str:
        return "affine"

    def build(self, dim: int) -> FlowNet:
        return AffineNet(self.start, dim)

    def parameters(self, dim: int) -> int:
        return 2 * dim

    def flops(self, points: int, dim: int, grid_points: int = 0) -> int:
        return 2 * dim * (points + grid_points)


class Uncounted(Affine):
    kind: Literal["uncounted"] = "uncounted"  # type: ignore[assignment]
    parameters, flops = Flow.parameters, Flow.flops  # type: ignore[assignment]


class AffineNet(FlowNet):
    def __init__(self, start: float, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.shift, self.scale = nn.Parameter(torch.zeros(dim)), nn.Parameter(torch.full((dim,), start))

    def log_prob(self, x: Tensor) -> Tensor:
        return torch.distributions.Normal(self.shift, self.scale).log_prob(x).sum(-1)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.shift + self.scale * torch.randn(n, self.dim, generator=generator)


@pytest.mark.parametrize(
    "objective", [DLE(flow=Affine()), RLE(flow=Affine()), RLE(flow=Affine(), s="grid")], ids=repr
)
def test_a_new_family_learns_in_an_objective(objective: DLE | RLE) -> None:
    torch.manual_seed(0)
    module, target = objective.build(3), torch.randn(16, 4, 3)
    sigma = torch.ones(16, 4, 3)
    optimiser = torch.optim.SGD(module.flow.parameters(), lr=0.002)
    losses = []
    for _ in range(10):
        loss = module(torch.ones(16, 4, 3), sigma, target).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses == sorted(losses, reverse=True)
    assert objective.flow.parameters(3) == sum(p.numel() for p in module.flow.parameters())


@pytest.mark.parametrize("dump", [lambda o: o.model_dump(mode="json"), essence], ids=["json", "essence"])
def test_a_new_family_is_told_from_others_by_its_kind(dump: Any) -> None:
    flow = dump(RLE(flow=Affine(start=2.0)))["flow"]
    assert (flow["kind"], flow["start"]) == ("affine", 2.0)
    assert "kind" not in dump(RLE(flow=RealNVP(width=8)))["flow"]


def test_a_new_family_is_read_back_by_its_kind_wherever_it_is() -> None:
    objective: Objective = WeightedSum(terms=((0.5, RLE(flow=Affine(start=2.0))), (1, DLE())))
    again = WeightedSum.model_validate_json(objective.model_dump_json())
    assert again == objective
    assert isinstance(again.terms[0][1], RLE)
    assert again.terms[0][1].flow == Affine(start=2.0)


def test_fields_without_a_kind_are_those_of_realnvp() -> None:
    assert RLE.model_validate_json('{"kind": "rle", "flow": {"layers": 5}}').flow == RealNVP(layers=5)
    with invalid("extra_forbidden"):
        RLE.model_validate({"flow": {"start": 1.0}})


def test_where_a_family_does_not_count_those_of_its_network_are_counted() -> None:
    flow = Uncounted()
    assert (flow.parameters(3), flow.flops(17, 2)) == (6, 0)  # it has no products of matrices
