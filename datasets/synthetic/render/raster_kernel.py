"""Capsules and ellipsoids drawn pixel by pixel: compiled, to the same bit as `raster` draws them with NumPy.

Every product and sum is rounded to float32 in the order in which NumPy takes them there: hence no fast
arithmetic here, and numbers that come as float32. numba compiles on first use, which takes some seconds, and
keeps the code on disk where it may.

Shapes: H W pixels of the buffer.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from datasets.synthetic.render.raster import Arrays, Box, Plane

ONE, ZERO, LEAST = np.float32(1), np.float32(0), np.float32(1e-6)

F = TypeVar("F", bound=Callable[..., object])


def _compiled(function: F) -> F:
    import numba

    options = {"nogil": True, "error_model": "numpy"}
    try:
        compiled: F = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache
        compiled = numba.njit(**options)(function)
    return compiled


@_compiled
def capsule(
    arrays: Arrays, index: int, who: int, box: Box, p: Plane, open_ended: bool, patterned: bool
) -> None:
    """Draw a capsule of material `index`, p as `raster` lists them."""
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
            to_material[row, column], to_owner[row, column] = index, who
            to_normal[0, row, column], to_normal[1, row, column] = nx, ny
            to_normal[2, row, column] = nz
            if patterned:
                to_texture[0, row, column] = (ny * across_x - nx * across_y) * thick
                to_texture[1, row, column] = t * length


@_compiled
def ellipsoid(arrays: Arrays, index: int, who: int, box: Box, p: Plane, patterned: bool) -> None:
    """Draw an ellipsoid of material `index`, p as `raster` lists them."""
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
            to_material[row, column], to_owner[row, column] = index, who
            to_normal[0, row, column], to_normal[1, row, column] = nx * inverse, ny * inverse
            to_normal[2, row, column] = root * -inverse
            if patterned:
                to_texture[0, row, column] = ux * x + uy * y + uz * z + origin_u
                to_texture[1, row, column] = vx * x + vy * y + vz * z + origin_v
