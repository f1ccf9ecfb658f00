"""log_prob of a RealNVP in two dimensions on a CPU: exact, and at least ten times as fast as matrix products.

In two dimensions a net of a coupling is a piecewise linear function of one scalar. The kernels find its
pieces once per call (`pieces`), evaluate the samples on them (`evaluate`), and take the gradient back the
same way (`evaluate`, then `weight_gradient`), in float64 throughout. numba compiles them on first use, which
takes some seconds, and caches them on disk where it can.

They take tensors of samples, weights and biases, import no other module of `models`, and return None where
they decline, so that the caller falls back to matrix products.

Shapes: N samples, K couplings, L layers of a net, H units of a layer, W the most pieces that a net may have.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from models.flow_kernels.types import Parameters, Passage, Pieces, Singles, Trace

PIECES_PER_UNIT = 16
"""Pieces of a net that memory is reserved for, per unit of a layer. Nets have about one or two per unit."""


class Kernels(NamedTuple):
    """The compiled functions."""

    build: Callable[..., bool]
    forward: Callable[..., bool]
    backward: Callable[..., None]
    gradient: Callable[..., None]


class Evaluation(NamedTuple):
    """log_prob of N samples, and what its gradient needs."""

    log_prob: Singles  # (N,)
    kernels: Kernels
    x: Singles  # (N, 2)
    weights: Parameters
    biases: Parameters
    pieces: Pieces
    trace: Trace
    passage: Passage


def supported(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> bool:
    """Whether `by_pieces` can stand in for matrix products here, and is likely to be faster.

    That takes float32 on the CPU, two dimensions, at least three layers, and not too few samples. It is not
    possible under torch.compile and other tracers, function transforms, forward-mode differentiation and
    dispatch modes, all of which need PyTorch's own operators, nor where numba can't be imported or fails. The
    first call for a number of layers compiles.
    """
    if torch.compiler.is_compiling() or _intercepted() or weights[0].shape[-1] != 2:
        return False
    layers, width = len(weights), weights[0].shape[2]
    return (
        layers >= 3
        and x.ndim == 2
        and x.shape[1] == 2
        and _worthwhile(len(x), layers, width)
        and _is_plain(x)
        and all(map(_is_plain, weights))
        and all(map(_is_plain, biases))
        and compiled(layers) is not None
    )


def log_prob(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor | None:
    """log G(x) by the kernels, or None where matrix products have to do it.

    Args:
        x: samples (N, D).
        weights: layer by layer (K, 2, out, in), as in RealNVPNet.
        biases: layer by layer (K, 2, out).

    Returns:
        (N,), natural logarithm; see `supported` and `by_pieces`.
    """
    return by_pieces(x, weights, biases) if supported(x, weights, biases) else None


def by_pieces(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor | None:
    """log G(x) by the kernels, whether or not that is faster: float32 x (N, 2) on the CPU -> (N,).

    Values and gradients are those of float64, rounded to float32: a gradient beyond its range is infinite.

    Returns:
        None where a value is not finite, a net has more pieces than memory is reserved for, or numba fails.

    Raises:
        RuntimeError: in the backward pass, if that is to be differentiated again.
    """
    kernels = compiled(len(weights))
    evaluation = kernels and _evaluate(
        kernels, _array(x), tuple(map(_array, weights)), tuple(map(_array, biases))
    )
    if evaluation is None:
        return None
    value: Tensor = _LogProb.apply(evaluation, x, *weights, *biases)
    return value


class _LogProb(torch.autograd.Function):
    """Attaches a gradient to values that have been computed already."""

    @staticmethod
    def forward(ctx: Any, evaluation: Evaluation, x: Tensor, *parameters: Tensor) -> Tensor:
        # Saved only so that autograd raises an error if they are changed before the gradient is taken.
        ctx.save_for_backward(x, *parameters)
        ctx.evaluation = evaluation
        return torch.from_numpy(evaluation.log_prob)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("log_prob by kernels is differentiable once; RealNVPNet.inverse more often")
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
    """Memory for N samples through K couplings. The system provides only pages that are written to."""
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
def compiled(layers: int) -> Kernels | None:
    """The kernels, compiled for nets of this many layers by running a small one; None where that fails."""
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
        warnings.warn(f"log_prob of 2-D flows will be slow, because numba failed: {error!r}", stacklevel=2)
        return None
    return kernels


def _intercepted() -> bool:
    """Whether something intercepts the operators that PyTorch runs."""
    return (
        torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or is_in_torch_dispatch_mode()
    )


def _worthwhile(samples: int, layers: int, width: int) -> bool:
    """Finding the pieces costs as much as this many samples by matrix products, which use all threads."""
    break_even = width * (layers - 3 + 1 / 4)
    return samples >= break_even * torch.get_num_threads()


def _is_plain(tensor: Tensor) -> bool:
    return (
        type(tensor) in (nn.Parameter, Tensor)
        and tensor.is_cpu
        and tensor.dtype == torch.float32
        and tensor.layout == torch.strided
    )


def _array(tensor: Tensor) -> Singles:
    return np.ascontiguousarray(tensor.numpy(force=True))
