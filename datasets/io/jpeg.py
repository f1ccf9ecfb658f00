"""JPEGs decoded whole, or refused: what libjpeg only warns of is an error here.

Where data are lost in the middle, libjpeg fills up with grey and warns; Pillow and OpenCV hand out such a
picture as if it were sound. The pixels are Pillow's to the bit: both are libjpeg-turbo.
"""

import re

import numpy as np
import simplejpeg
from numpy.typing import NDArray

_END = b"\xff\xd9"
_MOST_PADDING = 64
_EXTRA = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


class JpegError(ValueError):
    """The data are damaged; says how, in libjpeg's words."""


def pixels(data: bytes) -> NDArray[np.uint8]:
    """A grey or coloured JPEG as uint8 (H, W, 3), RGB.

    Raises:
        JpegError: data are damaged, or end too early.
    """
    return _decoded(data, "RGB")


def check_inks(data: bytes) -> None:
    """See that a JPEG of four inks, whose conversion is Pillow's, is whole.

    Raises:
        JpegError: as `pixels`.
    """
    _decoded(data, "CMYK")


def _decoded(data: bytes, colours: str) -> NDArray[np.uint8]:
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colours))
    except ValueError as error:
        if not _is_padding(data, str(error)):
            raise JpegError(str(error)) from error
    return np.asarray(simplejpeg.decode_jpeg(data, colours, strict=False))


def _is_padding(data: bytes, warning: str) -> bool:
    """Whether all that libjpeg warns of are a few bytes of padding before the end, as cameras write them."""
    found = _EXTRA.search(warning)
    if found is None or int(found[1]) > _MOST_PADDING:
        return False
    before = data[: data.rindex(_END)]
    return not before[len(before) - int(found[1]) :].strip(b"\0\xff")
