"""What every objective promises: validated values, exact gradients, masks that nothing passes."""

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from models.errors import InputError
from models.objectives import DLE, L1, L2, RLE, LearnedScale, Objective
from models.realnvp import RealNVP
from tests.support.errors import invalid, refused

FLOW = RealNVP(couplings=2, width=4)
OBJECTIVES: list[Objective] = [
    L1(),
    L2(),
    LearnedScale(),
    LearnedScale(density="gaussian"),
    DLE(flow=FLOW),
    DLE(flow=FLOW, convention="official"),
    RLE(flow=FLOW),
    RLE(flow=FLOW, density="gaussian", convention="mmpose"),
    RLE(flow=FLOW, convention="official"),
    RLE(flow=FLOW, s="grid"),
    RLE(flow=FLOW, s="samples", samples=5),
    RLE(flow=FLOW, s="grid", nodes=7, shifted=True),
]


def label(objective: Objective) -> str:
    return objective.model_dump_json(exclude_defaults=True, exclude={"flow"}) + objective.kind


every_objective = pytest.mark.parametrize("objective", OBJECTIVES, ids=label)


def batch(dim: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(3)
    mu, target = torch.randn(2, 2, 3, dim, dtype=torch.float64)
    sigma = torch.rand(2, 3, dim, dtype=torch.float64) + 0.2
    weight = torch.ones_like(mu)
    weight[0, 1] = 0
    weight[1, 2] = 0.25
    if dim == 3:
        weight[1, 0, 2] = 0
    return mu.requires_grad_(), sigma.requires_grad_(), target, weight


@every_objective
def test_gradients_are_finite_differences(objective: Objective) -> None:
    module = objective.build(2).double()
    mu, sigma, target, weight = batch(2)
    names = [name for name, _ in module.named_parameters()]

    def loss(mu: Tensor, sigma: Tensor, *values: Tensor) -> Tensor:
        state, arguments = dict(zip(names, values, strict=True)), (mu, sigma, target, weight)
        return torch.func.functional_call(module, state, arguments, {"step": 1, "seed": 2}).loss

    # L1 and L2 leave sigma alone, and gradcheck wants every input used.
    inputs = (mu, sigma, *module.parameters())
    assert torch.autograd.gradcheck(lambda *args: loss(*args) + args[1].sum(), inputs)


@pytest.mark.parametrize("objective", [DLE(flow=FLOW), RLE(flow=FLOW, s="samples", samples=5)], ids=label)
def test_gradients_of_joints_with_and_without_depth_are_finite_differences(objective: Objective) -> None:
    module = objective.build(3).double()
    mu, sigma, target, weight = batch(3)

    def loss(mu: Tensor, sigma: Tensor) -> Tensor:
        return module(mu, sigma, target, weight, step=1, seed=2).loss

    assert torch.autograd.gradcheck(loss, (mu, sigma))


@every_objective
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("where", ["mu", "sigma", "target"])
def test_a_nan_in_a_masked_coordinate_changes_nothing(objective: Objective, dim: int, where: str) -> None:
    module = objective.build(dim).double()

    def evaluate(poison: float) -> list[Tensor]:
        mu, sigma, target, weight = batch(dim)
        tensors = {"mu": mu, "sigma": sigma, "target": target}
        tensors[where] = tensors[where].detach().masked_fill(weight == 0, poison).requires_grad_()
        loss, parts = module(**tensors, weight=weight, step=0, seed=0)
        module.zero_grad()
        loss.backward()
        gradients = [t.grad for t in (*tensors.values(), *module.parameters()) if t.grad is not None]
        return [loss.detach(), *parts.values(), *gradients]

    clean, poisoned = evaluate(0.5), evaluate(float("nan"))
    assert all(tensor.isfinite().all() for tensor in poisoned)
    torch.testing.assert_close(poisoned, clean, rtol=0, atol=0)


@every_objective
def test_the_loss_is_the_mean_over_the_batch(objective: Objective) -> None:
    module = objective.build(2).double()
    tensors = batch(2)
    whole = module(*tensors, step=0, seed=0).loss
    halves = [module(*(t[b : b + 1] for t in tensors), step=0, seed=0).loss for b in (0, 1)]
    torch.testing.assert_close(whole, (halves[0] + halves[1]) / 2)


@every_objective
def test_a_weight_multiplies_the_loss(objective: Objective) -> None:
    module = objective.build(2).double()
    mu, sigma, target, weight = batch(2)
    once, thrice = (module(mu, sigma, target, k * weight, step=0, seed=0).loss for k in (1, 3))
    torch.testing.assert_close(thrice, 3 * once)


@every_objective
def test_the_scale_is_declared_as_it_is_used(objective: Objective) -> None:
    mu, _, target, weight = batch(2)
    module = objective.build(2).double()
    if objective.needs_scale:
        with refused("no-sigma", InputError):
            module(mu, None, target, weight, step=0, seed=0)
    else:
        assert module(mu, None, target, weight, step=0, seed=0).loss.isfinite()


@every_objective
def test_json_there_and_back(objective: Objective) -> None:
    adapter: TypeAdapter[Objective] = TypeAdapter(Objective)
    assert adapter.validate_json(objective.model_dump_json()) == objective


def test_eight_coordinates_go_through_one_flow() -> None:
    mu, sigma, target, _ = batch(8)
    module = RLE(flow=FLOW, s="samples").build(8).double()
    assert module(mu, sigma, target, step=0).loss.isfinite()


@pytest.mark.parametrize("convention", ["official", "mmpose"])
def test_s_is_the_papers_own(convention: str) -> None:
    with invalid("s-outside-paper"):
        RLE(convention=convention, s="grid")


def test_the_authors_code_has_no_gaussian() -> None:
    with invalid("official-gaussian"):
        RLE(convention="official", density="gaussian")


@pytest.mark.parametrize(
    "fields",
    [
        {"nodes": 60},
        {"shifted": True},
        {"s_gradient": False},
        {"samples": 50},
        {"s": "samples", "nodes": 60},
        {"s": "samples", "shifted": True},
        {"s": "grid", "samples": 50},
    ],
    ids=str,
)
def test_a_field_that_changes_nothing_is_refused(fields: dict[str, object]) -> None:
    with invalid("unused-by-s"):
        RLE.model_validate(fields)


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        (RLE(s="grid"), "RLE 3x64 + s by grid"),
        (RLE(s="grid", nodes=60, shifted=True), "RLE 3x64 + s by shifted grid of 60"),
        (RLE(s="samples", s_gradient=False), "RLE 3x64 + s by samples, constant"),
        (RLE(flow_weight=0.5), "RLE 3x64, flow × 0.5"),
    ],
)
def test_the_name_says_what_is_not_the_papers(objective: RLE, name: str) -> None:
    assert objective.name == name


def test_the_nodes_of_the_integral_are_counted() -> None:
    objectives = [RLE(), RLE(s="grid"), RLE(s="grid", nodes=60, shifted=True), RLE(s="samples", samples=7)]
    assert [objective.integral_nodes(2) for objective in objectives] == [0, 400, 3600, 7]
    assert RLE(s="grid").integral_nodes(3) == 8000


def test_an_unknown_field_is_named() -> None:
    with invalid("extra_forbidden"):
        RLE.model_validate({"sigma": 1})
