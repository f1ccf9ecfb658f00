"""The gradient of a flow's weights, from the gradient of the pieces that its nets consist of.

`flow_kernel_build` backwards. All samples on a piece meet the same active units, so two sums over them stand
for them all: the gradients of the piece's slope and of its offset. From the pieces back to the rows of a
hidden layer they are multiplied by the slope of LeakyReLU that each unit has there.

Rows differ by what has switched left of them, so what is wanted are sums from a row to the last one: a unit
of the first layer that becomes active where a row ends adds to all rows after it.

The gradient of an output weight needs no table of hidden values. LeakyReLU(v) is a slope times v, so it is
the product of a unit's own weights with their gradient, before that is multiplied by the output weight.

Shapes: H units a layer, M rows, P pieces; tables are (2, rows, H), slopes before offsets.
"""

from typing import NamedTuple

import numpy as np

from models.flow_kernel_common import SLOPE, Doubles, Index, Parameters, Singles, Trace, entry, jit


class Layer(NamedTuple):
    """A layer of one net, and its gradient, which is to be filled."""

    weight: Singles  # (out, in)
    bias: Singles  # (out,)
    grad_weight: Singles
    grad_bias: Singles


class Switches(NamedTuple):
    """The units of the first layer: see Trace."""

    order: Index  # (H,)
    left: Doubles  # (H,)
    step: Doubles  # (H,)


@jit
def _other(slope: float) -> float:
    """The slope of LeakyReLU on the other side of zero."""
    return SLOPE if slope == 1.0 else 1.0


@jit
def _sums_of_pieces(
    unit: Index, right: Doubles, grad_slope: Doubles, grad_offset: Doubles, out: Doubles
) -> None:
    """Sums from each row on, for the last hidden layer: every unit of a piece has the same gradient.

    Where a unit switches, only that unit's sum changes course: `more` holds what it has beside now · sum.
    """
    H, m = len(right), out.shape[1] - 1
    now, more_slope, more_offset = right.copy(), np.zeros(H), np.zeros(H)
    a, b = 0.0, 0.0
    for p in range(len(unit), -1, -1):
        a += grad_slope[p]
        b += grad_offset[p]
        o = unit[p - 1] if p > 0 else -1
        if o >= 0:
            change = now[o] - _other(now[o])
            now[o] = _other(now[o])
            more_slope[o] += change * a
            more_offset[o] += change * b
        else:
            for i in range(H):
                out[0, m, i] = now[i] * a + more_slope[i]
                out[1, m, i] = now[i] * b + more_offset[i]
            m -= 1


@jit
def _sums_of_units(unit: Index, right: Doubles, grad: Doubles, out: Doubles) -> None:
    """Sums from each row on, where units have gradients of their own: grad (2, P, H)."""
    H, m = len(right), out.shape[1] - 1
    now, slope, offset = right.copy(), np.zeros(H), np.zeros(H)
    for p in range(len(unit), -1, -1):
        for i in range(H):
            slope[i] += now[i] * grad[0, p, i]
            offset[i] += now[i] * grad[1, p, i]
        o = unit[p - 1] if p > 0 else -1
        if o >= 0:
            now[o] = _other(now[o])
        else:
            for i in range(H):
                out[0, m, i], out[1, m, i] = slope[i], offset[i]
            m -= 1


@jit
def _transpose(matrix: Singles | Doubles, out: Doubles) -> None:
    """The transpose of `matrix` (out, in) into `out`; as in `flow_kernel_build`."""
    rows, columns = matrix.shape
    whole = rows - rows % 8
    for block in range(0, whole, 8):
        for j in range(columns):
            for i in range(8):
                out[j, block + i] = matrix[block + i, j]
    for i in range(whole, rows):
        for j in range(columns):
            out[j, i] = matrix[i, j]


@jit
def _add_product(out: Doubles, a: Doubles, b: Doubles | Singles) -> None:
    """out += a @ b, as in `flow_kernel_build`."""
    inner = len(b)
    whole = inner - inner % 4
    for i in range(len(out)):
        for j in range(0, whole, 4):
            a0, a1, a2, a3 = a[i, j], a[i, j + 1], a[i, j + 2], a[i, j + 3]
            for o in range(b.shape[1]):
                out[i, o] += a0 * b[j, o] + a1 * b[j + 1, o] + a2 * b[j + 2, o] + a3 * b[j + 3, o]
        for j in range(whole, inner):
            for o in range(b.shape[1]):
                out[i, o] += a[i, j] * b[j, o]


@jit
def _through_last(last: Layer, moved: int, grad_offset: Doubles, P: int, scale: Doubles) -> None:
    """Bias and idle row of the last layer; its weights into `scale`, by which all below is multiplied."""
    total = 0.0
    for p in range(P):
        total += grad_offset[p]
    last.grad_bias[moved], last.grad_bias[1 - moved] = total, 0
    for o in range(len(scale)):
        scale[o] = last.weight[moved, o]
        last.grad_weight[1 - moved, o] = 0


@jit
def _through_first(
    first: Layer,
    kept: int,
    switches: Switches,
    columns: Doubles,
    scale: Doubles,
    sums: Doubles,
    grad: Doubles,
) -> None:
    """From the second layer's sums to its weights, grad (in, out), and to the first layer."""
    H = len(first.bias)
    for i in range(H):
        j = switches.order[i]
        w, b, left, step = first.weight[j, kept], first.bias[j], switches.left[j], switches.step[j]
        total_w, total_b = 0.0, 0.0
        for o in range(H):
            d = left * sums[0, 0, o] + step * sums[0, i + 1, o]
            e = left * sums[1, 0, o] + step * sums[1, i + 1, o]
            grad[j, o] = w * d + b * e
            total_w += columns[j, o] * scale[o] * d
            total_b += columns[j, o] * scale[o] * e
        first.grad_weight[j, kept], first.grad_weight[j, 1 - kept] = total_w, 0
        first.grad_bias[j] = total_b


@jit
def _through_later(weight: Singles, scale: Doubles, sums: Doubles, passed: Doubles, grad: Doubles) -> Doubles:
    """From a later layer's sums to its weights, grad (out, in), and to what the layer below passed on."""
    M, H = sums.shape[1:]
    grad_passed = np.zeros((2, M, H))
    for o in range(H):
        for j in range(H):
            grad[o, j] = 0
    for i in range(2):
        own = sums[i].copy()
        for m in range(M - 1):
            for o in range(H):
                own[m, o] -= sums[i, m + 1, o]
        _add_product(grad, own.T, passed[i, :M])
        for m in range(M):
            for o in range(H):
                own[m, o] *= scale[o]
        _add_product(grad_passed[i], own, weight)
    return grad_passed


@jit
def _store(layer: Layer, grad: Doubles, scale: Doubles, sums: Doubles, grad_scale: Singles) -> None:
    """The gradient of a layer from that before `scale`, and the gradient of `scale`."""
    for o in range(len(layer.bias)):
        total = layer.bias[o] * sums[1, 0, o]
        for j in range(layer.weight.shape[1]):
            total += layer.weight[o, j] * grad[o, j]
            layer.grad_weight[o, j] = scale[o] * grad[o, j]
        layer.grad_bias[o], grad_scale[o] = scale[o] * sums[1, 0, o], total


@entry
def gradient(
    weights: Parameters,
    biases: Parameters,
    from_trace: Trace,
    grad_lines: Doubles,
    grad_weights: Parameters,
    grad_biases: Parameters,
) -> None:
    """Fill grad_weights and grad_biases, from the gradients of slopes and offsets (2, 2 K, W)."""
    trace = Trace(*from_trace)
    H, top = trace.order.shape[1], len(weights) - 3
    scale, columns, grad, grad_columns = np.empty(H), np.empty((H, H)), np.empty((H, H)), np.empty((H, H))
    for net in range(len(trace.order)):
        k, q, moved = net // 2, net % 2, net // 2 % 2
        last = Layer(weights[-1][k, q], biases[-1][k, q], grad_weights[-1][k, q], grad_biases[-1][k, q])
        _through_last(last, moved, grad_lines[1, net], trace.number[top, net], scale)
        grad_scale = last.grad_weight[moved]
        sums = np.empty((2, trace.number[top - 1, net] if top > 0 else H + 1, H))
        unit = trace.unit[top, net, : trace.number[top, net] - 1]
        _sums_of_pieces(unit, trace.right[top, net], grad_lines[0, net], grad_lines[1, net], sums)
        for i in range(top, 0, -1):
            j = i + 1
            layer = Layer(weights[j][k, q], biases[j][k, q], grad_weights[j][k, q], grad_biases[j][k, q])
            grad_passed = _through_later(layer.weight, scale, sums, trace.passed[i - 1, net], grad)
            _store(layer, grad, scale, sums, grad_scale)
            grad_scale, scale[:] = np.empty(H, np.float32), 1.0
            sums = np.empty((2, trace.number[i - 2, net] if i > 1 else H + 1, H))
            unit = trace.unit[i - 1, net, : trace.number[i - 1, net] - 1]
            _sums_of_units(unit, trace.right[i - 1, net], grad_passed, sums)
        first = Layer(weights[0][k, q], biases[0][k, q], grad_weights[0][k, q], grad_biases[0][k, q])
        second = Layer(weights[1][k, q], biases[1][k, q], grad_weights[1][k, q], grad_biases[1][k, q])
        _transpose(second.weight, columns)
        switches = Switches(trace.order[net], trace.slopes[0, net], trace.slopes[1, net])
        _through_first(first, 1 - moved, switches, columns, scale, sums, grad_columns)
        _transpose(grad_columns, grad)
        _store(second, grad, scale, sums, grad_scale)
