"""The anatomy of a generated macula: eight boundaries, seven layers, a fovea, and fluid that displaces them.

Lengths along a B-scan (x) and from one B-scan to the next (y) are in mm, depths (z) in µm, downwards.
Thicknesses follow what spectral-domain OCT shows in healthy adults: a foveal centre of about 225 µm, a rim of
about 340 µm, a nerve fibre layer that grows towards the optic disc.

Shapes: W columns of a scan, L = 7 layers, K = 8 boundaries.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FIELD_MM = 8.7
"""The length of a B-scan; 768 columns of 11.33 µm."""
VOLUME_MM = 7.4
"""From the first B-scan of a volume to the last; 61 of them, 0.123 mm apart."""
RPE_UM = 24.0
"""Thickness of the retinal pigment epithelium, the lower part of the lowest layer."""

INL, ONL, OS = 2, 4, 6
"""The layers in which fluid gathers: inner nuclear, outer nuclear, and under the outer segments."""

_ECCENTRICITY = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0)  # mm from the fovea
_TEMPORAL = (
    (4, 5, 9, 13, 16, 19, 20, 21, 20, 19),  # NFL
    (6, 20, 55, 82, 93, 88, 76, 58, 46, 40),  # GCL-IPL
    (8, 16, 30, 38, 41, 38, 35, 32, 30, 28),  # INL
    (14, 24, 34, 34, 31, 28, 27, 26, 25, 25),  # OPL
    (115, 108, 96, 90, 87, 83, 79, 74, 68, 64),  # ONL-ISM
    (27, 25, 23, 22, 21, 20, 20, 19, 19, 19),  # ISE
    (52, 48, 46, 45, 44, 43, 42, 41, 40, 40),  # OS-RPE
)
_NASAL_NFL = (4, 6, 12, 18, 23, 31, 40, 60, 88, 110)
_DOME_MM = 0.14  # how far beyond a pocket its layer is thickened, as tissue bends smoothly
_TISSUE = 0.06  # of a swollen layer's thickness, above and below its fluid


@dataclass(frozen=True)
class Pocket:
    """An ellipsoid of fluid within one layer."""

    layer: int  # INL, ONL or OS
    x: float  # mm
    y: float
    rx: float  # half axes, mm
    ry: float
    height: float  # µm, from top to bottom

    def heights(self, x: Floats, y: float) -> Floats:
        """(W,) µm of fluid in each column of the B-scan at y."""
        inside = 1 - ((x - self.x) / self.rx) ** 2 - ((y - self.y) / self.ry) ** 2
        return np.asarray(self.height * np.sqrt(np.maximum(inside, 0)))


@dataclass(frozen=True)
class Swelling:
    """Diffuse oedema: layers thickened around a place, without a pocket."""

    x: float  # mm
    y: float
    radius: float
    gain: tuple[float, ...]  # µm at the centre, by layer

    def added(self, x: Floats, y: float) -> Floats:
        """(L, W) µm."""
        fall = np.exp(-0.5 * ((x - self.x) ** 2 + (y - self.y) ** 2) / self.radius**2)
        return np.asarray(np.multiply.outer(np.array(self.gain), fall))


@dataclass(frozen=True)
class Eye:
    """One subject's macula. The origin of x and y is the centre of the volume."""

    nasal: int  # the sign of x towards the optic disc
    fovea: tuple[float, float]  # mm
    stretch: float  # of the foveal pit and its rim
    build: tuple[float, ...]  # thickness of each layer, as a multiple of the usual
    tilt: float  # µm/mm
    curvature: float  # µm/mm²
    pockets: tuple[Pocket, ...]
    swellings: tuple[Swelling, ...]


@dataclass(frozen=True)
class Section:
    """The cross-section that a B-scan shows: boundaries, and the fluid between them."""

    boundaries: Floats  # (K, W) µm, top to bottom
    fluid: tuple[tuple[Floats, Floats], ...]  # top and bottom of each pocket that is cut, (W,) µm each

    @property
    def under_fluid(self) -> NDArray[np.bool_]:
        """(W,) columns in which there is some."""
        none = np.zeros(self.boundaries.shape[1], bool)
        return np.asarray(np.any([none, *(bottom > top for top, bottom in self.fluid)], axis=0))


def section(rng: np.random.Generator, eye: Eye, x: Floats, y: float, depth: float) -> Section:
    """The B-scan at y (mm), columns at x (W,) mm, Bruch's membrane about `depth` µm below the top."""
    cut = [(pocket, pocket.heights(x, y)) for pocket in eye.pockets]
    cut = [(pocket, heights) for pocket, heights in cut if heights.any()]
    layers = _healthy(rng, eye, x, y) + sum(swelling.added(x, y) for swelling in eye.swellings)
    layers += _thickening(cut, x)
    bruch = _bruch(rng, eye, x, depth)
    boundaries = bruch - np.vstack([layers[::-1].cumsum(0)[::-1], np.zeros_like(x)])
    return Section(boundaries, tuple(_extent(pocket, heights, boundaries) for pocket, heights in cut))


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> Floats:
    """Gaussian noise of unit deviation, smoothed along the last axis over `sigma` columns."""
    from scipy.ndimage import gaussian_filter1d

    noise = gaussian_filter1d(rng.standard_normal(shape), sigma, axis=-1, mode="wrap")
    # A Gaussian of that width leaves 1 / (2 √π sigma) of the variance of white noise.
    return np.asarray(noise * np.sqrt(2 * np.sqrt(np.pi) * max(sigma, 0.5 / np.sqrt(np.pi))))


def columns_per_mm(x: Floats) -> float:
    """Of equally spaced columns."""
    return float((len(x) - 1) / (x[-1] - x[0]))


def _healthy(rng: np.random.Generator, eye: Eye, x: Floats, y: float) -> Floats:
    """(L, W) µm without disease."""
    from scipy.interpolate import PchipInterpolator  # which takes half a second to import

    dx, dy = x - eye.fovea[0], y - eye.fovea[1]
    r = np.hypot(dx, dy) / eye.stretch
    layers = PchipInterpolator(_ECCENTRICITY, np.array(_TEMPORAL, float), axis=1)(r)
    nasal = 0.5 * (1 + eye.nasal * dx / np.hypot(dx, 0.5))
    layers[0] += nasal * (PchipInterpolator(_ECCENTRICITY, np.array(_NASAL_NFL, float))(r) - layers[0])
    variation = 1 + 0.04 * smooth_noise(rng, layers.shape, 0.25 * columns_per_mm(x))
    return np.asarray(layers * np.array(eye.build)[:, None] * variation.clip(0.8, 1.2))


def _thickening(cut: list[tuple[Pocket, Floats]], x: Floats) -> Floats:
    """(L, W) µm that pockets of fluid add to their layers."""
    from scipy.ndimage import gaussian_filter1d, maximum_filter1d

    added = np.zeros((7, len(x)))
    for pocket, heights in cut:
        added[pocket.layer] = np.maximum(added[pocket.layer], heights)
    reach = _DOME_MM * columns_per_mm(x)
    lifted = maximum_filter1d(added, 1 + 2 * round(1.3 * reach), axis=1)
    return np.asarray(gaussian_filter1d(lifted, reach, axis=1))


def _bruch(rng: np.random.Generator, eye: Eye, x: Floats, depth: float) -> Floats:
    tilt = eye.tilt + 6 * rng.standard_normal()
    waviness = 3 * smooth_noise(rng, x.shape, 0.8 * columns_per_mm(x))
    return np.asarray(depth + tilt * x - eye.curvature * x**2 + waviness)


def _extent(pocket: Pocket, heights: Floats, boundaries: Floats) -> tuple[Floats, Floats]:
    """Top and bottom (W,) of a pocket: mid-layer, or on the RPE where it lies under the outer segments."""
    top, bottom = boundaries[pocket.layer], boundaries[pocket.layer + 1]
    room = bottom - top
    if pocket.layer == OS:
        floor = bottom - RPE_UM
        return floor - np.minimum(heights, np.maximum(floor - top - 8, 0)), floor
    half = np.minimum(heights, (1 - 2 * _TISSUE) * room) / 2
    return (top + bottom) / 2 - half, (top + bottom) / 2 + half
