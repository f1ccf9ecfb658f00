"""The nets of a 2-D flow as linear pieces.

An s or t net of a 2-D flow reads one scalar c and writes one. It is Linear layers with LeakyReLU between
them, so between the places where some unit changes sign it is slope · c + offset. There are about as many of
these pieces as units (Hanin & Rolnick, "Complexity of linear regions in deep networks", 2019), each is found
exactly, and then a sample costs one search instead of one product with every weight.

The line is cut layer by layer. In a row of a table the inputs of a layer's units are slope · c + offset;
where one of them crosses zero the row is cut, and the pieces are the rows of the next layer. Where a unit
switches, its output changes by a multiple of its own slope · c + offset, so all inputs of the next layer
change along one vector, the unit's column of weights, and those of later layers along the image of that
vector. Hence a switch costs one product with each later layer but the next, and a table is stored as its
first row and these changes. The last layer has one unit, and a switch below it changes one of its summands.

Everything is float64, exact enough for sums that grow by differences; the cost does not depend on the number
of samples. Loops are written out, since one array expression takes longer to compile than all of them.

Shapes: H units of a layer, M rows, P pieces, W more than the number of pieces ever is.
"""

from typing import NamedTuple

import numpy as np

from models.flow_kernels.shared import add_product, other_slope, transpose
from models.flow_kernels.types import SLOPE, Doubles, Index, Parameters, Pieces, Singles, Trace, entry, jit

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
    """slope · c + offset for H units in row m, which is (ends[m - 1], ends[m]].

    In row m + 1 the slopes are larger by change[m, 0] · along[m], the offsets by change[m, 1] · along[m].
    """

    ends: Doubles  # (M - 1,)
    slope: Doubles  # (H,) in the first row
    offset: Doubles  # (H,)
    change: Doubles  # (M - 1, 2)
    along: Doubles  # (M - 1, H)


class Cuts(NamedTuple):
    """The pieces of rows: where piece p ends, a unit switches or its row ends."""

    ends: Doubles  # (P - 1,)
    unit: Index  # (P - 1,) the unit that switches; -1 where the row ends
    change: Doubles  # (P - 1, 2) what that adds to the unit's output; or the row's own change
    left: Doubles  # (H,) the units' slopes of LeakyReLU on the first piece
    right: Doubles  # (H,) and on the last


@jit
def _switch(zero: float, rising: bool, low: float, high: float) -> float:
    """The last c before a unit with this zero switches; the unit counts as negative at the zero itself."""
    place = zero if rising else np.nextafter(zero, -np.inf)
    return min(place, high) if place > low else low  # low if NaN


@jit
def _insert(ends: Doubles, unit: Index, n: int, start: int, place: float, o: int) -> None:
    """Insert unit o among the units start to n, whose `ends` ascend."""
    while n > start and ends[n - 1] > place:
        ends[n], unit[n] = ends[n - 1], unit[n - 1]
        n -= 1
    ends[n], unit[n] = place, o


@jit
def _first(weight: Singles, bias: Singles) -> First:
    H = len(weight)
    w, b, left, step, ends = np.empty(H), np.empty(H), np.empty(H), np.empty(H), np.empty(H)
    order = np.empty(H, np.int64)
    for j in range(H):
        w[j], b[j] = weight[j], bias[j]
        left[j] = 1.0 if w[j] < 0 or (w[j] == 0 and b[j] > 0) else SLOPE
        step[j] = 0.0 if w[j] == 0 else other_slope(left[j]) - left[j]
        _insert(ends, order, j, 0, FAR if w[j] == 0 else _switch(-b[j] / w[j], w[j] > 0, -FAR, FAR), j)
    return First(w, b, left, step, order, ends)


@jit
def _second_rows(first: First, columns: Doubles, bias: Singles) -> Rows:
    """The inputs of the second layer, whose weights are `columns` transposed."""
    H = len(bias)
    slope, offset, change, along = np.zeros(H), np.empty(H), np.empty((H, 2)), np.empty((H, H))
    for o in range(H):
        offset[o] = bias[o]
    for j in range(H):
        u, v = first.left[j] * first.weight[j], first.left[j] * first.bias[j]
        for o in range(H):
            slope[o] += u * columns[j, o]
            offset[o] += v * columns[j, o]
    for i in range(H):
        j = first.order[i]
        change[i, 0], change[i, 1] = first.step[j] * first.weight[j], first.step[j] * first.bias[j]
        for o in range(H):
            along[i, o] = columns[j, o]
    return Rows(first.ends, slope, offset, change, along)


@jit
def _next_rows(
    cuts: Cuts, base: Doubles, passed: Doubles, columns: Doubles, bias: Singles, along: Doubles
) -> Rows:
    """The inputs of a later layer, from the output of the one below: see Trace. Fills `along`."""
    H, m = len(bias), len(passed)
    slope, offset = np.zeros(H), np.empty(H)
    for o in range(H):
        offset[o] = bias[o]
    for j in range(H):
        for o in range(H):
            slope[o] += base[0, j] * columns[j, o]
            offset[o] += base[1, j] * columns[j, o]
    for i in range(m):
        for o in range(H):
            along[i, o] = 0.0
    add_product(along[:m], passed, columns)
    for p in range(len(cuts.unit) - 1, -1, -1):  # from the last on, since they move away from the first
        if cuts.unit[p] < 0:
            m -= 1
        source = along[m] if cuts.unit[p] < 0 else columns[cuts.unit[p]]
        for o in range(H):
            along[p, o] = source[o]
    return Rows(cuts.ends, slope, offset, cuts.change, along)


@jit
def _cut(rows: Rows, limit: int) -> Cuts:
    """Cut the rows at every zero of every unit, but at most `limit` times."""
    M, H = len(rows.ends) + 1, len(rows.slope)
    ends, unit, change, left = np.empty(limit), np.empty(limit, np.int64), np.empty((limit, 2)), np.empty(H)
    slope, offset = rows.slope.copy(), rows.offset.copy()
    for o in range(H):
        left[o] = 1.0 if offset[o] - FAR * slope[o] > 0 else SLOPE
    now, changed = left.copy(), np.zeros((H + 7) // 8 * 8, np.uint8)
    by_eight = changed.view(np.uint64)
    n, low = 0, -FAR
    for m in range(M):
        start, high = n, rows.ends[m] if m < M - 1 else FAR
        for o in range(H):
            changed[o] = (slope[o] * high + offset[o] > 0) != (now[o] == 1.0)
        for eight in range(len(by_eight)):
            if by_eight[eight] != 0:
                for o in range(8 * eight, min(8 * eight + 8, H)):
                    if changed[o] and n < limit:
                        now[o] = other_slope(now[o])
                        _insert(
                            ends, unit, n, start, _switch(-offset[o] / slope[o], now[o] == 1.0, low, high), o
                        )
                        n += 1
        for p in range(start, n):
            step = now[unit[p]] - other_slope(now[unit[p]])
            change[p, 0], change[p, 1] = step * slope[unit[p]], step * offset[unit[p]]
        if n < limit and m < M - 1:
            ends[n], unit[n] = high, -1
            change[n, 0], change[n, 1] = rows.change[m, 0], rows.change[m, 1]
            n += 1
        if n == limit or m == M - 1:
            break
        for o in range(H):
            slope[o] += rows.change[m, 0] * rows.along[m, o]
            offset[o] += rows.change[m, 1] * rows.along[m, o]
        low = high
    return Cuts(ends[:n], unit[:n], change[:n], left, now)


@jit
def _pass_on(rows: Rows, cuts: Cuts, base: Doubles, passed: Doubles) -> None:
    """Through LeakyReLU: the first row into `base` (2, H), the rows' changes into `passed` (M - 1, H)."""
    left, m = cuts.left.copy(), 0
    for o in range(len(left)):
        base[0, o], base[1, o] = left[o] * rows.slope[o], left[o] * rows.offset[o]
    for p in range(len(cuts.unit)):
        if cuts.unit[p] >= 0:
            left[cuts.unit[p]] = other_slope(left[cuts.unit[p]])
        else:
            for o in range(len(left)):
                passed[m, o] = left[o] * rows.along[m, o]
            m += 1


@jit
def _output(rows: Rows, cuts: Cuts, weight: Singles, bias: float, slope: Doubles, offset: Doubles) -> bool:
    """The one unit of the last layer on every piece, into slope and offset (W,); whether all are finite."""
    H, left, m = len(weight), cuts.left.copy(), 0
    a, b = 0.0, np.float64(bias)
    for i in range(H):
        a += left[i] * weight[i] * rows.slope[i]
        b += left[i] * weight[i] * rows.offset[i]
    slope[0], offset[0] = a, b
    finite = bool(abs(a) < HUGE and abs(b) < HUGE)
    for p in range(len(cuts.unit)):
        o, factor = cuts.unit[p], 0.0
        if o >= 0:
            left[o], factor = other_slope(left[o]), np.float64(weight[o])
        else:
            for i in range(H):
                factor += left[i] * weight[i] * rows.along[m, i]
            m += 1
        slope[p + 1] = slope[p] + factor * cuts.change[p, 0]
        offset[p + 1] = offset[p] + factor * cuts.change[p, 1]
        finite &= bool(abs(slope[p + 1]) < HUGE and abs(offset[p + 1]) < HUGE)
    return finite


@jit
def _keep_first(first: First, order: Index, left: Doubles, step: Doubles) -> None:
    for j in range(len(order)):
        order[j], left[j], step[j] = first.order[j], first.left[j], first.step[j]


@jit
def _keep_changes(cuts: Cuts, change: Doubles) -> None:
    for p in range(len(change)):
        change[p, 0], change[p, 1] = cuts.change[p, 0], cuts.change[p, 1]


@jit
def _keep(cuts: Cuts, unit: Index, right: Doubles) -> None:
    for p in range(len(cuts.unit)):
        unit[p] = cuts.unit[p]
    for o in range(len(right)):
        right[o] = cuts.right[o]


@entry
def build(weights: Parameters, biases: Parameters, to_pieces: Pieces, to_trace: Trace) -> bool:
    """Fill pieces and trace. Returns whether that worked: no net has W pieces or more, and all is finite."""
    pieces, trace = Pieces(*to_pieces), Trace(*to_trace)
    H, W, start = trace.order.shape[1], pieces.ends.shape[1], 0
    columns = np.empty((H, H))
    for net in range(len(pieces.number)):
        k, q = net // 2, net % 2
        first = _first(weights[0][k, q, :, (k + 1) % 2], biases[0][k, q])
        _keep_first(first, trace.order[net], trace.slopes[0, net], trace.slopes[1, net])
        transpose(weights[1][k, q], columns)
        rows = _second_rows(first, columns, biases[1][k, q])
        cuts = _cut(rows, W - 1)
        for layer in range(len(weights) - 2):
            if layer > 0:
                trace.start[layer - 1, net] = start
                stop, base = start + len(cuts.unit), trace.base[layer - 1, net]
                passed, along = trace.passed[start : start + len(rows.ends)], trace.along[start:stop]
                _keep_changes(cuts, trace.change[start:stop])
                start = stop
                _pass_on(rows, cuts, base, passed)
                transpose(weights[layer + 1][k, q], columns)
                rows = _next_rows(cuts, base, passed, columns, biases[layer + 1][k, q], along)
                cuts = _cut(rows, W - 1)
            if len(cuts.ends) == W - 1:
                return False
            trace.number[layer, net] = len(cuts.ends) + 1
            _keep(cuts, trace.unit[layer, net], trace.right[layer, net])
        pieces.number[net] = len(cuts.ends) + 1
        # The search looks no further than this.
        for p in range(min(2 * pieces.number[net] + 4, W)):
            pieces.ends[net, p] = cuts.ends[p] if p < len(cuts.ends) else np.inf
        weight, bias = weights[-1][k, q, k % 2], biases[-1][k, q, k % 2]
        if not _output(rows, cuts, weight, bias, pieces.lines[0, net], pieces.lines[1, net]):
            return False
    return True
