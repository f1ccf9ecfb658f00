"""Pixels of any kind as 8 bits of red, green and blue.

Grey, palettes, YCbCr and CMYK are converted by Pillow; transparency is ignored, as OpenCV ignores it. Of 16
bits the upper 8 are kept, as libpng and OpenCV do: the format's range stands for black to white. What has no
such range, as floating point, is refused: any choice may turn a picture black or white.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, SAMPLEFORMAT, TiffImageFile

from datasets.io.errors import DataError

_DIRECT = ("1", "CMYK", "HSV", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr")
"""Modes that Pillow converts to RGB rightly."""
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
_SIXTEEN = ("I;16", "I;16B", "I;16L", "I;16N")
_KINDS = {"F": "floating-point", "I": "32-bit or signed", "LAB": "CIELAB"}

_DEEP = re.compile(r";16[BLN]")  # among what Pillow unpacks
_UNSIGNED, _FLOAT, _VOID, _WHITE_IS_ZERO = 1, 3, 4, 0
_SUSPICIOUS = 16
"""A deep picture without a value as large, of 255, holds fewer bits than its format: it would be black."""

_TO_8_BITS = "Convert it to 8 bits, such as with `magick FILE -depth 8 OTHER`"


def rgb(path: Path, picture: ImageFile) -> NDArray[np.uint8]:
    """An opened picture, not loaded yet, as uint8 (H, W, 3).

    Raises:
        DataError: its kind of pixels has no range that stands for black to white, or uses hardly any of it.
    """
    _check_sign(path, picture)
    deep, bits = is_deep(picture), _bits(picture)
    array = _shallow(picture, bits) if bits else _converted(path, picture)
    if deep and array.max(initial=0) < _SUSPICIOUS:
        problem = "has more than 8 bits a channel and uses the lowest sixteenth of their range, so that white"
        raise DataError(path, f"{problem} is not known", remedy=_TO_8_BITS, code="unsupported-pixels")
    return array


def _converted(path: Path, picture: ImageFile) -> NDArray[np.uint8]:
    mode = picture.mode
    if mode in _PREMULTIPLIED:
        return np.asarray(picture.convert(_PREMULTIPLIED[mode]).convert("RGB"))
    if mode not in _DIRECT:
        raise _unsupported(path, _KINDS.get(mode, mode))
    # Converting what is RGB already would copy it once more.
    return np.asarray(picture if mode == "RGB" else picture.convert("RGB"))


def is_deep(picture: ImageFile) -> bool:
    """Whether an opened picture, not loaded yet, has more than 8 bits a channel."""
    return bool(_bits(picture)) or any(_DEEP.search(str(tile.args)) for tile in picture.tile)


def is_transparent(picture: ImageFile) -> bool:
    """Whether a picture has an alpha channel or a transparent colour."""
    return picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info


def _bits(picture: ImageFile) -> int:
    """Of a grey value, if it has more than 8 and is not negative; otherwise 0."""
    if picture.mode in _SIXTEEN:
        declared = picture.tag_v2.get(BITSPERSAMPLE, (16,)) if isinstance(picture, TiffImageFile) else (16,)
        return int(declared[0])
    # Pillow scales what PGM calls white, whatever that is, to 65,535.
    return 16 if picture.mode == "I" and isinstance(picture, PpmImageFile) else 0


def _shallow(picture: ImageFile, bits: int) -> NDArray[np.uint8]:
    grey = (np.asarray(picture).astype(np.uint16) >> (bits - 8)).astype(np.uint8)
    tags = picture.tag_v2 if isinstance(picture, TiffImageFile) else {}
    if tags.get(PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO:
        grey = ~grey  # Pillow does so for 8 bits and fewer
    return np.repeat(grey[:, :, None], 3, axis=2)


def _check_sign(path: Path, picture: ImageFile) -> None:
    """Pillow reads signed TIFFs of 8 bits as if they were not signed."""
    if isinstance(picture, TiffImageFile):
        formats = picture.tag_v2.get(SAMPLEFORMAT, (_UNSIGNED,))
        if not set(formats) <= {_UNSIGNED, _VOID}:
            raise _unsupported(path, "floating-point" if _FLOAT in formats else "signed")


def _unsupported(path: Path, kind: str) -> DataError:
    problem = f"has {kind} pixels, of which it is not known what is black and white"
    return DataError(path, problem, remedy=_TO_8_BITS, code="unsupported-pixels")
