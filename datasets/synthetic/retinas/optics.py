"""The image that spectral-domain OCT gives of a macula: reflectivity, shadows, speckle and white margins.

A scan is drawn with two samples a row, blurred as the coherence gate does, given speckle in linear intensity,
and shown on a logarithmic scale, as the instrument shows it.

Shapes: H W pixels of a scan, R = 2 H samples of a column, K = 8 boundaries.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.config import Amount, Frozen
from datasets.synthetic.retinas.anatomy import RPE_UM, Floats, Section, columns_per_mm, smooth_noise

_SAMPLES = 2  # a row
_STEPS = 32  # in the look-up table, across a layer
_DECADES = 3.0  # of intensity between black and white

# Brightness on the screen, 0 to 1, by depth within a layer; vitreous, seven layers, choroid.
_PROFILES = (
    ((0, 0.04), (1, 0.04)),
    ((0, 0.80), (0.6, 0.80), (1, 0.70)),  # NFL
    ((0, 0.54), (0.45, 0.52), (0.55, 0.58), (1, 0.58)),  # GCL above IPL
    ((0, 0.45), (0.5, 0.42), (1, 0.45)),  # INL
    ((0, 0.60), (0.7, 0.62), (1, 0.55)),  # OPL
    ((0, 0.38), (0.25, 0.33), (0.8, 0.33), (1, 0.38)),  # ONL, and the inner segments' myoids
    ((0, 0.74), (0.5, 0.80), (1, 0.70)),  # ISE
    ((0, 0.50), (1, 0.50)),  # OS; the RPE is drawn by its own thickness
    ((0, 0.56), (1, 0.56)),
)
_TABLE = np.array([np.interp(np.linspace(0, 1, _STEPS), *np.array(profile).T) for profile in _PROFILES])
_RPE, _ELM, _FLUID = 0.86, 0.47, 0.08
_ELM_ABOVE_ISE_UM = 24.0
_WHITE = 255


class Optics(Frozen):
    """The scanner and the eye before it."""

    looks: Amount = Field(7.0, gt=0)  # frames averaged: fewer, more speckle
    floor: Amount = Field(0.0018, ge=0)  # detector noise, relative to white
    vessels: float = Field(7.0, ge=0, le=1000)  # shadows a scan, on average
    margins: float = Field(0.35, ge=0, le=1)  # the share of scans with a white margin, from eye tracking


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a scan lie."""

    x: Floats  # (W,) mm
    height: int  # rows
    row_um: float

    @property
    def z(self) -> Floats:
        """(R, 1) µm, the depths that are drawn."""
        step = self.row_um / _SAMPLES
        return np.asarray((np.arange(_SAMPLES * self.height)[:, None] + 0.5) * step, np.float64)


def scan(
    rng: np.random.Generator, optics: Optics, cut: Section, grid: Grid
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A B-scan (H, W) and its fluid (H, W): 0, or the number of the pocket, from 1."""
    fluid = _fluid(cut, grid)
    brightness = np.where(fluid > 0, _FLUID, _tissue(rng, cut, grid))
    sigma = (4.5 / (grid.row_um / _SAMPLES), 0.009 * columns_per_mm(grid.x))
    decades = _blurred(brightness - 1, sigma) * _DECADES - _shadows(rng, optics, cut, grid)
    shown = 1 + np.log10(_with_speckle(rng, optics, 10**decades, sigma)) / _DECADES
    image = (235 * shown.reshape(grid.height, _SAMPLES, -1).mean(1)).clip(0, _WHITE - 1).astype(np.uint8)
    return _with_margins(rng, optics, image), fluid[::_SAMPLES]


def _fluid(cut: Section, grid: Grid) -> NDArray[np.uint8]:
    fluid = np.zeros((_SAMPLES * grid.height, len(grid.x)), np.uint8)
    for number, (top, bottom) in enumerate(cut.fluid, start=1):
        fluid[(grid.z > top) & (grid.z < bottom)] = number
    return fluid


def _tissue(rng: np.random.Generator, cut: Section, grid: Grid) -> Floats:
    """(R, W) brightness of everything but fluid."""
    z, b = grid.z, cut.boundaries
    layer = (z >= b[:, None]).sum(0)
    ends = np.vstack([b[:1] - 1, b, b[-1:] + 1])
    top, bottom = (np.take_along_axis(ends, layer + below, 0) for below in (0, 1))
    place = ((z - top) / np.maximum(bottom - top, 1e-6)).clip(0, 1)
    brightness = _TABLE[layer, (place * (_STEPS - 1)).astype(int)]
    brightness += 0.03 * _texture(rng, grid, along=0.10, across=6) * (layer > 0)
    rpe = (z > b[-1] - RPE_UM) & (layer == 7)
    brightness = np.where(rpe, _RPE, brightness)
    elm = np.exp(-0.5 * ((z - (b[5] - _ELM_ABOVE_ISE_UM)) / 4) ** 2) * (layer == 5)
    brightness += elm * (_ELM - 0.33)
    return np.where(layer == 8, _choroid(rng, z - b[-1], grid), brightness)


def _choroid(rng: np.random.Generator, depth: Floats, grid: Grid) -> Floats:
    """Brightest at the choriocapillaris, mottled by vessels that grow with depth, and fading."""
    lumen = _step(_texture(rng, grid, along=0.10, across=30) - 0.3, 0.25)
    stroma = 0.54 + 0.05 * _texture(rng, grid, along=0.04, across=12)
    lit = stroma - 0.20 * lumen * (depth / 50).clip(0, 1)
    return np.asarray(0.04 + lit * np.exp(-depth.clip(0) / 260))


def _texture(rng: np.random.Generator, grid: Grid, along: float, across: float) -> Floats:
    """(R, W) noise of unit deviation; `along` in mm, `across` in µm, the deviations of a grain."""
    shape = (_SAMPLES * grid.height, len(grid.x))
    grain = (across / (grid.row_um / _SAMPLES), along * columns_per_mm(grid.x))
    # Noise on a coarser raster, one sample a grain, and a smooth surface through it.
    raster = [max(2, round(n / max(1.4 * size, 1))) for n, size in zip(shape, grain, strict=True)]
    noise = cv2.resize(rng.standard_normal(raster), shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(noise / noise.std())


def _shadows(rng: np.random.Generator, optics: Optics, cut: Section, grid: Grid) -> Floats:
    """(R, W) decades of light lost: below vessels, below exudates, and slowly along the scan.

    A vessel's own wall, at the level of the ganglion cells, is brighter than its surroundings.
    """
    x = grid.x
    lost = 0.16 * (smooth_noise(rng, x.shape, 1.2 * columns_per_mm(x)) + 1) * np.ones_like(grid.z)
    for _ in range(rng.poisson(optics.vessels)):
        _add_vessel(rng, lost, cut.boundaries, grid)
    for _ in range(rng.poisson(0.5 * optics.vessels if cut.fluid else 0)):
        _add_exudate(rng, lost, cut.boundaries, grid)
    return np.asarray(lost)


def _add_vessel(rng: np.random.Generator, lost: Floats, b: Floats, grid: Grid) -> None:
    place, width = rng.uniform(grid.x[0], grid.x[-1]), rng.uniform(0.015, 0.06)
    near = np.abs(grid.x - place) < 3 * width
    across = np.exp(-0.5 * np.abs((grid.x[near] - place) / width) ** 2.5)
    below_wall = grid.z - b[1, near] - rng.uniform(0, 20)
    lost[:, near] += across * rng.uniform(0.2, 0.6) * _step(below_wall - 25, 12)
    lost[:, near] -= across * 0.3 * np.exp(-0.5 * (below_wall / (500 * width)) ** 2)


def _add_exudate(rng: np.random.Generator, lost: Floats, b: Floats, grid: Grid) -> None:
    """A bright fleck about the outer plexiform layer, with a faint shadow."""
    column = rng.integers(len(grid.x) // 8, len(grid.x) - len(grid.x) // 8)
    size = rng.uniform(6, 16)
    away = (grid.x - grid.x[column]) * 1000 / size
    near = np.abs(away) < 5
    below = (grid.z - rng.uniform(b[2, column], b[4, column] + 20)) / size
    across = np.exp(-0.5 * away[near] ** 2)
    lost[:, near] += across * rng.uniform(0.1, 0.3) * _step(below - 1, 1)
    lost[:, near] -= across * rng.uniform(0.8, 1.4) * np.exp(-0.5 * below**2)


def _step(distance: Floats, softness: float) -> Floats:
    return np.asarray(1 / (1 + np.exp(-(distance / softness).clip(-30, 30))))


def _with_speckle(
    rng: np.random.Generator, optics: Optics, intensity: Floats, sigma: tuple[float, float]
) -> Floats:
    """Intensity with speckle, of the grain of the resolution, and detector noise."""
    grain = _blurred(rng.standard_normal(intensity.shape), (0.8 * sigma[0], 0.8 * sigma[1]))
    speckle = np.exp(grain / (grain.std() * np.sqrt(optics.looks)))
    noise = optics.floor * rng.standard_exponential(intensity.shape)
    return np.asarray(intensity * speckle + noise + 1e-6)


def _blurred(image: Floats, sigma: tuple[float, float]) -> Floats:
    """Gaussian; sigma in samples, down and across."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigmaX=sigma[1], sigmaY=sigma[0]))


def _with_margins(rng: np.random.Generator, optics: Optics, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """White where the registered scan leaves the image, as in exported volumes."""
    if rng.random() >= optics.margins:
        return image
    height, width = image.shape
    rows = int(rng.uniform(0.02, 0.10) * height)
    image[:rows] = _WHITE
    columns = int(rng.uniform(0, 0.04) * width)
    if columns:
        image[:, :columns] = _WHITE
    return image
