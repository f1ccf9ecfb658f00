"""Capsules and ellipsoids drawn pixel by pixel: compiled, to the same bit as `raster` draws them with NumPy.

Every product and sum is rounded to float32 in the order in which NumPy takes them there: hence no fast
arithmetic here, and numbers that come as float32. numba compiles on first use, which takes some seconds, and
keeps the code on disk where it may.

Shapes: H W pixels of the buffer.
"""

import functools
import warnings
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""(H, W)."""

Indices = NDArray[np.int16]
"""(H, W)."""

Arrays = tuple[Plane, NDArray[np.float32], NDArray[np.float32], Indices, Indices]
"""What is drawn into: depth (H, W), normal (3, H, W), texture (2, H, W), material (H, W), owner (H, W)."""

Box = tuple[int, int, int, int]
"""First row of a part of the buffer, the one behind the last, first column, the one behind the last."""

ONE, ZERO, LEAST = np.float32(1), np.float32(0), np.float32(1e-6)

F = TypeVar("F", bound=Callable[..., object])


class Kernels(NamedTuple):
    """Compiled functions that draw one solid, of a material `index` and an `owner`, into a box of arrays."""

    capsule: Callable[[Arrays, int, int, Box, NDArray[np.float32], bool, bool], None]
    ellipsoid: Callable[[Arrays, int, int, Box, NDArray[np.float32], bool], None]


@functools.cache
def compiled() -> Kernels | None:
    """The compiled functions; None, with a warning, where numba fails."""
    try:
        kernels = Kernels(_compile(_capsule), _compile(_ellipsoid))
        depth, normal, texture = (np.zeros(shape, np.float32) for shape in ((1, 1), (3, 1, 1), (2, 1, 1)))
        arrays = (depth, normal, texture, np.zeros((1, 1), np.int16), np.zeros((1, 1), np.int16))
        nowhere, numbers = (0, 0, 0, 0), np.ones(21, np.float32)
        kernels.capsule(arrays, 0, 0, nowhere, numbers, False, False)
        kernels.ellipsoid(arrays, 0, 0, nowhere, numbers, False)
    except Exception as error:
        warnings.warn(f"images are drawn more slowly, because numba fails: {error!r}", stacklevel=2)
        return None
    return kernels


def _compile(function: F) -> F:
    import numba

    options = {"nogil": True, "error_model": "numpy"}
    try:
        compiled: F = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache
        compiled = numba.njit(**options)(function)
    return compiled


def _capsule(
    arrays: Arrays,
    index: int,
    owner: int,
    box: Box,
    p: NDArray[np.float32],
    open_ended: bool,
    patterned: bool,
) -> None:
    """p: the numbers in the order in which `raster` lists them."""
    to_depth, to_normal, to_texture, to_material, to_owner = arrays
    ax, ay, along_x, along_y, dx, dy, start, widens = p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
    za, recedes, thick, thickens = p[8], p[9], p[10], p[11]
    across_x, across_y, length = p[12], p[13], p[14]
    top, bottom, left, right = box
    for row in range(top, bottom):
        y = np.float32(row) - ay
        for column in range(left, right):
            x = np.float32(column) - ax
            along = x * along_x + y * along_y
            t = min(max(along, ZERO), ONE)
            inverse = ONE / (start + widens * t)
            nx, ny = (x - t * dx) * inverse, (y - t * dy) * inverse
            inwards = ONE - nx * nx - ny * ny
            if not inwards > ZERO or (open_ended and not along <= ONE):
                continue
            nz = -np.sqrt(inwards)
            depth = za + recedes * t + nz * (thick + thickens * t)
            if not depth < to_depth[row, column]:
                continue
            to_depth[row, column] = depth
            to_material[row, column], to_owner[row, column] = index, owner
            to_normal[0, row, column], to_normal[1, row, column] = nx, ny
            to_normal[2, row, column] = nz
            if patterned:
                to_texture[0, row, column] = (ny * across_x - nx * across_y) * thick
                to_texture[1, row, column] = t * length


def _ellipsoid(
    arrays: Arrays, index: int, owner: int, box: Box, p: NDArray[np.float32], patterned: bool
) -> None:
    """p: the numbers in the order in which `raster` lists them."""
    to_depth, to_normal, to_texture, to_material, to_owner = arrays
    cx, cy, cz, scale = p[0], p[1], p[2], p[3]
    mxx, mxy, mxz, myy, myz, mzz = p[4], p[5], p[6], p[7], p[8], p[9]
    xx, xy, yy = p[10], p[11], p[12]
    ux, uy, uz, vx, vy, vz, origin_u, origin_v = p[13], p[14], p[15], p[16], p[17], p[18], p[19], p[20]
    top, bottom, left, right = box
    for row in range(top, bottom):
        y = (np.float32(row) - cy) / scale
        for column in range(left, right):
            x = (np.float32(column) - cx) / scale
            under = (mzz - yy * y * y) - x * (xx * x + xy * y)
            if not under > ZERO:
                continue
            root = np.sqrt(under)
            z = (x * -mxz - y * myz - root) / mzz
            depth = z + cz
            if not depth < to_depth[row, column]:
                continue
            nx, ny = mxx * x + mxy * y + mxz * z, mxy * x + myy * y + myz * z
            inverse = ONE / (np.sqrt(nx * nx + ny * ny + root * root) + LEAST)
            to_depth[row, column] = depth
            to_material[row, column], to_owner[row, column] = index, owner
            to_normal[0, row, column], to_normal[1, row, column] = nx * inverse, ny * inverse
            to_normal[2, row, column] = root * -inverse
            if patterned:
                to_texture[0, row, column] = ux * x + uy * y + uz * z + origin_u
                to_texture[1, row, column] = vx * x + vy * y + vz * z + origin_v
