"""The gradient of a flow's weights, from the gradient of the pieces that its nets consist of.

`pieces` in reverse. All samples on a piece have the same active units, so two sums over them are enough: the
gradients of the piece's slope and of its offset. From the pieces back to the rows of a
hidden layer they are multiplied by the slope of LeakyReLU that each unit has there.

Rows differ by what has switched left of them, so sums from a row to the last one are needed: where a row
ends, the vector along which the inputs change there adds to all rows after it.

The gradient of an output weight needs no table of hidden values. LeakyReLU(v) is a slope times v, so it is
the product of a unit's own weights with their gradient, before that is multiplied by the output weight.

Shapes: H units of a layer, M rows, P pieces; sums are (2, rows, H), slopes before offsets.
"""

from typing import NamedTuple

import numpy as np

from models.flow_kernels.shared import add_product, other_slope, transpose
from models.flow_kernels.types import Doubles, Index, Parameters, Singles, Trace, entry, jit


class Layer(NamedTuple):
    """A layer of one net, and its gradient, to be filled."""

    weight: Singles  # (out, in)
    bias: Singles  # (out,)
    grad_weight: Singles
    grad_bias: Singles


class Switches(NamedTuple):
    """The units of the first layer: see Trace."""

    order: Index  # (H,)
    left: Doubles  # (H,)
    step: Doubles  # (H,)


class Changes(NamedTuple):
    """How a layer's inputs change from row to row, or the gradient: see Rows in `pieces`."""

    along: Doubles  # (M - 1, H)
    change: Doubles  # (M - 1, 2)


class Passed(NamedTuple):
    """The output of the layer below in its first row, and its changes, or the gradient: see Trace."""

    base: Doubles  # (2, H)
    along: Doubles  # (M - 1, H), with the rows M of the layer below


@jit
def _sums_of_pieces(
    unit: Index, right: Doubles, grad_slope: Doubles, grad_offset: Doubles, out: Doubles
) -> None:
    """Sums from each row on, for the last hidden layer: every unit of a piece has the same gradient.

    Where a unit switches, only its own sum changes slope: `more` holds what it has beyond now · sum.
    """
    H, m = len(right), out.shape[1] - 1
    now, more_slope, more_offset = right.copy(), np.zeros(H), np.zeros(H)
    a, b = 0.0, 0.0
    for p in range(len(unit), -1, -1):
        a += grad_slope[p]
        b += grad_offset[p]
        o = unit[p - 1] if p > 0 else -1
        if o >= 0:
            change = now[o] - other_slope(now[o])
            now[o] = other_slope(now[o])
            more_slope[o] += change * a
            more_offset[o] += change * b
        else:
            for i in range(H):
                out[0, m, i] = now[i] * a + more_slope[i]
                out[1, m, i] = now[i] * b + more_offset[i]
            m -= 1


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
    sums: Doubles,
    above: Changes,
    grad: Doubles,
) -> None:
    """From the second layer's sums to its weights, grad (in, out), and to the first layer.

    `columns` are the second layer's weights transposed, each by what all below it is multiplied by.
    """
    H = len(first.bias)
    for i in range(H):
        j = switches.order[i]
        w, b, left, step = first.weight[j, kept], first.bias[j], switches.left[j], switches.step[j]
        total_w, total_b = step * above.change[i, 0], step * above.change[i, 1]
        for o in range(H):
            d = left * sums[0, 0, o] + step * sums[0, i + 1, o]
            e = left * sums[1, 0, o] + step * sums[1, i + 1, o]
            grad[j, o] = w * d + b * e + above.along[i, o]
            total_w += columns[j, o] * d
            total_b += columns[j, o] * e
        first.grad_weight[j, kept], first.grad_weight[j, 1 - kept] = total_w, 0
        first.grad_bias[j] = total_b


@jit
def _through_rows(sums: Doubles, scale: Doubles, of: Changes, grad: Changes) -> None:
    """Add what the sums of a layer give to the gradients of its changes, that of `along` before `scale`."""
    for r in range(len(of.along)):
        u, v = 0.0, 0.0
        for o in range(len(scale)):
            a, b = sums[0, r + 1, o], sums[1, r + 1, o]
            grad.along[r, o] += of.change[r, 0] * a + of.change[r, 1] * b
            u += scale[o] * of.along[r, o] * a
            v += scale[o] * of.along[r, o] * b
        grad.change[r, 0] += u
        grad.change[r, 1] += v


@jit
def _through_weights(
    unit: Index, sums: Doubles, passed: Passed, grad_along: Doubles, grad: Doubles
) -> Doubles:
    """To a later layer's weights, grad (in, out); returns the part of `grad_along` from the layer's own rows.

    Where a unit below switches, inputs change along its column of weights; else along the product of all of
    them with the output of the layer below.
    """
    H, m = len(grad), 0
    for j in range(H):
        for o in range(H):
            grad[j, o] = passed.base[0, j] * sums[0, 0, o] + passed.base[1, j] * sums[1, 0, o]
    for p in range(len(unit)):
        if unit[p] < 0:
            for o in range(H):
                grad_along[m, o] = grad_along[p, o]
            m += 1
        else:
            for o in range(H):
                grad[unit[p], o] += grad_along[p, o]
    add_product(grad, passed.along.T, grad_along[:m])
    return grad_along[:m]


@jit
def _through_products(weight: Singles, scale: Doubles, sums: Doubles, grad_along: Doubles) -> Passed:
    """The gradient of a later layer's input; `grad_along` is multiplied by `scale`."""
    H, M = len(scale), len(grad_along)
    grad = Passed(np.zeros((2, H)), np.zeros((M, H)))
    for o in range(H):
        for j in range(H):
            grad.base[0, j] += scale[o] * sums[0, 0, o] * weight[o, j]
            grad.base[1, j] += scale[o] * sums[1, 0, o] * weight[o, j]
    for m in range(M):
        for o in range(H):
            grad_along[m, o] *= scale[o]
    add_product(grad.along, grad_along, weight)
    return grad


@jit
def _through_units(
    unit: Index, right: Doubles, change: Doubles, passed: Passed, grad: Changes, sums: Doubles
) -> None:
    """From the gradients of a layer's output to those of its changes, and to its sums.

    Args:
        change: (P - 1, 2) the gradient of the changes that its pieces make to the next layer.
        passed: the gradient of the output.
    """
    H, m = len(right), sums.shape[1] - 1
    now, slope, offset = right.copy(), np.zeros(H), np.zeros(H)
    for p in range(len(unit) - 1, -1, -1):
        o = unit[p]
        if o >= 0:
            step = now[o] - other_slope(now[o])
            now[o] = other_slope(now[o])
            slope[o] += step * change[p, 0]
            offset[o] += step * change[p, 1]
        else:
            for i in range(H):
                sums[0, m, i], sums[1, m, i] = slope[i], offset[i]
            m -= 1
            grad.change[m, 0], grad.change[m, 1] = change[p, 0], change[p, 1]
            for i in range(H):
                grad.along[m, i] = now[i] * passed.along[m, i]
    for i in range(H):
        sums[0, 0, i] = slope[i] + now[i] * passed.base[0, i]
        sums[1, 0, i] = offset[i] + now[i] * passed.base[1, i]


@jit
def _store(
    layer: Layer, columns: Doubles, grad: Doubles, scale: Doubles, sums: Doubles, grad_scale: Singles
) -> None:
    """The gradient of a layer from that before `scale`, and the gradient of `scale`.

    Args:
        columns: the gradient of the weights before `scale`, (in, out); `grad` is memory for its transpose.
    """
    transpose(columns, grad)
    for o in range(len(layer.bias)):
        total = layer.bias[o] * sums[1, 0, o]
        for j in range(layer.weight.shape[1]):
            total += layer.weight[o, j] * grad[o, j]
            layer.grad_weight[o, j] = scale[o] * grad[o, j]
        layer.grad_bias[o], grad_scale[o] = scale[o] * sums[1, 0, o], total


@jit
def _gradients_of_rows(rows: int, H: int) -> tuple[Doubles, Changes]:
    """Memory for the sums of a layer, and the gradients of its changes, set to zero."""
    return np.empty((2, rows, H)), Changes(np.zeros((rows - 1, H)), np.zeros((rows - 1, 2)))


@jit
def _scaled_transpose(weight: Singles, scale: Doubles, columns: Doubles) -> None:
    transpose(weight, columns)
    for j in range(columns.shape[0]):
        for o in range(columns.shape[1]):
            columns[j, o] *= scale[o]


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
        rows = trace.number[top - 1, net] if top > 0 else H + 1
        sums, changes = _gradients_of_rows(rows, H)
        unit = trace.unit[top, net, : trace.number[top, net] - 1]
        _sums_of_pieces(unit, trace.right[top, net], grad_lines[0, net], grad_lines[1, net], sums)
        for i in range(top, 0, -1):
            j, here, below = i + 1, trace.start[i - 1, net], trace.number[i - 2, net] if i > 1 else H + 1
            layer = Layer(weights[j][k, q], biases[j][k, q], grad_weights[j][k, q], grad_biases[j][k, q])
            unit, stop = trace.unit[i - 1, net, : rows - 1], here + rows - 1
            _through_rows(sums, scale, Changes(trace.along[here:stop], trace.change[here:stop]), changes)
            passed = Passed(trace.base[i - 1, net], trace.passed[here : here + below - 1])
            grad_along = _through_weights(unit, sums, passed, changes.along, grad_columns)
            grad_passed = _through_products(layer.weight, scale, sums, grad_along)
            _store(layer, grad_columns, grad, scale, sums, grad_scale)
            grad_scale, scale[:], change, rows = np.empty(H, np.float32), 1.0, changes.change, below
            sums, changes = _gradients_of_rows(rows, H)
            _through_units(unit, trace.right[i - 1, net], change, grad_passed, changes, sums)
        first = Layer(weights[0][k, q], biases[0][k, q], grad_weights[0][k, q], grad_biases[0][k, q])
        second = Layer(weights[1][k, q], biases[1][k, q], grad_weights[1][k, q], grad_biases[1][k, q])
        _scaled_transpose(second.weight, scale, columns)
        switches = Switches(trace.order[net], trace.slopes[0, net], trace.slopes[1, net])
        _through_first(first, 1 - moved, switches, columns, sums, changes, grad_columns)
        _store(second, grad_columns, grad, scale, sums, grad_scale)
