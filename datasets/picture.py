"""Pictures from files: the whole picture, or an error."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.errors import DataError

_ANOTHER_COPY = "Put an intact copy there, or take the picture out of the annotations"


def decode(path: Path) -> NDArray[np.uint8]:
    """A picture as uint8 (H, W, 3), RGB; grey, palette and CMYK pictures are converted, EXIF is ignored.

    Pillow raises where a file ends too early; OpenCV returns what there is and fills up with grey.

    Raises:
        DataError: the file is missing, truncated, or no picture.
    """
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except FileNotFoundError as error:
        raise DataError(path, "this picture is missing", remedy=_ANOTHER_COPY) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow's decoders signal broken files by all of these.
        raise DataError(path, f"this picture can't be decoded ({error})", remedy=_ANOTHER_COPY) from error
