"""Pictures as text, so that they travel in JSON."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]

QUALITY = 90
"""Of JPEG: no difference can be seen beside the lines that are drawn over it."""


def to_text(picture: Picture) -> str:
    """A picture (H, W, 3) or (H, W) as JPEG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=QUALITY)
    return base64.b64encode(buffer.getvalue()).decode()


def from_text(text: str) -> Picture:
    """The inverse of `to_text`, but for JPEG's losses."""
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        return np.asarray(picture)
