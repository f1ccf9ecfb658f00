"""Density of samples under a 2-D flow whose nets are linear pieces, and its gradients.

Coupling k moves coordinate k % 2 and keeps the other, c: z = (x - t(c)) · exp(-s(c)) with s = tanh of net 2 k
and t = net 2 k + 1. A net is slope · c + offset on each of its pieces; nearly all the work is to
find the piece. Samples are processed in blocks that stay in cache.

Shapes: N samples, K couplings, W the most pieces that a net may have.
"""

import math

import numpy as np

from models.flow_kernels.types import Doubles, Passage, Pieces, Places, Singles, entry, jit

BLOCK = 512
LOG_2PI = math.log(2 * math.pi)


@jit
def _exp(y: float) -> float:
    """exp(y) for |y| <= 40, without a branch or a call, so that loops over it are vectorised.

    A Taylor polynomial of exp(y / 64), squared six times: 14 digits for |y| <= 2, 9 for |y| = 20.
    """
    x = y / 64
    power = 1 + x / 8
    for i in range(7, 0, -1):
        power = 1 + x * (1.0 / i) * power
    for _ in range(6):
        power *= power
    return power


@jit
def _tanh(y: float) -> float:
    """tanh(y), within 1e-14; NaN stays NaN."""
    bounded = 20.0 if y > 20 else (-20.0 if y < -20 else y)
    return 1 - 2 / (_exp(2 * bounded) + 1)


@jit
def _locate(c: Doubles, ends: Doubles, pieces: int, piece: Places) -> None:
    """The piece of each c: how many `ends` lie below it, by bisection; `ends` is padded with infinity."""
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
    for start in range(0, N, BLOCK):
        stop = min(start + BLOCK, N)
        B = stop - start
        for n in range(B):
            z[0, n], z[1, n], log_det[n] = x[start + n, 0], x[start + n, 1], 0
        for k in range(K - 1, -1, -1):
            c, s = z[(k + 1) % 2, :B], passage.scale[k, start:stop]
            for net in range(2 * k, 2 * k + 2):
                piece, out = passage.piece[net, start:stop], s if net % 2 == 0 else t[:B]
                _locate(c, pieces.ends[net], pieces.number[net], piece)
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
