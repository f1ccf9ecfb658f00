"""Objectives that differ by one term differ by that term, and each is the likelihood of a density."""

import math
import sys
from collections.abc import Callable

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from models.correlated import CorrelatedLoss, log_cosh, whitened
from models.density import gaussian, laplace
from models.errors import ConfigError, InputError
from models.interface import OutputSpec
from models.likelihood import LikelihoodLoss
from models.losses import LossModule
from models.objectives import (
    DLE,
    L1,
    RLE,
    BetaLaplace,
    CorrelatedGaussian,
    LearnedScale,
    Objective,
    UltralyticsRLE,
)
from models.realnvp import RealNVP, RealNVPNet
from models.spline_flow import NSF
from orchestrator.config.fingerprint import essence
from orchestrator.probes.density_grid import tabulate
from sweeps.baselines import DEMO_TRUNK, RESNET50, retina
from tests.support.errors import invalid, refused

B, P = 3, 5
FLOW = RealNVP(couplings=4, width=8)
GIVEN = RealNVP(couplings=4, width=8, context=3)


def batch(points: int = P) -> tuple[Tensor, Tensor, Tensor]:
    """mu, sigma and target, float64."""
    torch.manual_seed(3)
    mu, target = torch.randn(2, B, points, 2, dtype=torch.float64)
    sigma = torch.rand(B, points, 2, dtype=torch.float64) + 0.2
    return mu.requires_grad_(), sigma.requires_grad_(), target


def built(objective: Objective, seed: int = 0) -> LossModule:
    """In float64, its flow the same for all objectives of one flow."""
    torch.manual_seed(seed)
    module: LossModule = objective.build(2).double()
    return module


def flow_of(module: LossModule) -> RealNVPNet:
    assert isinstance(module, LikelihoodLoss)
    assert isinstance(module.flow, RealNVPNet)
    return module.flow


def equal(a: Tensor, b: Tensor | float) -> None:
    torch.testing.assert_close(a, torch.as_tensor(b, dtype=a.dtype), rtol=1e-12, atol=1e-12)


def test_rle_minus_laplace_is_minus_log_g() -> None:
    mu, sigma, target = batch()
    rle, alone = built(RLE(flow=FLOW)), built(LearnedScale())
    x = ((target - mu) / sigma).flatten(0, 1)
    difference = rle(mu, sigma, target).loss - alone(mu, sigma, target).loss
    equal(difference, -flow_of(rle).log_prob(x).sum() / B)


def test_rle_minus_dle_is_minus_log_q() -> None:
    mu, sigma, target = batch()
    for density, q in (("laplace", laplace), ("gaussian", gaussian)):
        rle, dle = built(RLE(flow=FLOW, density=density)), built(DLE(flow=FLOW))
        difference = rle(mu, sigma, target).loss - dle(mu, sigma, target).loss
        equal(difference, -q.log_prob(((target - mu) / sigma).flatten(0, 1)).sum() / B)


def test_mmpose_minus_paper_is_dle_once_more() -> None:
    mu, sigma, target = batch()
    mmpose = built(RLE(flow=FLOW, convention="mmpose"))
    paper, dle = built(RLE(flow=FLOW)), built(DLE(flow=FLOW))
    # Its flow sees the mirror image, which is what the paper's sees with the two exchanged.
    difference = mmpose(mu, sigma, target).loss - paper(target, sigma, mu).loss
    torch.testing.assert_close(difference, dle(target, sigma, mu).loss, rtol=1e-7, atol=1e-7)  # of its 1e-9


def test_official_minus_mmpose_is_the_scale_of_q() -> None:
    mu, sigma, target = batch()
    official, mmpose = (built(RLE(flow=FLOW, convention=c)) for c in ("official", "mmpose"))
    x = ((target - mu) / sigma).abs()
    expected = (math.log(math.sqrt(2 * math.pi) / 2) + x * (1 / math.sqrt(2) - 1)).sum() / B
    difference = official(mu, sigma, target).loss - mmpose(mu, sigma, target).loss
    torch.testing.assert_close(difference, expected, rtol=1e-7, atol=1e-7)


def test_with_beta_0_it_is_the_likelihood_and_with_beta_1_mu_learns_as_from_l1() -> None:
    mu, sigma, target = batch()
    likelihood = built(LearnedScale())(mu, sigma, target).loss
    assert torch.equal(built(BetaLaplace(beta=0))(mu, sigma, target).loss, likelihood)
    (ours,) = torch.autograd.grad(built(BetaLaplace(beta=1))(mu, sigma, target).loss, mu)
    (l1,) = torch.autograd.grad(built(L1())(mu, None, target).loss, mu)
    equal(ours, l1)


@pytest.mark.parametrize("beta", [0.25, 0.5, 1.0])
def test_beta_weights_every_coordinates_gradient_by_its_scale(beta: float) -> None:
    mu, sigma, target = batch()
    plain = torch.autograd.grad(built(LearnedScale())(mu, sigma, target).loss, (mu, sigma))
    found = built(BetaLaplace(beta=beta))(mu, sigma, target).loss
    x = (target - mu).abs() / sigma
    equal(found, (sigma**beta * (x + (2 * sigma).log())).sum() / B)
    for weighted, gradient in zip(torch.autograd.grad(found, (mu, sigma)), plain, strict=True):
        equal(weighted, sigma.detach() ** beta * gradient)


def correlated(mu: Tensor, sigma: Tensor, target: Tensor, c: Tensor) -> Tensor:
    return built(CorrelatedGaussian())(mu, sigma, target, context=c).loss


def test_without_correlation_it_is_the_gaussian_and_with_it_that_of_its_covariance() -> None:
    mu, sigma, target = batch()
    c = torch.randn(B, P, 1, dtype=torch.float64)
    equal(
        correlated(mu, sigma, target, 0 * c), built(LearnedScale(density="gaussian"))(mu, sigma, target).loss
    )
    rho = c.tanh()[..., 0] * sigma.prod(-1)
    covariance = torch.stack([sigma[..., 0] ** 2, rho, rho, sigma[..., 1] ** 2], -1).unflatten(-1, (2, 2))
    normal = torch.distributions.MultivariateNormal(mu, covariance)
    equal(correlated(mu, sigma, target, c), -normal.log_prob(target).sum() / B)


def test_the_correlations_gradients_are_finite_differences() -> None:
    mu, sigma, target = batch()
    c = torch.randn(B, P, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda *given: correlated(given[0], given[1], target, given[2]), (mu, sigma, c)
    )
    assert log_cosh(torch.tensor([-800.0, 0.0, 800.0])).isfinite().all()


def test_a_correlation_is_that_of_two_coordinates_of_whole_points() -> None:
    mu, sigma, target = batch()
    weight = torch.ones_like(mu)
    weight[0, 0, 1] = 0
    loss = CorrelatedLoss()
    with refused("partly-masked-point", InputError):
        loss(mu, sigma, target, weight, context=torch.zeros(B, P, 1))
    with refused("no-context", InputError):
        loss(mu, sigma, target)
    with refused("correlated-dim", ConfigError):
        CorrelatedGaussian().build(3)


def test_without_clamp_ultralytics_is_mmposes_mean_over_points_in_cells() -> None:
    mu, sigma, target = batch()
    mmpose = built(RLE(convention="mmpose"))(mu, sigma, target).loss
    ours = built(UltralyticsRLE(clamped=False, cells=10))(mu, sigma, target).loss
    expected = mmpose / P + 4 * math.log(10)
    torch.testing.assert_close(ours, expected, rtol=1e-7, atol=1e-7)


def test_ultralytics_weights_cocos_joints() -> None:
    mu, sigma, target = batch(17)
    module = built(UltralyticsRLE(clamped=False))
    whole, total = module(mu, sigma, target).loss, torch.zeros((), dtype=torch.float64)
    for joint in range(17):  # one of the seventeen at a time
        weight = torch.zeros_like(mu)
        weight[:, joint] = 1
        total = total + module(mu, sigma, target, weight).loss
    equal(whole, total / 17)
    wrist, nose = (torch.zeros_like(mu) for _ in range(2))
    wrist[:, 9], nose[:, 0] = 1, 1.5
    same = mu.detach().clone(), sigma.detach().clone(), target.clone()
    for tensor in same:
        tensor[:, 9] = tensor[:, 0]
    equal(module(*same, wrist).loss, module(*same, nose).loss)


@pytest.mark.parametrize(("cells", "below"), [(1e-30, True), (1e3, False)])
def test_the_clamp_takes_every_gradient_of_a_loss_below_0_and_none_above(cells: float, below: bool) -> None:
    mu, sigma, target = batch()
    clamped, free = (built(UltralyticsRLE(clamped=c, cells=cells)) for c in (True, False))
    ours, theirs = clamped(mu, sigma, target), free(mu, sigma, target)
    parts = [
        torch.autograd.grad(loss.loss, (mu, sigma, *module.parameters()))
        for loss, module in ((ours, clamped), (theirs, free))
    ]
    assert float(ours.parts["clamped"]) == float(theirs.parts["clamped"]) == 100 * below
    assert all(gradient.any() for gradient in parts[1][:2])
    if below:
        assert float(ours.loss) == 0
        assert not any(gradient.any() for gradient in parts[0])
    else:
        assert torch.equal(ours.loss, theirs.loss)
        assert all(torch.equal(a, b) for a, b in zip(*parts, strict=True))


def test_errors_beyond_a_hundred_scales_have_no_gradient_at_mu_in_ultralytics() -> None:
    mu, sigma, target = (torch.tensor(v).double().expand(1, 2, 2).clone() for v in (0.0, 0.01, 2.0))
    target[0, 0] = 0.5
    mu.requires_grad_()
    (gradient,) = torch.autograd.grad(built(UltralyticsRLE(clamped=False))(mu, sigma, target).loss, mu)
    assert gradient[0, 0].all()
    assert not gradient[0, 1].any()


def test_a_flow_without_the_weights_of_its_context_is_the_flow() -> None:
    x, context = torch.randn(7, 2), torch.randn(7, 3)
    flow = built(RLE(flow=GIVEN)).float().flow
    assert not torch.allclose(flow.log_prob(x, context), flow.log_prob(x, -context))
    with torch.no_grad():
        flow.context.zero_()
    plain = FLOW.build(2)
    plain.load_state_dict({name: value for name, value in flow.state_dict().items() if name != "context"})
    torch.testing.assert_close(flow.log_prob(x, context), plain.log_prob(x))


def test_a_conditioned_flow_undoes_itself_and_its_log_det_is_the_jacobians() -> None:
    torch.manual_seed(0)
    flow, z, context = GIVEN.build(2).double(), torch.randn(4, 2).double(), torch.randn(4, 3).double()
    x, log_det = flow(z, context)
    back, other = flow.inverse(x, context)
    equal(back, z)
    equal(other, -log_det)
    jacobian = torch.autograd.functional.jacobian(lambda one: flow(one[None], context[:1])[0][0], z[0])
    equal(log_det[0], torch.linalg.slogdet(jacobian).logabsdet)


def test_a_conditioned_flow_learns_from_each_points_context_alone() -> None:
    mu, sigma, target = batch()
    context = torch.randn(B, P, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.ones_like(mu)
    weight[0, 1] = 0
    loss = built(RLE(flow=GIVEN))(mu, sigma, target, weight, context=context).loss
    (gradient,) = torch.autograd.grad(loss, context)
    assert torch.equal(gradient.any(-1), weight[..., 0] != 0)


def test_a_flow_refuses_another_context() -> None:
    with refused("no-context", InputError):
        built(RLE(flow=GIVEN))(*batch())
    for flow, context in ((GIVEN, None), (GIVEN, torch.zeros(4, 2)), (FLOW, torch.zeros(4, 3))):
        with refused("context-shape", InputError):
            flow.build(2).log_prob(torch.zeros(4, 2), context)
    with invalid("s-of-context"):
        RLE(flow=GIVEN, s="grid")


def test_a_regressor_gives_a_context_of_each_point_and_no_other_model_does() -> None:
    objective = RLE(flow=GIVEN)
    spec = OutputSpec(P, 2, (64, 48), scale=True, context=objective.context)
    net = RESNET50.model_copy(update={"trunk": DEMO_TRUNK}).build(spec)
    output = net(torch.zeros(B, 64, 48, 3, dtype=torch.uint8))
    assert output.context.shape == (B, P, 3)
    assert objective.build(2)(*output[:2], torch.zeros(B, P, 2), context=output.context).loss.isfinite()
    boundaries = retina("smoke")
    with refused("no-context", ConfigError):
        boundaries.model.check(boundaries.output_spec._replace(context=3))


DENSITIES: dict[str, Callable[[], Callable[[Tensor], Tensor]]] = {
    "laplace": lambda: laplace.log_prob,
    "gaussian": lambda: gaussian.log_prob,
    "correlated": lambda: (
        lambda x: gaussian.log_prob(whitened(x, torch.tensor(0.7))) + math.log(math.cosh(0.7))
    ),
    "RealNVP": lambda: RealNVP().build(2).log_prob,
    "conditioned": lambda: _given(RealNVP(context=3).build(2)),
    "NSF": lambda: NSF(transforms=2, width=16).build(2).log_prob,
}


def _given(flow: RealNVPNet) -> Callable[[Tensor], Tensor]:
    context = torch.tensor([2.0, -1.0, 0.5])
    return lambda x: flow.log_prob(x, context.expand(len(x), 3))


@pytest.mark.parametrize("name", DENSITIES)
def test_every_rows_density_integrates_to_one(name: str) -> None:
    if name == "NSF":
        pytest.importorskip("zuko")
    torch.manual_seed(1)
    assert tabulate(DENSITIES[name]()).integral == pytest.approx(1, abs=5e-3)


def test_a_spline_flow_samples_what_it_is_the_density_of() -> None:
    pytest.importorskip("zuko")
    torch.manual_seed(0)
    flow = NSF(width=8).build(2)
    assert flow.log_prob(torch.zeros(0, 2)).shape == (0,)
    x = flow.sample(20_000, torch.Generator().manual_seed(0))
    table = tabulate(flow.log_prob)
    for axis, marginal in enumerate(table.marginals):
        assert float((x[:, axis] < marginal.quantile(0.3)).float().mean()) == pytest.approx(0.3, abs=0.02)


def test_a_spline_flow_has_the_same_form_where_nothing_is_computed() -> None:
    pytest.importorskip("zuko")
    with torch.device("meta"):
        described = NSF(width=8).build(2).state_dict()
    built_here = NSF(width=8).build(2).state_dict()
    assert {n: v.shape for n, v in described.items()} == {n: v.shape for n, v in built_here.items()}


def test_without_zuko_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zuko", None)
    with refused("no-zuko", ConfigError):
        NSF().build(2)


@pytest.mark.parametrize(
    "objective",
    [RLE(flow=NSF()), RLE(flow=GIVEN), UltralyticsRLE(), BetaLaplace(), CorrelatedGaussian()],
    ids=lambda objective: objective.name,
)
def test_json_there_and_back(objective: Objective) -> None:
    adapter: TypeAdapter[Objective] = TypeAdapter(Objective)
    assert adapter.validate_json(objective.model_dump_json()) == objective


def test_what_there_was_before_has_no_new_fields_in_its_fingerprint() -> None:
    assert essence(RealNVP()) == {}
    assert essence(RLE()) == {"kind": "rle"}
    assert essence(RLE(flow=NSF()))["flow"] == {"kind": "nsf"}
