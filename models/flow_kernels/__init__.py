"""RealNVP.log_prob in two dimensions on a CPU: exact, and ten times and more as fast as matrix products.

In two dimensions a net of a coupling is a piecewise linear function of one scalar. The kernels find its
pieces once a call (`flow_kernel_build`), send the samples through them (`flow_kernel_points`), and bring the
gradient back the same way (`flow_kernel_gradient`), in float64 throughout. numba compiles them on first use,
which takes some seconds, and keeps them on disk where it may.

Shapes: N samples, K couplings, L layers a net, H units a layer, W pieces at most of a net.
"""

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from models.flow_kernels.types import Parameters, Passage, Pieces, Singles, Trace

if TYPE_CHECKING:
    from models.flow import RealNVP

PIECES_PER_UNIT = 16
"""Room for pieces of a net, for each unit of a layer. Nets have about one or two for each unit."""


class Kernels(NamedTuple):
    """The compiled functions."""

    build: Callable[..., bool]
    forward: Callable[..., bool]
    backward: Callable[..., None]
    gradient: Callable[..., None]


class Evaluation(NamedTuple):
    """log_prob of N samples, and what its gradient takes."""

    log_prob: Singles  # (N,)
    kernels: Kernels
    x: Singles  # (N, 2)
    weights: Parameters
    biases: Parameters
    pieces: Pieces
    trace: Trace
    passage: Passage


def supported(flow: "RealNVP", x: Tensor) -> bool:
    """Whether `log_prob` here can stand in for the one made of matrix products, and is likely to be faster.

    It takes float32 on the CPU, two dimensions, three layers or more, and not too few samples. Not under
    torch.compile and other tracers, function transforms, forward-mode differentiation and dispatch modes, all
    of which need PyTorch's own operators; nor where numba can't be imported or fails. The first call for a
    number of layers compiles.
    """
    if torch.compiler.is_compiling() or _intercepted() or flow.dim != 2:
        return False
    parameters = _parameters(flow)
    layers, width = len(parameters) // 2, parameters[0].shape[2]
    return (
        layers >= 3
        and x.ndim == 2
        and x.shape[1] == 2
        and _worthwhile(len(x), layers, width)
        and _is_plain(x)
        and all(map(_is_plain, parameters))
        and _kernels(layers) is not None
    )


def log_prob(flow: "RealNVP", x: Tensor) -> Tensor:
    """log G(x), natural logarithm: x (N, 2) -> (N,), where `supported` allows it.

    Values and gradients are those of float64, rounded to float32. Where a value is not finite, or a net has
    more pieces than there is room for, the matrix products decide.

    Raises:
        RuntimeError: in the backward pass, if that is to be differentiated again.
    """
    parameters = _parameters(flow)
    kernels = _kernels(len(parameters) // 2)
    evaluation = kernels and _evaluate(kernels, _array(x), *_layers(parameters))
    if evaluation is None:
        z, log_det = flow.inverse(x)
        return log_det - 0.5 * (z.square().sum(-1) + flow.dim * math.log(2 * math.pi))
    value: Tensor = _LogProb.apply(evaluation, x, *parameters)
    return value


class _LogProb(torch.autograd.Function):
    """Gives values that are known already their gradient."""

    @staticmethod
    def forward(ctx: Any, evaluation: Evaluation, x: Tensor, *parameters: Tensor) -> Tensor:
        # Saved for autograd's sake alone, which complains if they are changed before the gradient is taken.
        ctx.save_for_backward(x, *parameters)
        ctx.evaluation = evaluation
        return torch.from_numpy(evaluation.log_prob)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("log_prob by kernels is differentiable once; take RealNVP.inverse for more")
        _, *parameters = ctx.saved_tensors
        grad_x, *grads = _gradients(ctx.evaluation, _array(grad), any(ctx.needs_input_grad[2:]))
        filled = map(torch.from_numpy, grads) if grads else [None] * len(parameters)
        return None, torch.from_numpy(grad_x), *filled


def _evaluate(kernels: Kernels, x: Singles, weights: Parameters, biases: Parameters) -> Evaluation | None:
    """None where a value is not finite or a net has W pieces or more."""
    pieces, trace, passage = _room(len(biases[0]), len(weights), biases[0].shape[-1], len(x))
    log_prob = np.empty(len(x), np.float32)
    if not kernels.build(weights, biases, tuple(pieces), tuple(trace)):
        return None
    if not kernels.forward(x, tuple(pieces), tuple(passage), log_prob):
        return None
    return Evaluation(log_prob, kernels, x, weights, biases, pieces, trace, passage)


def _gradients(of: Evaluation, grad: Singles, of_parameters: bool) -> list[Singles]:
    """Those of x and, if wanted, of weights and biases."""
    grad_x, grad_lines = np.empty_like(of.x), np.empty_like(of.pieces.lines)
    of.kernels.backward(grad, of.x, tuple(of.pieces), tuple(of.passage), grad_x, grad_lines)
    if not of_parameters:
        return [grad_x]
    weights = tuple(np.empty(weight.shape, np.float32) for weight in of.weights)
    biases = tuple(np.empty(bias.shape, np.float32) for bias in of.biases)
    of.kernels.gradient(of.weights, of.biases, tuple(of.trace), grad_lines, weights, biases)
    return [grad_x, *weights, *biases]


def _room(K: int, L: int, H: int, N: int) -> tuple[Pieces, Trace, Passage]:
    """Memory for N samples through K couplings; what stays unused of it is never touched."""
    nets, W = 2 * K, PIECES_PER_UNIT * (H + 1)
    R = (L - 3) * nets * W
    pieces = Pieces(np.empty(nets, np.int64), np.empty((nets, W)), np.empty((2, nets, W)))
    trace = Trace(
        order=np.empty((nets, H), np.int64),
        slopes=np.empty((2, nets, H)),
        number=np.empty((L - 2, nets), np.int64),
        unit=np.empty((L - 2, nets, W), np.int64),
        right=np.empty((L - 2, nets, H)),
        start=np.empty((L - 3, nets), np.int64),
        base=np.empty((L - 3, nets, 2, H)),
        passed=np.empty((R, H)),
        along=np.empty((R, H)),
        change=np.empty((R, 2)),
    )
    passage = Passage(np.empty((K, N)), np.empty((K, N)), np.empty((nets, N), np.uint32))
    return pieces, trace, passage


@functools.cache
def _kernels(layers: int) -> Kernels | None:
    """The kernels, compiled for nets of so many layers by running a small one; None where that fails."""
    try:
        from models.flow_kernels.evaluate import backward, forward
        from models.flow_kernels.pieces import build
        from models.flow_kernels.weight_gradient import gradient

        kernels = Kernels(build, forward, backward, gradient)
        sizes = [2, *[1] * (layers - 1), 2]
        weights = tuple(np.zeros((1, 2, out, fan_in), np.float32) for fan_in, out in pairwise(sizes))
        biases = tuple(np.zeros((1, 2, out), np.float32) for out in sizes[1:])
        evaluation = _evaluate(kernels, np.zeros((1, 2), np.float32), weights, biases)
        assert evaluation is not None
        _gradients(evaluation, np.zeros(1, np.float32), of_parameters=True)
    except Exception as error:
        warnings.warn(f"log_prob of 2-D flows stays slow, for numba fails: {error!r}", stacklevel=2)
        return None
    return kernels


def _intercepted() -> bool:
    """Whether something looks on which operators PyTorch runs."""
    return (
        torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or is_in_torch_dispatch_mode()
    )


def _worthwhile(samples: int, layers: int, width: int) -> bool:
    """Pieces cost as much as so many samples in matrix products, which are shared among threads."""
    as_many = width * (layers - 3 + 1 / 4)
    return samples >= as_many * torch.get_num_threads()


def _is_plain(tensor: Tensor) -> bool:
    return (
        type(tensor) in (nn.Parameter, Tensor)
        and tensor.is_cpu
        and tensor.dtype == torch.float32
        and tensor.layout == torch.strided
    )


def _parameters(flow: "RealNVP") -> list[Tensor]:
    """Weights, then biases. Iterating over the lists themselves takes longer than some of the kernels."""
    return [*flow.weights.parameters(), *flow.biases.parameters()]


def _array(tensor: Tensor) -> Singles:
    return np.ascontiguousarray(tensor.numpy(force=True))


def _layers(parameters: Sequence[Tensor]) -> tuple[Parameters, Parameters]:
    """Weights and biases, layer by layer."""
    arrays = tuple(map(_array, parameters))
    return arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :]
