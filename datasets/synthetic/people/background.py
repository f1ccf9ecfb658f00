"""The background: a room or the open air, in the perspective of the scene. RGB, 0-255.

Shapes: H W pixels of the image.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.synthetic.render.camera import Camera
from datasets.synthetic.render.raster import RGB

Canvas = NDArray[np.float32]
"""(H, W, 3)."""

_WALLS: tuple[RGB, ...] = (
    (214, 206, 192),
    (188, 196, 198),
    (168, 178, 158),
    (198, 172, 150),
    (148, 160, 178),
    (226, 222, 214),
)
_FLOORS: tuple[RGB, ...] = ((150, 112, 78), (176, 146, 110), (120, 116, 112), (98, 84, 74), (190, 184, 174))
_GROUND: tuple[RGB, ...] = ((112, 132, 74), (96, 116, 66), (142, 138, 132), (188, 168, 130), (124, 120, 118))


def paint(
    rng: np.random.Generator, camera: Camera, size: tuple[int, int], wall: float, indoors: bool
) -> Canvas:
    """A background of `size` (H, W). `wall`: metres to the room's wall; outdoors the view reaches farther."""
    return (_indoors if indoors else _outdoors)(rng, camera, size, wall)


def floor_rows(camera: Camera, size: tuple[int, int], wall: float) -> int:
    """The first row of the image that shows the floor."""
    return int(np.clip(_row(camera, wall), 0, size[0]))


def _row(camera: Camera, distance: float) -> float:
    return float(camera.project(np.array([0.0, 0.0, distance]))[1])


def _noise(
    rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int], amplitude: float
) -> Canvas:
    """(H, W, 3) smooth grey noise with `cells` (down, across) bumps."""
    grid = rng.normal(0.0, amplitude, cells).astype(np.float32)
    return np.asarray(cv2.merge([cv2.resize(grid, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)] * 3))


def _fill(size: tuple[int, int], top: NDArray[np.float64], bottom: NDArray[np.float64]) -> Canvas:
    """(H, W, 3) from one colour at the top to another at the bottom."""
    ramp = np.linspace(0.0, 1.0, max(size[0], 1))[:, None]
    return np.repeat(((1 - ramp) * top + ramp * bottom).astype(np.float32)[: size[0], None], size[1], axis=1)


def _pick(rng: np.random.Generator, colours: tuple[RGB, ...]) -> NDArray[np.float64]:
    return np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.7, 1.1) + rng.normal(0, 6, 3)


def _indoors(rng: np.random.Generator, camera: Camera, size: tuple[int, int], wall: float) -> Canvas:
    line = floor_rows(camera, size, wall)
    canvas = np.empty((*size, 3), np.float32)
    colour, floor = _pick(rng, _WALLS), _pick(rng, _FLOORS)
    canvas[:line] = _fill((line, size[1]), colour * rng.uniform(0.85, 1.1), colour * rng.uniform(0.8, 1.0))
    canvas[line:] = _fill((size[0] - line, size[1]), floor * 0.8, floor)
    if rng.random() < 0.3:
        _wallpaper(rng, canvas[:line], colour)
    for _ in range(rng.poisson(1.3)):
        _on_wall(rng, canvas, camera, wall)
    if line < size[0]:
        _floor_lines(rng, canvas, camera, wall, line, floor * rng.uniform(0.72, 0.9))
        skirting = max(1, round(0.12 * camera.focal / wall))
        canvas[max(line - skirting, 0) : line] = colour * rng.uniform(0.6, 1.15)
    return canvas + _noise(rng, size, (5, 7), 5.0) + _noise(rng, size, (36, 48), 2.5)


def _wallpaper(rng: np.random.Generator, wall: Canvas, colour: NDArray[np.float64]) -> None:
    period = rng.uniform(5.0, 14.0)
    stripes = (np.arange(wall.shape[1]) / period + rng.random()) % 1.0 < rng.uniform(0.2, 0.5)
    wall[:, stripes] = wall[:, stripes] * 0.8 + 0.2 * np.float32(colour * rng.uniform(0.5, 1.3))


def _polygon(canvas: Canvas, points: NDArray[np.float64], colour: NDArray[np.float64]) -> None:
    corners = np.round(np.clip(points, -2000, 2000) * 16).astype(np.int32)
    cv2.fillConvexPoly(canvas, corners, tuple(float(c) for c in colour), lineType=cv2.LINE_AA, shift=4)


def _rectangle(
    camera: Camera, x: tuple[float, float], y: tuple[float, float], z: float
) -> NDArray[np.float64]:
    """(4, 2) px of an upright rectangle at distance z; metres, y is height above the floor."""
    corners = [[x[0], -y[0], z], [x[1], -y[0], z], [x[1], -y[1], z], [x[0], -y[1], z]]
    return camera.project(np.array(corners))


def _on_wall(rng: np.random.Generator, canvas: Canvas, camera: Camera, wall: float) -> None:
    """A window, a door or a framed picture."""
    reach = 0.5 * canvas.shape[1] / camera.focal * wall
    left, kind = rng.uniform(-reach - 0.5, reach), rng.random()
    if kind < 0.35:
        width, low, high, inside = rng.uniform(0.8, 1.6), 0.9, 2.1, np.array([206.0, 220.0, 232.0])
    elif kind < 0.55:
        width, low, high, inside = 0.9, 0.0, 2.05, rng.uniform(60, 200) + rng.normal(0, 15, 3)
    else:
        low = rng.uniform(1.0, 1.5)
        width, high, inside = rng.uniform(0.3, 0.9), low + rng.uniform(0.3, 0.7), rng.uniform(40, 220, 3)
    border = rng.uniform(0.03, 0.08)
    _polygon(
        canvas, _rectangle(camera, (left, left + width), (low, high), wall), rng.uniform(40, 225) * np.ones(3)
    )
    inner = (left + border, left + width - border), (low + border * (low > 0), high - border)
    _polygon(canvas, _rectangle(camera, *inner, wall), inside)
    if kind < 0.35:
        middle = left + 0.5 * width
        _polygon(canvas, _rectangle(camera, (middle - 0.02, middle + 0.02), (low, high), wall), 0.8 * inside)


def _floor_lines(
    rng: np.random.Generator,
    canvas: Canvas,
    camera: Camera,
    wall: float,
    line: int,
    colour: NDArray[np.float64],
) -> None:
    """Boards along the view, or tiles."""
    pitch, tiles = rng.uniform(0.25, 0.7), rng.random() < 0.4
    reach, near = 0.75 * canvas.shape[1] / camera.focal * wall, 0.35 * wall
    shade = tuple(float(c) for c in colour)
    for x in np.arange(-reach, reach, pitch):
        ends = camera.project(np.array([[x, 0.0, near], [x, 0.0, wall]]))
        _segment(canvas[line:], ends - [0, line], shade)
    if tiles:
        for z in np.arange(near, wall, pitch):
            row = _row(camera, float(z))
            _segment(canvas[line:], np.array([[0.0, row - line], [canvas.shape[1], row - line]]), shade)


def _segment(canvas: Canvas, ends: NDArray[np.float64], colour: tuple[float, ...]) -> None:
    (x0, y0), (x1, y1) = np.round(np.clip(ends, -2000, 2000)).astype(int).tolist()
    cv2.line(canvas, (x0, y0), (x1, y1), colour, 1)


def _outdoors(rng: np.random.Generator, camera: Camera, size: tuple[int, int], wall: float) -> Canvas:
    far = 12.0 * wall
    line = floor_rows(camera, size, far)
    canvas = np.empty((*size, 3), np.float32)
    high = np.array([150.0, 182.0, 220.0]) * rng.uniform(0.75, 1.08) + rng.normal(0, 8, 3)
    haze = high + rng.uniform(0.3, 0.8) * (np.array([226.0, 226.0, 222.0]) - high)
    canvas[:] = _fill(size, high, haze)
    canvas += np.maximum(_noise(rng, size, (7, 6), 16.0), -6.0)
    _skyline(rng, canvas, camera, 4.0 * wall)
    ground = _pick(rng, _GROUND)
    canvas[line:] = _fill((size[0] - line, size[1]), 0.55 * ground + 0.45 * haze * 0.8, ground)
    if line < size[0]:
        _ground(rng, canvas[line:], ground)
        if rng.random() < 0.4:
            _path(rng, canvas, camera, far, line)
    return canvas


def _ground(rng: np.random.Generator, ground: Canvas, colour: NDArray[np.float64]) -> None:
    size = (ground.shape[0], ground.shape[1])
    ground += _noise(rng, size, (6, 5), 7.0)
    grassy = colour[1] > colour[0]
    fine = (max(size[0] // 2, 2), max(size[1] // 2, 2))
    ground += _noise(rng, size, fine, 10.0 if grassy else 4.0)


def _path(rng: np.random.Generator, canvas: Canvas, camera: Camera, far: float, line: int) -> None:
    left, width = rng.uniform(-3.0, 1.0), rng.uniform(1.2, 3.5)
    near = 1.2 * camera.height + 0.8
    corners = [[left, 0, near], [left + width, 0, near], [left + width, 0, far], [left, 0, far]]
    below = camera.project(np.array(corners, float)) - [0, line]
    _polygon(canvas[line:], below, np.array([150.0, 145.0, 138.0]) * rng.uniform(0.75, 1.2))


def _skyline(rng: np.random.Generator, canvas: Canvas, camera: Camera, distance: float) -> None:
    """Buildings, or trees."""
    reach = 0.5 * canvas.shape[1] / camera.focal * distance
    if rng.random() < 0.45:
        left = -reach
        while left < reach:
            width, height = rng.uniform(2.0, 6.0), rng.uniform(3.0, 9.0)
            _building(rng, canvas, camera, (left, width, height), distance)
            left += width * rng.uniform(0.9, 1.3)
        return
    green = np.array([74.0, 98.0, 62.0]) * rng.uniform(0.7, 1.3)
    for x in rng.uniform(-reach, reach, int(rng.integers(14, 30))):
        height, radius = rng.uniform(0.5, 4.0), rng.uniform(0.8, 2.2)
        (u, v), scale = camera.project(np.array([x, -height, distance])), camera.focal / distance
        colour = tuple(float(c) for c in green * rng.uniform(0.75, 1.2))
        centre, axes = (
            (int(u), int(v)),
            (int(radius * scale) + 1, int(radius * scale * rng.uniform(0.7, 1.3)) + 1),
        )
        cv2.ellipse(canvas, centre, axes, 0.0, 0.0, 360.0, colour, -1, cv2.LINE_AA)


def _building(
    rng: np.random.Generator,
    canvas: Canvas,
    camera: Camera,
    box: tuple[float, float, float],
    distance: float,
) -> None:
    left, width, height = box
    colour = np.array([172.0, 160.0, 150.0]) * rng.uniform(0.6, 1.2) + rng.normal(0, 10, 3)
    _polygon(canvas, _rectangle(camera, (left, left + width), (0.0, height), distance), colour)
    panes = colour * rng.uniform(0.55, 0.8)
    for x in np.arange(left + 0.4, left + width - 0.8, 1.3):
        for y in np.arange(1.0, height - 1.0, 1.6):
            _polygon(
                canvas,
                _rectangle(camera, (float(x), float(x) + 0.6), (float(y), float(y) + 0.9), distance),
                panes,
            )
