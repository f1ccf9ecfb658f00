"""What the compiled kernels of the flow share: how they are compiled, and the arrays that pass between them.

Shapes: K couplings of 2 nets each, L layers a net, H units a layer, W pieces at most of a net.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

SLOPE = 0.01
"""Of LeakyReLU left of zero."""

Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]
Index = NDArray[np.int64]
Places = NDArray[np.uint32]
"""Numbers of pieces; unsigned, since code for a signed index looks first whether it is negative."""

Parameters = tuple[Singles, ...]
"""Weights (K, 2, out, in) or biases (K, 2, out) layer by layer, as in RealNVP."""

_OPTIONS = {"nogil": True, "fastmath": {"reassoc", "contract"}, "error_model": "numpy"}

F = TypeVar("F", bound=Callable[..., object])


class Pieces(NamedTuple):
    """The nets as straight pieces, slope · c + offset on (end of the piece before, end]; s before t."""

    number: Index  # (2 K,) of pieces
    ends: Doubles  # (2 K, W) infinite from the last piece on
    lines: Doubles  # (2, 2 K, W) slopes and offsets


class Trace(NamedTuple):
    """How the pieces came about, for the gradient. The second layer of a net is hidden layer 0 here.

    From hidden layer 1 on, what a layer gets from the one below is kept: that of layer i of net n is at
    [i - 1, n], or in the rows from start[i - 1, n] on, one for each place where a unit below switches.
    """

    order: Index  # (2 K, H) the units of the first layer from left to right
    slopes: (
        Doubles  # (2, 2 K, H) their slopes of LeakyReLU on the far left, and the changes where they switch
    )
    number: Index  # (L - 2, 2 K) of pieces after this hidden layer
    unit: Index  # (L - 2, 2 K, W) the unit that switches where the piece ends; -1 where its row ends
    right: Doubles  # (L - 2, 2 K, H) the units' slopes of LeakyReLU on the last piece
    start: Index  # (L - 3, 2 K)
    base: Doubles  # (L - 3, 2 K, 2, H) what is passed on, on the far left: slopes and offsets
    passed: Doubles  # (R, H) what is passed on of a vector along which the layer below changes
    along: Doubles  # (R, H) the vector along which this layer's inputs change
    change: Doubles  # (R, 2) by how much of it: slopes and offsets


class Passage(NamedTuple):
    """How N samples went through the couplings."""

    scale: Doubles  # (K, N) s
    moved: Doubles  # (K, N) the coordinate that a coupling moves, afterwards
    piece: Places  # (2 K, N) the piece of the net that the sample lies on


def jit(function: F) -> F:
    """`function` compiled, for other compiled functions of its file: without a door to Python.

    Without the GIL. Sums may be reordered and multiply-adds fused; infinities and NaN keep their meaning.
    """
    import numba

    compiled: F = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
    return compiled


def entry(function: F) -> F:
    """`function` compiled likewise, on its first call from Python; kept on disk where that can be written.

    It is called soonest with plain tuples of arrays: numba asks Python for the type of a named one.

    The cache notices a change in a function's own file only: compiled functions call none of another file.
    """
    import numba

    try:
        compiled: F = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no folder for the cache: neither beside the file nor in the user's home
        compiled = numba.njit(**_OPTIONS)(function)
    return compiled
