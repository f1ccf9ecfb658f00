"""Density of samples under a 2-D flow whose nets are linear pieces, and its gradients.

Coupling k moves coordinate k % 2 and keeps the other, c: z = (x - t(c)) · exp(-s(c)) with s = tanh of net 2 k
and t = net 2 k + 1. A net is slope · c + offset on each of its pieces; nearly all the work is to
find the piece. The line is divided into buckets, of which each leaves few pieces to look at: arithmetic that
any compiler vectorises, and reads that need no vectors. Samples are processed in blocks that stay in cache.

Shapes: N samples, K couplings, W the most pieces that a net may have.
"""

import math
from typing import NamedTuple

import numpy as np

from models.flow_kernels.types import Doubles, Passage, Pieces, Places, Singles, entry, jit

BLOCK = 512
BUCKETS = 4
"""Parts of the line, per piece of a net: so many that few hold more than one end of a piece."""
NARROW = 1e-30
"""The least spread of a division."""
LOG_2PI = math.log(2 * math.pi)
C2, C3, C4, C5, C6, C7, C8 = (1 / math.factorial(i) for i in range(2, 9))
"""Of exp's Taylor polynomial: as constants they cost half as much as quotients."""


class Division(NamedTuple):
    """The line in 2 · half buckets, of equal width in x / (1 + |x|) with x = (c - centre) / spread, so that
    the far ones are wide."""

    centre: float
    spread: float
    half: float
    most: np.int64  # ends of pieces in a bucket and its neighbours, at most


@jit
def _exp(y: float) -> float:
    """exp(y) for |y| <= 40, without a branch or a call, so that loops over it are vectorised.

    A Taylor polynomial of exp(y / 64), squared six times: 14 digits for |y| <= 2, 9 for |y| = 20.
    """
    x = y * (1 / 64)
    power = 1 + x * (1 + x * (C2 + x * (C3 + x * (C4 + x * (C5 + x * (C6 + x * (C7 + x * C8)))))))
    for _ in range(6):
        power *= power
    return power


@jit
def _tanh(y: float) -> float:
    """tanh(y), within 1e-14; NaN stays NaN."""
    bounded = 20.0 if y > 20 else (-20.0 if y < -20 else y)
    return 1 - 2 / (_exp(2 * bounded) + 1)


@jit
def _bucket(c: float, division: Division) -> np.uint32:
    """Which part of the line c lies in; NaN in the first."""
    x = c - division.centre
    place = division.half + division.half * (x / (division.spread + abs(x)))
    bounded = place if place > 0 else 0.0
    last = 2 * division.half - 1
    return np.uint32(np.int32(bounded if bounded < last else last))


@jit
def _divide(ends: Doubles, number: int, first: Places, count: Places) -> Division:
    """Divide the line into as many buckets as `first` is long, for `number` of the `ends`, which ascend.

    Fills first (buckets,): how many ends lie in front of a bucket and the one before it. A sample and an end
    at the border of two buckets may be placed in either, since compilers round expressions in different
    ways. `count` is memory of the same size.
    """
    quarter = number // 4
    spread = max(0.5 * (ends[number - 1 - quarter] - ends[quarter]), NARROW) if number > 0 else NARROW
    division = Division(ends[number // 2] if number > 0 else 0.0, spread, 0.5 * len(first), np.int64(0))
    for i in range(len(first)):
        count[i] = 0
    for p in range(number):
        count[_bucket(ends[p], division)] += np.uint32(1)
    total, before, most = np.uint32(0), np.uint32(0), np.uint32(0)
    for i in range(len(first)):
        first[i] = total - before
        after = count[i + 1] if i + 1 < len(first) else np.uint32(0)
        most = max(most, before + count[i] + after)
        total += count[i]
        before = count[i]
    return Division(division.centre, division.spread, division.half, np.int64(most))


@jit
def _locate(c: Doubles, ends: Doubles, pieces: int, division: Division, first: Places, piece: Places) -> None:
    """The piece of each c: how many `ends` lie below it; `ends` is padded with infinity.

    Its bucket and the neighbours leave at most seven to look at; where they are more, all are.
    """
    if division.most > 7 or pieces + 4 > len(ends):
        _bisect(c, ends, pieces, piece)
        return
    for n in range(len(c)):  # a loop by itself is vectorised
        piece[n] = _bucket(c[n], division)
    for n in range(len(c)):
        p = first[piece[n]]
        p += np.uint32(4) if ends[p + np.uint32(3)] < c[n] else np.uint32(0)
        p += np.uint32(2) if ends[p + np.uint32(1)] < c[n] else np.uint32(0)
        p += np.uint32(1) if ends[p] < c[n] else np.uint32(0)
        piece[n] = p


@jit
def _bisect(c: Doubles, ends: Doubles, pieces: int, piece: Places) -> None:
    for n in range(len(c)):
        piece[n] = 0
    step = 1
    while step < pieces:
        step *= 2
    step //= 2
    while step > 0:
        for n in range(len(c)):
            middle = piece[n] + np.uint32(step)
            piece[n] = middle if ends[middle - np.uint32(1)] < c[n] else piece[n]
        step //= 2


@jit
def _evaluate(c: Doubles, piece: Places, slope: Doubles, offset: Doubles, out: Doubles) -> None:
    for n in range(len(c)):
        out[n] = slope[piece[n]] * c[n] + offset[piece[n]]


@jit
def _couple(s: Doubles, t: Doubles, z: Doubles, moved: Doubles, log_det: Doubles) -> None:
    """s -> tanh(s), z -> (z - t) · exp(-tanh(s)). Loops are short, since a long one is not vectorised."""
    for n in range(len(s)):
        s[n] = _tanh(s[n])
    for n in range(len(s)):
        z[n] = (z[n] - t[n]) * _exp(-s[n])
    for n in range(len(s)):
        moved[n] = z[n]
    for n in range(len(s)):
        log_det[n] -= s[n]


@entry
def forward(x: Singles, from_pieces: Pieces, to_passage: Passage, log_prob: Singles) -> bool:
    """Fill log_prob (N,) of x (N, 2), and the passage. Returns whether every log_prob is finite."""
    pieces, passage = Pieces(*from_pieces), Passage(*to_passage)
    N, K, finite = len(x), len(passage.scale), True
    z, t, log_det = np.empty((2, BLOCK)), np.empty(BLOCK), np.empty(BLOCK)
    most = pieces.number.max()
    first, count = np.empty((2 * K, BUCKETS * most), np.uint32), np.empty(BUCKETS * most, np.uint32)
    divisions = [_divide(pieces.ends[net], pieces.number[net] - 1, first[net], count) for net in range(2 * K)]
    for start in range(0, N, BLOCK):
        stop = min(start + BLOCK, N)
        B = stop - start
        for n in range(B):
            z[0, n], z[1, n], log_det[n] = x[start + n, 0], x[start + n, 1], 0
        for k in range(K - 1, -1, -1):
            c, s = z[(k + 1) % 2, :B], passage.scale[k, start:stop]
            for net in range(2 * k, 2 * k + 2):
                piece, out = passage.piece[net, start:stop], s if net % 2 == 0 else t[:B]
                _locate(c, pieces.ends[net], pieces.number[net], divisions[net], first[net], piece)
                _evaluate(c, piece, pieces.lines[0, net], pieces.lines[1, net], out)
            _couple(s, t[:B], z[k % 2, :B], passage.moved[k, start:stop], log_det[:B])
        for n in range(B):
            value = np.float32(log_det[n] - 0.5 * (z[0, n] * z[0, n] + z[1, n] * z[1, n]) - LOG_2PI)
            log_prob[start + n] = value
            finite &= np.isfinite(value)
    return finite


@jit
def _couple_backward(
    grad: Singles, s: Doubles, moved: Doubles, g: Doubles, g_s: Doubles, g_t: Doubles
) -> None:
    """From the gradient g of the moved coordinate after a coupling to that before, in place, and of s and "
    "t."""
    for n in range(len(s)):
        g_s[n] = -(grad[n] + g[n] * moved[n]) * (1 - s[n] * s[n])
    for n in range(len(s)):
        g[n] *= _exp(-s[n])
    for n in range(len(s)):
        g_t[n] = -g[n]


@jit
def _net_backward(
    g: Doubles, c: Doubles, piece: Places, slope: Doubles, g_c: Doubles, g_slope: Doubles, g_offset: Doubles
) -> None:
    for n in range(len(c)):
        p = piece[n]
        g_c[n] += slope[p] * g[n]
        g_slope[p] += g[n] * c[n]
        g_offset[p] += g[n]


@entry
def backward(
    grad: Singles,
    x: Singles,
    from_pieces: Pieces,
    from_passage: Passage,
    grad_x: Singles,
    grad_lines: Doubles,
) -> None:
    """Fill grad_x (N, 2), and the gradients of slopes and offsets (2, 2 K, W) as far as there are pieces."""
    pieces, passage = Pieces(*from_pieces), Passage(*from_passage)
    N, K, moved = len(x), len(passage.scale), passage.moved
    for net in range(2 * K):
        for p in range(pieces.number[net]):
            grad_lines[0, net, p], grad_lines[1, net, p] = 0, 0
    g, g_net, c = np.empty((2, BLOCK)), np.empty((2, BLOCK)), np.empty(BLOCK)
    for start in range(0, N, BLOCK):
        stop = min(start + BLOCK, N)
        B, g_log = stop - start, grad[start:stop]
        for n in range(B):
            # A single coupling moves coordinate 0 only.
            last = moved[1, start + n] if K > 1 else np.float64(x[start + n, 1])
            g[0, n], g[1, n] = -g_log[n] * moved[0, start + n], -g_log[n] * last
        for k in range(K):
            # Coupling k moves one coordinate and k + 1 the other, which k keeps.
            kept, s = (k + 1) % 2, passage.scale[k, start:stop]
            for n in range(B):
                c[n] = moved[k + 1, start + n] if k + 1 < K else np.float64(x[start + n, kept])
            _couple_backward(g_log, s, moved[k, start:stop], g[k % 2, :B], g_net[0, :B], g_net[1, :B])
            for net in range(2 * k, 2 * k + 2):
                g_out, piece, slope = g_net[net % 2, :B], passage.piece[net, start:stop], pieces.lines[0, net]
                _net_backward(g_out, c[:B], piece, slope, g[kept, :B], grad_lines[0, net], grad_lines[1, net])
        for n in range(B):
            grad_x[start + n, 0], grad_x[start + n, 1] = g[0, n], g[1, n]
