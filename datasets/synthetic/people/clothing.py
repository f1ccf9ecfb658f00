"""What people look like: skin, hair and clothes, sampled independently of body and pose."""

import colorsys
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datasets.synthetic.render.raster import RGB, Material

Hair = Literal["short", "long", "bun", "ponytail", "bald", "cap"]

_SKIN: tuple[RGB, ...] = (
    (246, 213, 189),
    (232, 190, 160),
    (214, 165, 128),
    (184, 130, 92),
    (141, 92, 62),
    (96, 62, 44),
)
_HAIR: tuple[RGB, ...] = (
    (28, 24, 23),
    (58, 38, 27),
    (96, 62, 36),
    (176, 132, 76),
    (150, 78, 40),
    (168, 165, 162),
)
_TROUSERS: tuple[RGB, ...] = (
    (44, 56, 84),
    (72, 94, 132),
    (38, 38, 42),
    (86, 84, 82),
    (168, 150, 118),
    (92, 78, 58),
    (214, 210, 202),
)
_SHOES: tuple[RGB, ...] = ((32, 30, 30), (230, 228, 224), (110, 68, 40), (160, 48, 44), (70, 84, 110))
_PATTERNS: tuple[Literal["plain", "bands", "stripes", "checks", "dots"], ...] = (
    "plain",
    "bands",
    "stripes",
    "checks",
    "dots",
)


@dataclass(frozen=True)
class Outfit:
    """What one person looks like."""

    skin: Material
    lips: Material
    brows: Material
    hair: Hair
    hair_material: Material
    top: Material
    sleeves: float  # share of the arm that they cover: 0 none, 0.5 to the elbow, 1 to the wrist
    bottom: Material
    legs: float  # share of the leg that trousers cover: 0.45 shorts, 1 long
    skirt: float  # 0 none, else how far down it reaches, in thighs
    looseness: float  # of the cloth around the limb, relative to the limb
    shoes: Material


def sample_outfit(rng: np.random.Generator) -> Outfit:
    """Colours are drawn from photographs' usual ones, clothes in any hue."""
    skin = _varied(rng, _SKIN[rng.integers(len(_SKIN))])
    hair_colour = _varied(rng, _HAIR[rng.integers(len(_HAIR))])
    hair: Hair = rng.choice(
        ["short", "long", "bun", "ponytail", "bald", "cap"], p=[0.42, 0.24, 0.07, 0.11, 0.07, 0.09]
    )
    top = _top(rng)
    dress, skirt = rng.random() < 0.08, rng.random() < 0.08
    legs = float(rng.choice([rng.uniform(0.4, 0.6), rng.uniform(0.92, 1.0)], p=[0.22, 0.78]))
    bottom = top if dress else Material(_varied(rng, _TROUSERS[rng.integers(len(_TROUSERS))]))
    return Outfit(
        skin=Material(skin, gloss=0.12),
        lips=Material(_blend(skin, (150, 50, 55), 0.55)),
        brows=Material(_blend(hair_colour, skin, 0.25)),
        hair=hair,
        hair_material=Material(_any_colour(rng) if hair == "cap" else hair_colour, gloss=0.15),
        top=top,
        sleeves=float(rng.choice([0.0, rng.uniform(0.25, 0.45), rng.uniform(0.9, 1.0)], p=[0.1, 0.45, 0.45])),
        bottom=bottom,
        legs=0.0 if dress or skirt else legs,
        skirt=rng.uniform(0.6, 1.15) if dress or skirt else 0.0,
        looseness=rng.uniform(1.06, 1.28),
        shoes=Material(_varied(rng, _SHOES[rng.integers(len(_SHOES))]), gloss=0.2),
    )


def _top(rng: np.random.Generator) -> Material:
    pattern = _PATTERNS[rng.choice(len(_PATTERNS), p=(0.58, 0.18, 0.08, 0.10, 0.06))]
    colour = _any_colour(rng)
    second = (235.0, 232.0, 226.0) if rng.random() < 0.5 else _any_colour(rng)
    return Material(colour, pattern, second, period=rng.uniform(0.06, 0.13))


def _any_colour(rng: np.random.Generator) -> RGB:
    """A textile colour: any hue, seldom fully saturated, sometimes almost grey."""
    saturation = rng.uniform(0.0, 0.12) if rng.random() < 0.3 else rng.uniform(0.25, 0.85)
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(0.2, 0.95))
    return (255 * red, 255 * green, 255 * blue)


def _varied(rng: np.random.Generator, colour: RGB) -> RGB:
    factor = rng.uniform(0.85, 1.1)
    red, green, blue = (min(255.0, c * factor + rng.normal(0, 4)) for c in colour)
    return (red, green, blue)


def _blend(a: RGB, b: RGB, share: float) -> RGB:
    red, green, blue = ((1 - share) * p + share * q for p, q in zip(a, b, strict=True))
    return (red, green, blue)
