"""The nets of a 2-D flow as straight pieces.

An s or t net of a 2-D flow reads one scalar c and writes one. It is Linear layers with LeakyReLU between
them, so between the places where some unit changes sign it is slope · c + offset. There are about as many of
these pieces as units (Hanin & Rolnick, "Complexity of linear regions in deep networks", 2019), each is found
exactly, and then a sample costs one search instead of one product with every weight.

The line is cut layer by layer. In a row of a table the inputs of a layer's units are slope · c + offset;
where one of them crosses zero the row is cut, and the pieces are the rows of the next layer. The rows of the
second layer need no product: from row to row one unit of the first layer switches and adds one column. The
last layer has one unit, and a switch below it changes one of its summands. Layers between, if any, are dense
products with as many rows as there are pieces.

All is float64, exact enough for sums that grow by differences; the cost does not depend on the samples. Loops
are written out, since an array expression takes longer to compile than all of them together.

Shapes: H units a layer, M rows, P pieces, W more than there are ever pieces.
"""

from typing import NamedTuple

import numpy as np

from models.flow_kernel_common import SLOPE, Doubles, Index, Parameters, Pieces, Singles, Trace, entry, jit

FAR = 1e60
"""Stands for infinity on the line: beyond every float32, and safe to multiply."""

HUGE = 1e200
"""A slope or an offset beyond it is as good as infinite."""


class First(NamedTuple):
    """The units of the first layer, LeakyReLU(weight · c + bias)."""

    weight: Doubles  # (H,)
    bias: Doubles  # (H,)
    left: Doubles  # (H,) the slope of LeakyReLU on the far left
    step: Doubles  # (H,) how much it changes where the unit switches
    order: Index  # (H,) the units by where they switch
    ends: Doubles  # (H,) where, ascending


class Rows(NamedTuple):
    """slope · c + offset for H units in row m, which is (ends[m - 1], ends[m]]."""

    ends: Doubles  # (M - 1,)
    slope: Doubles  # (M, H)
    offset: Doubles  # (M, H)


class Cuts(NamedTuple):
    """The pieces of rows: where piece p ends, a unit switches or the row ends with it."""

    ends: Doubles  # (P - 1,)
    unit: Index  # (P - 1,) the unit that switches; -1 where the row ends
    left: Doubles  # (H,) the units' slopes of LeakyReLU on the first piece
    right: Doubles  # (H,) and on the last


@jit
def _other(slope: float) -> float:
    """The slope of LeakyReLU on the other side of zero."""
    return SLOPE if slope == 1.0 else 1.0


@jit
def _switch(zero: float, rising: bool, low: float, high: float) -> float:
    """The last c before a unit with this zero switches; at the zero itself it counts as negative."""
    place = zero if rising else np.nextafter(zero, -np.inf)
    return min(place, high) if place > low else low  # low if NaN


@jit
def _insert(ends: Doubles, unit: Index, n: int, start: int, place: float, o: int) -> None:
    """Put unit o among the units start to n, whose `ends` ascend."""
    while n > start and ends[n - 1] > place:
        ends[n], unit[n] = ends[n - 1], unit[n - 1]
        n -= 1
    ends[n], unit[n] = place, o


@jit
def _transpose(matrix: Singles, out: Doubles) -> None:
    """The transpose of `matrix` (out, in) into `out`; eight rows at a time are three times as fast as all."""
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
def _add_product(out: Doubles, a: Doubles, b: Doubles) -> None:
    """out += a @ b, four rows of b at a time, so that `out` is read and written less often.

    Of a, which may be longer than `out`, the first rows.
    """
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
def _first(weight: Singles, bias: Singles) -> First:
    H = len(weight)
    w, b, left, step, ends = np.empty(H), np.empty(H), np.empty(H), np.empty(H), np.empty(H)
    order = np.empty(H, np.int64)
    for j in range(H):
        w[j], b[j] = weight[j], bias[j]
        left[j] = 1.0 if w[j] < 0 or (w[j] == 0 and b[j] > 0) else SLOPE
        step[j] = 0.0 if w[j] == 0 else _other(left[j]) - left[j]
        _insert(ends, order, j, 0, FAR if w[j] == 0 else _switch(-b[j] / w[j], w[j] > 0, -FAR, FAR), j)
    return First(w, b, left, step, order, ends)


@jit
def _second_rows(first: First, columns: Doubles, bias: Singles) -> Rows:
    """The inputs of the second layer, whose weights are `columns` transposed."""
    H = len(bias)
    slope, offset = np.empty((H + 1, H)), np.empty((H + 1, H))
    for o in range(H):
        slope[0, o], offset[0, o] = 0.0, bias[o]
    for j in range(H):
        u, v = first.left[j] * first.weight[j], first.left[j] * first.bias[j]
        for o in range(H):
            slope[0, o] += u * columns[j, o]
            offset[0, o] += v * columns[j, o]
    for i in range(H):
        j = first.order[i]
        u, v = first.step[j] * first.weight[j], first.step[j] * first.bias[j]
        for o in range(H):
            slope[i + 1, o] = slope[i, o] + u * columns[j, o]
            offset[i + 1, o] = offset[i, o] + v * columns[j, o]
    return Rows(first.ends, slope, offset)


@jit
def _next_rows(ends: Doubles, passed: Doubles, columns: Doubles, bias: Singles) -> Rows:
    """The inputs of a later layer, from what the one below passes on, (2, W, H) with M rows in use."""
    M, H = len(ends) + 1, passed.shape[2]
    slope, offset = np.empty((M, H)), np.empty((M, H))
    for m in range(M):
        for o in range(H):
            slope[m, o], offset[m, o] = 0.0, bias[o]
    _add_product(slope, passed[0], columns)
    _add_product(offset, passed[1], columns)
    return Rows(ends, slope, offset)


@jit
def _cut(rows: Rows, limit: int) -> Cuts:
    """Cut the rows at every zero of every unit; what takes `limit` cuts or more is left with `limit`."""
    M, H = rows.slope.shape
    ends, unit, left = np.empty(limit), np.empty(limit, np.int64), np.empty(H)
    for o in range(H):
        left[o] = 1.0 if rows.offset[0, o] - FAR * rows.slope[0, o] > 0 else SLOPE
    now, changed = left.copy(), np.zeros((H + 7) // 8 * 8, np.uint8)
    by_eight = changed.view(np.uint64)
    n, low = 0, -FAR
    for m in range(M):
        slope, offset, start = rows.slope[m], rows.offset[m], n
        high = rows.ends[m] if m < M - 1 else FAR
        for o in range(H):
            changed[o] = (slope[o] * high + offset[o] > 0) != (now[o] == 1.0)
        for eight in range(len(by_eight)):
            if by_eight[eight] != 0:
                for o in range(8 * eight, min(8 * eight + 8, H)):
                    if changed[o] and n < limit:
                        now[o] = _other(now[o])
                        _insert(
                            ends, unit, n, start, _switch(-offset[o] / slope[o], now[o] == 1.0, low, high), o
                        )
                        n += 1
        if n < limit and m < M - 1:
            ends[n], unit[n] = high, -1
            n += 1
        if n == limit:
            break
        low = high
    return Cuts(ends[:n], unit[:n], left, now)


@jit
def _pass_on(rows: Rows, cuts: Cuts, out: Doubles) -> None:
    """LeakyReLU of the inputs on every piece, into `out`, (2, W, H) with P rows in use."""
    P, H = len(cuts.ends) + 1, out.shape[2]
    left, m = cuts.left.copy(), 0
    for p in range(P):
        for o in range(H):
            out[0, p, o] = left[o] * rows.slope[m, o]
            out[1, p, o] = left[o] * rows.offset[m, o]
        if p < P - 1 and cuts.unit[p] >= 0:
            left[cuts.unit[p]] = _other(left[cuts.unit[p]])
        else:
            m += 1


@jit
def _output(rows: Rows, cuts: Cuts, weight: Singles, bias: float, slope: Doubles, offset: Doubles) -> bool:
    """The one unit of the last layer on every piece, into slope and offset (W,); whether all are finite."""
    H, P, finite = rows.slope.shape[1], len(cuts.ends) + 1, True
    left, m = cuts.left.copy(), -1
    for p in range(P):
        o = cuts.unit[p - 1] if p > 0 else -1
        if o >= 0:
            change = (_other(left[o]) - left[o]) * weight[o]
            left[o] = _other(left[o])
            slope[p] = slope[p - 1] + change * rows.slope[m, o]
            offset[p] = offset[p - 1] + change * rows.offset[m, o]
        else:
            m += 1
            a, b = 0.0, np.float64(bias)
            for i in range(H):
                a += left[i] * weight[i] * rows.slope[m, i]
                b += left[i] * weight[i] * rows.offset[m, i]
            slope[p], offset[p] = a, b
        finite &= abs(slope[p]) < HUGE and abs(offset[p]) < HUGE
    return finite


@jit
def _keep(cuts: Cuts, unit: Index, right: Doubles) -> None:
    for p in range(len(cuts.unit)):
        unit[p] = cuts.unit[p]
    for o in range(len(right)):
        right[o] = cuts.right[o]


@entry
def build(weights: Parameters, biases: Parameters, to_pieces: Pieces, to_trace: Trace) -> bool:
    """Fill pieces and trace; whether that worked: no net has W pieces or more, and all is finite."""
    pieces, trace = Pieces(*to_pieces), Trace(*to_trace)
    H, W = trace.order.shape[1], pieces.ends.shape[1]
    columns = np.empty((H, H))
    for net in range(len(pieces.number)):
        k, q = net // 2, net % 2
        first = _first(weights[0][k, q, :, (k + 1) % 2], biases[0][k, q])
        for j in range(H):
            trace.order[net, j] = first.order[j]
            trace.slopes[0, net, j], trace.slopes[1, net, j] = first.left[j], first.step[j]
        _transpose(weights[1][k, q], columns)
        rows = _second_rows(first, columns, biases[1][k, q])
        cuts = _cut(rows, W - 1)
        for layer in range(len(weights) - 2):
            if layer > 0:
                _pass_on(rows, cuts, trace.passed[layer - 1, net])
                _transpose(weights[layer + 1][k, q], columns)
                rows = _next_rows(cuts.ends, trace.passed[layer - 1, net], columns, biases[layer + 1][k, q])
                cuts = _cut(rows, W - 1)
            if len(cuts.ends) == W - 1:
                return False
            trace.number[layer, net] = len(cuts.ends) + 1
            _keep(cuts, trace.unit[layer, net], trace.right[layer, net])
        pieces.number[net] = len(cuts.ends) + 1
        # Searches by halving look no further than twice the number of pieces.
        for p in range(min(2 * pieces.number[net], W)):
            pieces.ends[net, p] = cuts.ends[p] if p < len(cuts.ends) else np.inf
        weight, bias = weights[-1][k, q, k % 2], biases[-1][k, q, k % 2]
        if not _output(rows, cuts, weight, bias, pieces.lines[0, net], pieces.lines[1, net]):
            return False
    return True
