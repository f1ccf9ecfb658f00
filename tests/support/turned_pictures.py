"""Pictures with an EXIF orientation."""

from pathlib import Path

import numpy as np
from PIL import Image


def save_turned(path: Path, stored: np.ndarray, orientation: int) -> None:
    """Write pixels as they are, with an orientation beside them; losslessly but for JPEG."""
    exif = Image.Exif()
    exif[274] = orientation
    kept = {"lossless": True} if path.suffix == ".webp" else {"quality": 95} if path.suffix == ".jpg" else {}
    Image.fromarray(stored).save(path, exif=exif, **kept)
