"""EXIF's orientation: how a picture as it is stored becomes the picture as it is shown."""

import os
from typing import IO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

Convention = Literal["shown", "stored"]
"""What annotations count pixels of: the picture as programs show it, or as it is stored, without EXIF."""

Size = tuple[int, int]
Pixels = NDArray[np.uint8]

UPRIGHT = 1
_TURNED_ASIDE = (5, 6, 7, 8)
_STEPS: dict[int, tuple[int, bool]] = {
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}
"""Quarter turns against the clock, and then whether left and right change places."""

_TEXTS, _KEYS = (b"tEXt", b"zTXt", b"iTXt"), (b"Raw profile type exif", b"XML:com.adobe.xmp")
_KEY = max(map(len, _KEYS))


class Header(NamedTuple):
    """What stands at the beginning of a picture."""

    stored: Size  # width, height
    orientation: int  # 1 to 8, as in EXIF

    @property
    def shown(self) -> Size:
        """Width and height of the picture as it is shown."""
        return self.stored[::-1] if self.orientation in _TURNED_ASIDE else self.stored

    def convention(self, claimed: Size | None) -> Convention | None:
        """What the size says that annotations claim; None where it does not tell."""
        if claimed is None or self.stored == self.shown or claimed not in (self.stored, self.shown):
            return None
        return "stored" if claimed == self.stored else "shown"

    def is_turned(self, claimed: Size | None, as_stored: bool) -> bool:
        """Whether pixels are to be turned: as the size says, and where it does not, unless `as_stored`."""
        told = self.convention(claimed)
        return self.orientation != UPRIGHT and (told == "shown" if told else not as_stored)


def header_of(picture: Image.Image, file: IO[bytes]) -> Header:
    """The header of an opened picture, which is not loaded yet, and is not loaded here but for odd PNGs.

    Args:
        file: what it was opened from.
    """
    if isinstance(picture, PngImageFile) and not _may_have_exif(file):
        return Header(picture.size, UPRIGHT)
    found = picture.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
    orientation = found if found in _STEPS else UPRIGHT
    # Pillow turns TIFFs by itself, and gives their size after that.
    aside = orientation in _TURNED_ASIDE and isinstance(picture, TiffImageFile)
    return Header(picture.size[::-1] if aside else picture.size, orientation)


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """A stored picture (H, W, 3) as it is shown."""
    if orientation not in _STEPS:
        return pixels
    quarters, mirrored = _STEPS[orientation]
    upright = np.rot90(pixels, quarters)
    return np.ascontiguousarray(upright[:, ::-1] if mirrored else upright)


def turned_back(pixels: Pixels, orientation: int) -> Pixels:
    """A shown picture (H, W, 3) as it is stored."""
    return turned(pixels, {6: 8, 8: 6}.get(orientation, orientation))


def _may_have_exif(file: IO[bytes]) -> bool:
    """Whether a PNG has EXIF or XMP in any chunk. Pillow would decode it to find out: they may come last."""
    place = file.tell()
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = int.from_bytes(head[:4]), head[4:]
            if kind == b"eXIf" or (kind in _TEXTS and _peek(file).startswith(_KEYS)):
                return True
            file.seek(length + 4, os.SEEK_CUR)
        return False
    finally:
        file.seek(place)


def _peek(file: IO[bytes]) -> bytes:
    found = file.read(_KEY)
    file.seek(-len(found), os.SEEK_CUR)
    return found
