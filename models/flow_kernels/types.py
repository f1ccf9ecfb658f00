"""How the kernels are compiled, and the arrays that pass between them.

Shapes: N samples, K couplings of 2 nets each, L layers of a net, H units of a layer, W the most pieces that a
net may have.
"""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

SLOPE = 0.01
"""Of LeakyReLU below zero."""

Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]
Index = NDArray[np.int64]
Places = NDArray[np.uint32]
"""Indices of pieces; unsigned, since code for a signed index first tests whether it is negative."""

Parameters = tuple[Singles, ...]
"""Weights (K, 2, out, in) or biases (K, 2, out) layer by layer, as in RealNVPNet."""

_OPTIONS = {"nogil": True, "fastmath": {"reassoc", "contract"}, "error_model": "numpy"}

F = TypeVar("F", bound=Callable[..., object])


class Pieces(NamedTuple):
    """The nets as linear pieces, slope · c + offset on (end of the previous piece, end]; s before t."""

    number: Index  # (2 K,) how many pieces
    ends: Doubles  # (2 K, W) infinite from the last piece on
    lines: Doubles  # (2, 2 K, W) slopes and offsets


class Trace(NamedTuple):
    """How the pieces were found, for the gradient. The second layer of a net is hidden layer 0 here.

    From hidden layer 1 on, the input of a layer from the one below is stored: that of layer i of net n is at
    [i - 1, n], or in the rows from start[i - 1, n] on, one for each place where a unit below switches.
    """

    order: Index  # (2 K, H) the units of the first layer from left to right
    slopes: (
        Doubles  # (2, 2 K, H) their slopes of LeakyReLU on the far left, and the changes where they switch
    )
    number: Index  # (L - 2, 2 K) how many pieces after this hidden layer
    unit: Index  # (L - 2, 2 K, W) the unit that switches where the piece ends; -1 where its row ends
    right: Doubles  # (L - 2, 2 K, H) the units' slopes of LeakyReLU on the last piece
    start: Index  # (L - 3, 2 K)
    base: Doubles  # (L - 3, 2 K, 2, H) output of the layer below on the far left: slopes and offsets
    passed: Doubles  # (R, H) what that layer outputs of a vector along which its inputs change
    along: Doubles  # (R, H) the vector along which this layer's inputs change
    change: Doubles  # (R, 2) by how much of it: slopes and offsets


class Passage(NamedTuple):
    """What N samples were on their way through the couplings."""

    scale: Doubles  # (K, N) s
    moved: Doubles  # (K, N) the moved coordinate after a coupling
    piece: Places  # (2 K, N) the piece of the net that the sample lies on


def jit(function: F) -> F:
    """`function` compiled, to be called by other compiled functions: without an interface to Python.

    Without the GIL. Sums may be reordered and multiply-adds fused; infinities and NaN keep their meaning.
    """
    import numba

    compiled: F = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
    return compiled


def entry(function: F) -> F:
    """`function` compiled likewise, on its first call from Python; kept on disk where that can be written.

    Calls are quickest with plain tuples of arrays: numba asks Python for the type of a named one.
    """
    import numba

    # numba's cache notices a change in a function's own file only. The sources' digest is a part of the name,
    # by which the cache finds a function, so that a change in what it calls is noticed too.
    function.__qualname__ = f"{function.__qualname__}_{_digest_of_sources()}"
    try:
        compiled: F = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no writable folder for the cache: neither next to the file nor in the user's home
        compiled = numba.njit(**_OPTIONS)(function)
    return compiled


@functools.cache
def _digest_of_sources() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
