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

from datasets.synthetic.rotations import Matrix, Vector
from datasets.synthetic.scene import Camera

Plane = NDArray[np.float32]

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


def draw(buffer: Buffer, camera: Camera, solids: list[Solid], owner: int) -> None:
    """Draws solids into the buffer, hidden by whatever is nearer there already."""
    for solid in solids:
        if isinstance(solid, Capsule):
            _capsule(buffer, camera, solid, owner)
        elif isinstance(solid, Ellipsoid):
            _ellipsoid(buffer, camera, solid, owner)
        else:
            _face(buffer, camera, solid, owner)


class _Window(NamedTuple):
    """A rectangle of the buffer that holds a solid, with its pixels' coordinates."""

    rows: slice
    columns: slice
    x: Plane  # (1, w)
    y: Plane  # (h, 1)


def _window(buffer: Buffer, low: NDArray[np.float64], high: NDArray[np.float64]) -> _Window | None:
    height, width = buffer.depth.shape
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    x1, y1 = min(int(high[0]) + 2, width), min(int(high[1]) + 2, height)
    if x0 >= x1 or y0 >= y1:
        return None
    x = np.arange(x0, x1, dtype=np.float32)[None, :]
    y = np.arange(y0, y1, dtype=np.float32)[:, None]
    return _Window(slice(y0, y1), slice(x0, x1), x, y)


class _Surface(NamedTuple):
    """A solid's visible side within a window; arrays (h, w)."""

    covered: NDArray[np.bool_]
    depth: Plane
    normal: tuple[Plane | float, Plane | float, Plane | float]
    texture: tuple[Plane, Plane] | None = None  # where the material has a pattern


def _write(buffer: Buffer, window: _Window, surface: _Surface, material: Material, owner: int) -> None:
    part = (window.rows, window.columns)
    nearer = surface.covered & (surface.depth < buffer.depth[part])
    if not nearer.any():
        return
    np.copyto(buffer.depth[part], surface.depth, where=nearer)
    np.copyto(buffer.material[part], _index(buffer.materials, material), where=nearer)
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


def _capsule(buffer: Buffer, camera: Camera, solid: Capsule, owner: int) -> None:
    """The outline is that of two discs and their common tangents, the relief that of the spheres between."""
    ends = camera.image(np.array([solid.a, solid.b]))
    za, zb = float(solid.a[2]), float(solid.b[2])
    start, end = camera.focal * solid.start / za, camera.focal * solid.end / zb  # px
    window = _window(buffer, ends.min(axis=0) - max(start, end), ends.max(axis=0) + max(start, end))
    if window is None:
        return
    (ax, ay), (dx, dy) = ends[0].tolist(), (ends[1] - ends[0]).tolist()
    squared_length = max(dx * dx + dy * dy, 1e-6)
    x, y = window.x - ax, window.y - ay
    along = x * (dx / squared_length) + y * (dy / squared_length)
    t = np.minimum(np.maximum(along, 0.0), 1.0)
    inverse = 1.0 / (start + (end - start) * t)
    nx, ny = (x - t * dx) * inverse, (y - t * dy) * inverse
    inwards = 1.0 - nx * nx - ny * ny
    covered = inwards > 0.0
    if solid.open:
        covered &= along <= 1.0
    nz = -np.sqrt(np.maximum(inwards, 0.0))
    depth = za + (zb - za) * t + nz * (solid.start + (solid.end - solid.start) * t)
    texture = None
    if solid.material.pattern != "plain":
        length = math.sqrt(squared_length)
        across = (ny * (dx / length) - nx * (dy / length)) * solid.start
        texture = (across, t * float(np.linalg.norm(solid.b - solid.a)))
    _write(buffer, window, _Surface(covered, depth, (nx, ny, nz), texture), solid.material, owner)


def _ellipsoid(buffer: Buffer, camera: Camera, solid: Ellipsoid, owner: int) -> None:
    """With p from the centre, p' M p = 1 on the surface: solves for the depth; the normal is along M p."""
    centre, scale = camera.image(solid.centre).tolist(), camera.focal / float(solid.centre[2])
    to_sphere = (solid.axes / np.array(solid.radii)).T
    (mxx, mxy, mxz), (_, myy, myz), (_, _, mzz) = (to_sphere.T @ to_sphere).tolist()
    reach = scale * np.sqrt((solid.axes[:2] ** 2) @ np.square(solid.radii))
    window = _window(buffer, centre - reach, centre + reach)
    if window is None:
        return
    x, y = (window.x - centre[0]) / scale, (window.y - centre[1]) / scale
    # The discriminant of the quadratic in z, as a quadratic in x and y.
    xx, xy, yy = mxx * mzz - mxz * mxz, 2 * (mxy * mzz - mxz * myz), myy * mzz - myz * myz
    under = (mzz - yy * y * y) - x * (xx * x + xy * y)
    root = np.sqrt(np.maximum(under, 0.0))
    z = (x * -mxz - y * myz - root) / mzz
    nx, ny = mxx * x + mxy * y + mxz * z, mxy * x + myy * y + myz * z
    inverse = 1.0 / (np.sqrt(nx * nx + ny * ny + root * root) + 1e-6)
    texture = None
    if solid.material.pattern != "plain":
        (ux, uy, uz), (vx, vy, vz) = solid.axes.T[:2].tolist()
        texture = (ux * x + uy * y + uz * z + solid.origin[0], vx * x + vy * y + vz * z + solid.origin[1])
    depth, normal = z + float(solid.centre[2]), (nx * inverse, ny * inverse, root * -inverse)
    _write(buffer, window, _Surface(under > 0.0, depth, normal, texture), solid.material, owner)


def _face(buffer: Buffer, camera: Camera, solid: Face, owner: int) -> None:
    corners = solid.corners
    (ax, ay, az), (bx, by, bz) = (corners[1:3] - corners[0]).tolist()
    normal = np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])
    offset = float(normal @ corners[0])
    if offset >= 0.0:
        return
    points = camera.image(corners)
    window = _window(buffer, points.min(axis=0), points.max(axis=0))
    if window is None:
        return
    nx, ny, nz = (normal / np.linalg.norm(normal)).tolist()
    ray_x, ray_y = (window.x - camera.centre[0]) / camera.focal, (window.y - camera.centre[1]) / camera.focal
    inverse_depth = (nx * ray_x + ny * ray_y + nz) * float(np.linalg.norm(normal) / offset)
    mask = np.zeros(inverse_depth.shape, np.uint8)
    origin = np.array([window.columns.start, window.rows.start])
    cv2.fillConvexPoly(mask, np.round((points - origin) * 16).astype(np.int32), 1, shift=4)
    covered = (mask > 0) & (inverse_depth > 1e-3)
    depth = 1.0 / np.maximum(inverse_depth, 1e-3)
    _write(buffer, window, _Surface(covered, depth, (nx, ny, nz)), solid.material, owner)
