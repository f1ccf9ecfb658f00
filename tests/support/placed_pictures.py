"""Pictures of noise, and where people are placed in them."""

from pathlib import Path

import numpy as np
from PIL import Image

from datasets.crops import crop
from datasets.io.image import PictureFile

WIDTH, HEIGHT = 200, 150


def pictures(folder: Path, count: int = 3) -> list[PictureFile]:
    rng = np.random.default_rng(0)
    files = []
    for index in range(count):
        pixels = rng.integers(1, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        files.append(PictureFile(folder / f"{index}.png", WIDTH, HEIGHT))
    return files


def options(seed: int, count: int) -> np.ndarray:
    """Placements (N, 3, 4) of boxes that may reach over every border of the picture."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, (WIDTH - 20, HEIGHT - 20), (count, 2))
    high = np.minimum(low + rng.uniform(5, 120, (count, 2)), (WIDTH - 1, HEIGHT - 1))
    return np.repeat(crop.whole_bodies(np.hstack([low, high]), 0.75, 1.25)[:, None], 3, 1)


def upright(count: int) -> np.ndarray:
    """Maps under which a crop is the picture's corner."""
    return np.tile(np.array([[1.0, 0, 0], [0, 1, 0]]), (count, 1, 1))
