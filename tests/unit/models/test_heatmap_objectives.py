"""The heatmap's loss and sums of losses."""

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from models.errors import ConfigError, InputError
from models.interface import LossInputs
from models.objectives import L1, RLE, HeatmapMSE, Objective, WeightedSum, simplified
from models.realnvp import RealNVP
from tests.support.errors import invalid, refused

SIZE = (16, 12)
RLE_SMALL = RLE(flow=RealNVP(couplings=2, width=4))
PAIR = WeightedSum(terms=((1, RLE_SMALL), (0.5, HeatmapMSE(sigma=1))))
WITH_MAPS = [HeatmapMSE(sigma=1), WeightedSum(terms=((2, L1()), (0.5, HeatmapMSE(sigma=1)))), PAIR]
every_objective = pytest.mark.parametrize("objective", WITH_MAPS, ids=lambda o: o.kind)


def batch(dim: int = 2) -> dict[str, Tensor]:
    """Two samples of three points, two of which are masked."""
    torch.manual_seed(5)
    mu, target = torch.rand(2, 2, 3, dim, dtype=torch.float64) - 0.5
    weight = torch.ones_like(mu)
    weight[0, 1] = weight[1, 2] = 0
    sigma = torch.rand_like(mu) + 0.2
    heatmap = torch.rand(2, 3, *SIZE, dtype=torch.float64)
    return {"mu": mu, "sigma": sigma, "target": target, "weight": weight, "heatmap": heatmap}


def drawn(x: int, y: int, sigma: float) -> Tensor:
    """The target as a loop over the window: the authors' code in slow motion."""
    out = torch.zeros(SIZE, dtype=torch.float64)
    reach = int(3 * sigma)
    for j in range(max(0, y - reach), min(SIZE[0], y + reach + 1)):
        for i in range(max(0, x - reach), min(SIZE[1], x + reach + 1)):
            out[j, i] = torch.exp(torch.tensor(-((i - x) ** 2 + (j - y) ** 2) / (2 * sigma**2)).double())
    return out


def test_the_loss_is_half_the_mean_over_all_pixels_of_all_points() -> None:
    tensors = batch()
    loss = HeatmapMSE(sigma=1).build(2)(**tensors, step=0, seed=0).loss
    total = torch.zeros((), dtype=torch.float64)
    for b in range(2):
        for p in range(3):
            u, v = tensors["target"][b, p].tolist()
            x, y = int((u + 0.5) * 12 + 0.5), int((v + 0.5) * 16 + 0.5)
            if tensors["weight"][b, p, 0]:
                total += (tensors["heatmap"][b, p] - drawn(x, y, 1)).square().sum()
    torch.testing.assert_close(loss, 0.5 * total / (2 * 3 * 16 * 12))


@every_objective
@pytest.mark.parametrize("where", ["mu", "sigma", "target", "heatmap"])
@pytest.mark.parametrize("dim", [2, 3])
def test_a_nan_in_a_masked_point_changes_nothing(objective: Objective, where: str, dim: int) -> None:
    module = objective.build(dim).double()

    def evaluate(poison: float) -> list[Tensor]:
        tensors = batch(dim)
        tensors[where][tensors["weight"][..., 0] == 0] = poison
        inputs = {name: t.requires_grad_() for name, t in tensors.items() if name in ("mu", "heatmap")}
        loss, parts = module(**tensors, step=0, seed=0)
        gradients = torch.autograd.grad(loss, [*inputs.values(), *module.parameters()], allow_unused=True)
        return [loss.detach(), *parts.values(), *(g for g in gradients if g is not None)]

    clean, poisoned = evaluate(0.5), evaluate(float("nan"))
    assert all(tensor.isfinite().all() for tensor in poisoned)
    torch.testing.assert_close(poisoned, clean, rtol=0, atol=0)


def test_a_point_whose_gaussian_lies_outside_teaches_nothing() -> None:
    tensors = batch()
    tensors["heatmap"].requires_grad_()
    tensors["target"][0, 0] = torch.tensor([0.9, 0.0])
    tensors["target"][0, 2] = torch.tensor([0.6, 0.0])  # its window still reaches into the map
    loss = HeatmapMSE(sigma=1).build(2)(**tensors, step=0, seed=0).loss
    (gradient,) = torch.autograd.grad(loss, tensors["heatmap"])
    assert not gradient[0, 0].any()
    assert gradient[0, 2].any()


@every_objective
def test_gradients_are_finite_differences(objective: Objective) -> None:
    module, tensors = objective.build(2).double(), batch()
    mu, heatmap = tensors.pop("mu").requires_grad_(), tensors.pop("heatmap").requires_grad_()

    def loss(mu: Tensor, heatmap: Tensor) -> Tensor:
        found: Tensor = module(mu=mu, heatmap=heatmap, **tensors, step=0, seed=0).loss
        return found + 0 * mu.sum()  # heatmap_mse leaves mu alone, and gradcheck wants every input used

    assert torch.autograd.gradcheck(loss, (mu, heatmap), fast_mode=True)


@every_objective
def test_the_loss_is_the_mean_over_the_batch_and_linear_in_the_weights(objective: Objective) -> None:
    module, tensors = objective.build(2).double(), batch()
    whole = module(**tensors, step=0, seed=0).loss
    halves = [module(**{n: t[b : b + 1] for n, t in tensors.items()}, step=0, seed=0).loss for b in (0, 1)]
    tensors["weight"] = 3 * tensors["weight"]
    torch.testing.assert_close(whole, (halves[0] + halves[1]) / 2)
    torch.testing.assert_close(module(**tensors, step=0, seed=0).loss, 3 * whole)


@every_objective
def test_a_batch_without_live_points_still_reaches_every_input(objective: Objective) -> None:
    module, tensors = objective.build(2).double(), batch()
    tensors["weight"].zero_()
    heatmap = tensors["heatmap"].requires_grad_()
    loss = module(**tensors, step=0, seed=0).loss
    gradients = torch.autograd.grad(loss, [heatmap, *module.parameters()])
    assert loss == 0
    assert not any(g.any() for g in gradients)


def test_a_sum_weighs_its_terms_and_says_how_large_each_is() -> None:
    module, tensors = PAIR.build(2).double(), batch()
    loss, parts = module(**tensors, step=0, seed=0)
    regression = module.terms["rle"](**tensors, step=0, seed=0)
    heatmaps = module.terms["heatmap_mse"](**tensors, step=0, seed=0)
    torch.testing.assert_close(loss, regression.loss + 0.5 * heatmaps.loss)
    torch.testing.assert_close(parts["loss_rle"], regression.loss.detach())
    torch.testing.assert_close(parts["loss_heatmap_mse"], heatmaps.loss)
    assert parts.keys() >= regression.parts.keys() | heatmaps.parts.keys()


def test_a_sums_gradient_shares_are_those_of_its_terms() -> None:
    module, tensors = PAIR.build(2).double(), batch()
    del tensors["heatmap"]
    inputs = LossInputs(**tensors)
    assert module.gradient_shares(inputs) == module.terms["rle"].gradient_shares(inputs)
    plain = WeightedSum(terms=((1, L1()), (2, HeatmapMSE()))).build(2)
    assert plain.gradient_shares(inputs) == {}
    assert (module.has_densities, plain.has_densities) == (True, False)


def test_a_sum_needs_what_its_terms_need() -> None:
    def needs(objective: Objective) -> tuple[bool, bool]:
        return objective.needs_scale, objective.needs_heatmap

    assert needs(PAIR) == (True, True)
    assert needs(WeightedSum(terms=((1, L1()), (1, HeatmapMSE())))) == (False, True)
    assert needs(WeightedSum(terms=((2, L1()), (0, HeatmapMSE())))) == (False, False)


def test_a_term_of_weight_0_is_no_term() -> None:
    whole = WeightedSum(terms=((1, RLE()), (0, HeatmapMSE())))
    assert whole.terms == ((1, RLE()),)
    assert simplified(whole) == RLE()
    assert simplified(PAIR) is PAIR
    half = WeightedSum(terms=((0.5, RLE()),))
    assert simplified(half) is half


def test_where_an_objective_is_asked_for_a_trivial_sum_is_its_term() -> None:
    adapter: TypeAdapter[Objective] = TypeAdapter(Objective)
    trivial = WeightedSum(terms=((0, HeatmapMSE()), (1, RLE())))
    assert adapter.validate_python(trivial) == RLE()
    assert adapter.validate_json(trivial.model_dump_json()) == RLE()
    assert adapter.validate_json(PAIR.model_dump_json()) == PAIR


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (((0, L1()),), "no-terms"),
        ((), "no-terms"),
        (((1, L1()), (2, L1())), "repeated-term"),
        (((-1, L1()),), "greater_than_equal"),
        (((1, PAIR),), "union_tag_invalid"),
    ],
)
def test_sums_that_mean_nothing_are_refused(terms: tuple[tuple[float, Objective], ...], code: str) -> None:
    with invalid(code):
        WeightedSum(terms=terms)


def test_without_heatmaps_or_with_those_of_other_points_the_loss_is_refused() -> None:
    tensors = batch()
    heatmap = tensors.pop("heatmap")
    with refused("no-heatmap", InputError):
        HeatmapMSE().build(2)(**tensors, step=0, seed=0)
    with refused("heatmap-shape", InputError):
        HeatmapMSE().build(2)(**tensors, step=0, seed=0, heatmap=heatmap[:, :2])
    with refused("heatmap-dim", ConfigError):
        HeatmapMSE().build(8)
