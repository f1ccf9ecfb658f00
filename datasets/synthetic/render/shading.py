"""Light: a filled buffer to colours, and the shadows that solids cast on the floor. RGB, 0-255."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.synthetic.render.camera import Camera
from datasets.synthetic.render.raster import Buffer, Capsule, Ellipsoid, Material, Solid
from datasets.synthetic.render.raster_kernel import Plane
from datasets.synthetic.render.rotations import Vector


@dataclass(frozen=True)
class Light:
    """One distant lamp and a sky or ceiling that lights everything evenly."""

    towards: Vector  # (3,) unit, from the scene to the lamp, in the world; y < 0
    ambient: float  # share of a surface's colour seen without the lamp
    lamp: float  # further share where the lamp shines straight on it
    tint: tuple[float, float, float]  # of the lamp, 1 is white


def sample_light(rng: np.random.Generator) -> Light:
    """A lamp above, before or beside the scene, warm or cold."""
    azimuth, elevation = rng.uniform(-1.3, 1.3), rng.uniform(0.6, 1.2)
    towards = np.array(
        [np.sin(azimuth) * np.cos(elevation), -np.sin(elevation), -np.cos(azimuth) * np.cos(elevation)]
    )
    warmth = rng.uniform(-0.06, 0.08)
    ambient = rng.uniform(0.42, 0.6)
    return Light(
        towards, ambient, rng.uniform(0.6, 0.75) * (1.55 - ambient) / 1.05, (1 + warmth, 1.0, 1 - warmth)
    )


def shade(buffer: Buffer, camera: Camera, light: Light) -> NDArray[np.float32]:
    """(4, H, W): three planes of colour times coverage, and the coverage, 0 or 1."""
    out = np.zeros((4, *buffer.depth.shape), np.float32)
    drawn = np.flatnonzero(buffer.material >= 0)
    if not drawn.size:
        return out
    index = buffer.material.ravel()[drawn]
    normal = buffer.normal.reshape(3, -1).take(drawn, axis=1)
    towards = (camera.rotation @ light.towards).astype(np.float32)
    lamp = np.maximum(0.75 * (towards @ normal) + 0.25, 0.0) * np.float32(
        light.lamp
    )  # wrapped, as soft light is
    openness = _openness(buffer.depth, drawn, camera)
    even, directed = np.float32(light.ambient) * openness, lamp * (0.5 + 0.5 * openness)
    highlight = _highlight(buffer, index, normal, towards)
    planes = out.reshape(4, -1)
    for plane, albedo, tint in zip(planes, _albedo(buffer, drawn, index), light.tint, strict=False):
        plane[drawn] = albedo * (even + tint * directed) + highlight
    planes[3, drawn] = 1.0
    return out


def _highlight(
    buffer: Buffer, index: NDArray[np.int16], normal: NDArray[np.float32], towards: NDArray[np.float32]
) -> Plane:
    """(N,) grey levels that glossy surfaces add (Blinn's model)."""
    gloss = 200.0 * np.array([m.gloss for m in buffer.materials], np.float32).take(index)
    half = towards - np.array([0.0, 0.0, 1.0], np.float32)
    cosine = np.maximum(half @ normal, 0.0) / np.float32(np.linalg.norm(half))
    squared = cosine * cosine
    return np.asarray(gloss * squared**8)


def _openness(depth: Plane, drawn: NDArray[np.int64], camera: Camera) -> Plane:
    """(N,) 1 in the open, less in creases: where the neighbourhood is nearer than the pixel itself."""
    near = depth.ravel()[drawn]
    flat = np.minimum(depth, near.max())
    size = 2 * int(0.045 * camera.focal / max(float(near.mean()), 0.1)) + 1
    behind = near - cv2.blur(flat, (size, size)).ravel()[drawn]
    return np.asarray(1.0 - 0.55 * np.clip(behind / np.float32(0.12), 0.0, 1.0), np.float32)


def _albedo(buffer: Buffer, drawn: NDArray[np.int64], index: NDArray[np.int16]) -> NDArray[np.float32]:
    """(3, N) colours under white light."""
    albedo = np.array([m.colour for m in buffer.materials], np.float32).T.take(index, axis=1)
    texture = buffer.texture.reshape(2, -1)
    for number, material in enumerate(buffer.materials):
        if material.pattern != "plain":
            chosen = np.flatnonzero(index == number)
            u, v = texture.take(drawn[chosen], axis=1) / np.float32(material.period)
            difference = np.subtract(material.second, material.colour).astype(np.float32)
            albedo[:, chosen] += difference[:, None] * _second(material, u, v)
    return np.asarray(albedo)


def _second(material: Material, u: Plane, v: Plane) -> Plane:
    """Share of the pattern's second colour; u and v in periods, shape (N,)."""
    u, v = u - np.floor(u), v - np.floor(v)
    if material.pattern == "bands":
        return np.asarray(v < 0.45, np.float32)
    if material.pattern == "stripes":
        return np.asarray(u < 0.35, np.float32)
    if material.pattern == "checks":
        return np.asarray(0.5 * (u < 0.5) + 0.5 * (v < 0.5), np.float32)
    return np.asarray((u - 0.5) ** 2 + (v - 0.5) ** 2 < 0.07, np.float32)


def floor_shadow(camera: Camera, items: list[Solid], light: Light, size: tuple[int, int]) -> Plane:
    """(H, W) 0-1: how much of the lamp the solids, given in the camera's frame, take from the floor."""
    spines = [_spine(item) for item in items if isinstance(item, Capsule | Ellipsoid)]
    casting = [(segment, radius) for segment, radius in spines if radius > _THINNEST]
    mask = np.zeros(size, np.uint8)
    if casting:
        world = np.stack([segment for segment, _ in casting]) @ camera.rotation + camera.position
        ground = camera.view(world - world[..., 1:2] / light.towards[1] * light.towards)
        ends = np.clip(np.round(camera.image(ground)), -4096, 4096).astype(int)
        depths = ground[..., 2].min(axis=1)
        for (start, end), depth, (_, radius) in zip(ends.tolist(), depths.tolist(), casting, strict=True):
            if depth > 0.3:
                cv2.line(mask, start, end, 255, max(1, round(2 * radius * camera.focal / depth)))
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.6).astype(np.float32) / 255.0)


_THINNEST = 0.015  # m; what is thinner casts no shadow worth drawing


def _spine(item: Capsule | Ellipsoid) -> tuple[NDArray[np.float64], float]:
    """A segment (2, 3) and a radius that fill about the same space."""
    if isinstance(item, Capsule):
        return np.array([item.a, item.b]), 0.5 * (item.start + item.end)
    longest = max(range(3), key=lambda axis: item.radii[axis])
    radius = sorted(item.radii)[1]
    reach = (item.radii[longest] - radius) * item.axes[:, longest]
    return np.array([item.centre - reach, item.centre + reach]), radius
