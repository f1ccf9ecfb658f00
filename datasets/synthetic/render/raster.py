"""Solids to pixels: a z-buffer of capsules, ellipsoids and flat faces, with what shading needs of each pixel.

Each round solid is drawn under its own weak perspective: exact in place and size, orthographic within its
extent. Solids are given in the camera's frame: metres, x right, y down, z away.

Shapes: H W pixels of the buffer.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.synthetic.render.camera import Camera
from datasets.synthetic.render.raster_kernel import Arrays, Box, Kernels, Plane, compiled
from datasets.synthetic.render.rotations import Matrix, Vector

Numbers = tuple[float, ...]

RGB = tuple[float, float, float]
"""0-255."""


class Material(NamedTuple):
    """How a surface looks. A pattern alternates with the second colour."""

    colour: RGB
    pattern: Literal["plain", "bands", "stripes", "checks", "dots"] = "plain"
    second: RGB = (0.0, 0.0, 0.0)
    period: float = 0.08  # m
    gloss: float = 0.0  # share of a highlight


class Capsule(NamedTuple):
    """A limb: the spheres of radius `start` at a to `end` at b and all between; if open, flat at b."""

    a: Vector
    b: Vector
    start: float
    end: float
    material: Material
    open: bool = False


class Ellipsoid(NamedTuple):
    """Semi-axes `radii` along the columns of `axes`; `origin` shifts the pattern, in metres."""

    centre: Vector
    axes: Matrix
    radii: tuple[float, float, float]
    material: Material
    origin: tuple[float, float] = (0.0, 0.0)


class Face(NamedTuple):
    """One side of a flat convex polygon: (n, 3) corners, counter-clockwise on the side that shows."""

    corners: NDArray[np.float64]
    material: Material


Solid = Capsule | Ellipsoid | Face


@dataclass(frozen=True)
class Buffer:
    """What the camera sees at each pixel. Filled by `draw`."""

    depth: Plane  # (H, W) m, infinite where nothing is
    normal: NDArray[np.float32]  # (3, H, W), unit, in the camera's frame
    texture: NDArray[np.float32]  # (2, H, W) m along the surface, where the material has a pattern
    material: NDArray[np.int16]  # (H, W) index into `materials`, -1 where nothing is
    owner: NDArray[np.int16]  # (H, W) who was drawn, -1 where nothing is
    materials: list[Material]

    @classmethod
    def empty(cls, height: int, width: int) -> "Buffer":
        """Nothing drawn yet."""
        return cls(
            depth=np.full((height, width), np.inf, np.float32),
            normal=np.zeros((3, height, width), np.float32),
            texture=np.zeros((2, height, width), np.float32),
            material=np.full((height, width), -1, np.int16),
            owner=np.full((height, width), -1, np.int16),
            materials=[],
        )

    @property
    def arrays(self) -> Arrays:
        """All of them: depth, normal, texture, material, owner."""
        return self.depth, self.normal, self.texture, self.material, self.owner


def draw(buffer: Buffer, camera: Camera, solids: list[Solid], owner: int) -> None:
    """Draws solids into the buffer, hidden by whatever is nearer there already."""
    kernels = compiled()
    for solid in solids:
        if isinstance(solid, Capsule):
            _capsule(buffer, camera, solid, owner, kernels)
        elif isinstance(solid, Ellipsoid):
            _ellipsoid(buffer, camera, solid, owner, kernels)
        else:
            _face(buffer, camera, solid, owner)


def _box(buffer: Buffer, low: NDArray[np.float64], high: NDArray[np.float64]) -> Box | None:
    """The pixels between two corners (x, y); None where there are none."""
    height, width = buffer.depth.shape
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    x1, y1 = min(int(high[0]) + 2, width), min(int(high[1]) + 2, height)
    return None if x0 >= x1 or y0 >= y1 else (y0, y1, x0, x1)


def _pixels(box: Box) -> tuple[Plane, Plane]:
    """x (1, w) and y (h, 1) of the pixels in a box."""
    y0, y1, x0, x1 = box
    return np.arange(x0, x1, dtype=np.float32)[None, :], np.arange(y0, y1, dtype=np.float32)[:, None]


class _Surface(NamedTuple):
    """A solid's visible side within a box; arrays (h, w)."""

    covered: NDArray[np.bool_]
    depth: Plane
    normal: tuple[Plane | float, Plane | float, Plane | float]
    texture: tuple[Plane, Plane] | None = None  # where the material has a pattern


def _write(buffer: Buffer, box: Box, surface: _Surface, index: int, owner: int) -> None:
    part = (slice(box[0], box[1]), slice(box[2], box[3]))
    nearer = surface.covered & (surface.depth < buffer.depth[part])
    if not nearer.any():
        return
    np.copyto(buffer.depth[part], surface.depth, where=nearer)
    np.copyto(buffer.material[part], index, where=nearer)
    np.copyto(buffer.owner[part], owner, where=nearer)
    for plane, value in zip(buffer.normal, surface.normal, strict=True):
        np.copyto(plane[part], value, where=nearer)
    if surface.texture is not None:
        for plane, value in zip(buffer.texture, surface.texture, strict=True):
            np.copyto(plane[part], value, where=nearer)


def _index(materials: list[Material], material: Material) -> int:
    if material not in materials:
        materials.append(material)
    return materials.index(material)


def _capsule(buffer: Buffer, camera: Camera, solid: Capsule, owner: int, kernels: Kernels | None) -> None:
    """The outline is that of two discs and their common tangents, the relief that of the spheres between."""
    ends = camera.image(np.array([solid.a, solid.b]))
    za, zb = float(solid.a[2]), float(solid.b[2])
    start, end = camera.focal * solid.start / za, camera.focal * solid.end / zb  # px
    box = _box(buffer, ends.min(axis=0) - max(start, end), ends.max(axis=0) + max(start, end))
    if box is None:
        return
    (ax, ay), (dx, dy) = ends[0].tolist(), (ends[1] - ends[0]).tolist()
    squared_length = max(dx * dx + dy * dy, 1e-6)
    length = math.sqrt(squared_length)
    place = (ax, ay, dx / squared_length, dy / squared_length, dx, dy, start, end - start)
    relief = (za, zb - za, solid.start, solid.end - solid.start)
    pattern = (dx / length, dy / length, float(np.linalg.norm(solid.b - solid.a)))
    index, patterned = _index(buffer.materials, solid.material), solid.material.pattern != "plain"
    if kernels is not None:
        numbers = np.array((*place, *relief, *pattern), np.float32)
        kernels.capsule(buffer.arrays, index, owner, box, numbers, solid.open, patterned)
        return
    surface = _capsule_surface(box, place, relief, pattern if patterned else None, solid.open)
    _write(buffer, box, surface, index, owner)


def _capsule_surface(
    box: Box, place: Numbers, relief: Numbers, pattern: Numbers | None, open_ended: bool
) -> _Surface:
    ax, ay, along_x, along_y, dx, dy, start, widens = place
    za, recedes, thick, thickens = relief
    x, y = _pixels(box)
    x, y = x - ax, y - ay
    along = x * along_x + y * along_y
    t: Plane = np.minimum(np.maximum(along, 0.0), 1.0)
    inverse = 1.0 / (start + widens * t)
    nx, ny = (x - t * dx) * inverse, (y - t * dy) * inverse
    inwards = 1.0 - nx * nx - ny * ny
    covered = inwards > 0.0
    if open_ended:
        covered &= along <= 1.0
    nz = -np.sqrt(np.maximum(inwards, 0.0))
    depth = za + recedes * t + nz * (thick + thickens * t)
    texture = None
    if pattern is not None:
        across_x, across_y, length = pattern
        texture = ((ny * across_x - nx * across_y) * thick, t * length)
    return _Surface(covered, depth, (nx, ny, nz), texture)


def _ellipsoid(buffer: Buffer, camera: Camera, solid: Ellipsoid, owner: int, kernels: Kernels | None) -> None:
    """With p from the centre, p' M p = 1 on the surface: solves for the depth; the normal is along M p."""
    (cx, cy), cz = camera.image(solid.centre).tolist(), float(solid.centre[2])
    scale = camera.focal / cz
    to_sphere = (solid.axes / np.array(solid.radii)).T
    (mxx, mxy, mxz), (_, myy, myz), (_, _, mzz) = (to_sphere.T @ to_sphere).tolist()
    reach = scale * np.sqrt((solid.axes[:2] ** 2) @ np.square(solid.radii))
    box = _box(buffer, np.array([cx, cy]) - reach, np.array([cx, cy]) + reach)
    if box is None:
        return
    place, matrix = (cx, cy, cz, scale), (mxx, mxy, mxz, myy, myz, mzz)
    # The discriminant of the quadratic in z, as a quadratic in x and y.
    under = (mxx * mzz - mxz * mxz, 2 * (mxy * mzz - mxz * myz), myy * mzz - myz * myz)
    pattern = (*solid.axes.T[0].tolist(), *solid.axes.T[1].tolist(), *solid.origin)
    index, patterned = _index(buffer.materials, solid.material), solid.material.pattern != "plain"
    if kernels is not None:
        numbers = np.array((*place, *matrix, *under, *pattern), np.float32)
        kernels.ellipsoid(buffer.arrays, index, owner, box, numbers, patterned)
        return
    surface = _ellipsoid_surface(box, place, matrix, under, pattern if patterned else None)
    _write(buffer, box, surface, index, owner)


def _ellipsoid_surface(
    box: Box, place: Numbers, matrix: Numbers, under: Numbers, pattern: Numbers | None
) -> _Surface:
    (cx, cy, cz, scale), (mxx, mxy, mxz, myy, myz, mzz), (xx, xy, yy) = place, matrix, under
    x, y = _pixels(box)
    x, y = (x - cx) / scale, (y - cy) / scale
    discriminant = (mzz - yy * y * y) - x * (xx * x + xy * y)
    root = np.sqrt(np.maximum(discriminant, 0.0))
    z = (x * -mxz - y * myz - root) / mzz
    nx, ny = mxx * x + mxy * y + mxz * z, mxy * x + myy * y + myz * z
    inverse = 1.0 / (np.sqrt(nx * nx + ny * ny + root * root) + 1e-6)
    texture = None
    if pattern is not None:
        ux, uy, uz, vx, vy, vz, origin_u, origin_v = pattern
        texture = (ux * x + uy * y + uz * z + origin_u, vx * x + vy * y + vz * z + origin_v)
    normal = (nx * inverse, ny * inverse, root * -inverse)
    return _Surface(discriminant > 0.0, z + cz, normal, texture)


def _face(buffer: Buffer, camera: Camera, solid: Face, owner: int) -> None:
    corners = solid.corners
    (ax, ay, az), (bx, by, bz) = (corners[1:3] - corners[0]).tolist()
    normal = np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])
    offset = float(normal @ corners[0])
    if offset >= 0.0:
        return
    points = camera.image(corners)
    box = _box(buffer, points.min(axis=0), points.max(axis=0))
    if box is None:
        return
    x, y = _pixels(box)
    nx, ny, nz = (normal / np.linalg.norm(normal)).tolist()
    ray_x, ray_y = (x - camera.centre[0]) / camera.focal, (y - camera.centre[1]) / camera.focal
    inverse_depth = (nx * ray_x + ny * ray_y + nz) * float(np.linalg.norm(normal) / offset)
    mask = np.zeros(inverse_depth.shape, np.uint8)
    origin = np.array([box[2], box[0]])
    cv2.fillConvexPoly(mask, np.round((points - origin) * 16).astype(np.int32), 1, shift=4)
    covered = (mask > 0) & (inverse_depth > 1e-3)
    depth = 1.0 / np.maximum(inverse_depth, 1e-3)
    index = _index(buffer.materials, solid.material)
    _write(buffer, box, _Surface(covered, depth, (nx, ny, nz)), index, owner)
