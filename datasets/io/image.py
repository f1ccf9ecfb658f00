"""Pictures from files: the whole picture, or an error."""

import hashlib
import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from datasets.io import jpeg, orientation
from datasets.io.errors import DataError
from datasets.io.orientation import Header, Size
from datasets.io.pixels import is_deep, is_transparent, rgb
from datasets.io.regular_file import open_regular, read_regular

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
"""All that is opened, by Pillow's names, whatever a file is called. Others run programs or are no pictures.
PPM stands for PBM, PGM and PFM too, JPEG for the MPO of phones. Of several frames the first is taken."""

MOST_PIXELS, LONGEST = 89_000_000, 32_766
"""Pillow takes as many pixels without a warning; OpenCV warps no longer side."""

_ANOTHER_COPY = "Put an intact copy there, or take the picture out of the annotations"
_SHRINK = (
    "Shrink it, such as with `magick FILE -resize 50% OTHER`, and its annotations' numbers with it "
    "(width, height, bbox and keypoints times 0.5, area times 0.25)"
)
_PLAIN = ("L", "RGB")
_UNREADABLE = (OSError, SyntaxError, ValueError, MemoryError, struct.error, EOFError, KeyError, TypeError)
"""Pillow's decoders signal broken files by all of these."""


class PictureFile(NamedTuple):
    """A picture and the size that its annotations claim."""

    path: Path
    width: int
    height: int
    as_stored: bool = False  # EXIF's orientation is not applied where the size does not tell

    def check(self) -> None:
        """Decode it whole.

        Raises:
            DataError: it is missing, damaged, no picture, or of another size.
        """
        self.decode()

    def decode(self, data: bytes | None = None) -> NDArray[np.uint8]:
        """As `decode`, of the file's bytes, where they are known."""
        return decode(self.path, (self.width, self.height), self.as_stored, data)


class Traits(NamedTuple):
    """What a picture's first bytes tell."""

    header: Header
    deep: bool  # more than 8 bits a channel
    transparent: bool


def decode(
    path: Path, claimed: Size | None = None, as_stored: bool = False, data: bytes | None = None
) -> NDArray[np.uint8]:
    """A picture as uint8 (H, W, 3), RGB, turned upright as EXIF says.

    A file that ends too early or is damaged so that the decoder notices is an error. Pillow and OpenCV return
    what there is of a damaged JPEG and fill up with grey.

    Args:
        claimed: width and height, compared before anything is decoded. Where they are those of the picture
            as it is stored, and not those of the picture turned upright, it is not turned.
        as_stored: do not turn it where the size does not tell.
        data: the file's bytes, where they are known.

    Raises:
        DataError: the file is missing, damaged, no picture, too large, of another size, or of pixels that
            can't be scaled to 8 bits.
    """
    with _errors(path):
        data = read_regular(path) if data is None else data
        file = io.BytesIO(data)
        with Image.open(file, formats=FORMATS) as picture:
            header = orientation.header_of(picture, file)
            turn = header.is_turned(claimed, as_stored)
            _check_size(path, header, turn, claimed)
            # Pillow turns TIFFs while it loads them.
            stored, given = _pixels(path, picture, data), picture.format == "TIFF"
    if turn == given:
        return stored
    return (orientation.turned if turn else orientation.turned_back)(stored, header.orientation)


def size_of(path: Path, claimed: Size | None = None, as_stored: bool = False) -> Size:
    """Width and height from a picture's first bytes, of the picture that `decode` gives.

    Raises:
        DataError: the file is missing, no picture, too large or of another size.
    """
    header = traits_of(path).header
    turn = header.is_turned(claimed, as_stored)
    _check_size(path, header, turn, claimed)
    return header.shown if turn else header.stored


def traits_of(path: Path) -> Traits:
    """What a picture's first bytes tell.

    Raises:
        DataError: the file is missing or no picture.
    """
    with _errors(path), open_regular(path) as file, Image.open(file, formats=FORMATS) as picture:
        deep, transparent = is_deep(picture), is_transparent(picture)
        return Traits(orientation.header_of(picture, file), deep, transparent)


def content_digest(data: bytes) -> bytes:
    """8 bytes by which a picture's file is known again."""
    return hashlib.blake2b(data, digest_size=8).digest()


def file_bytes(path: Path) -> bytes:
    """All bytes of a picture's file.

    Raises:
        DataError: it is missing or no regular file.
    """
    with _errors(path):
        return read_regular(path)


def name_and_size(path: Path, annotations: str, remedy: str = "Put it there") -> str:
    """A line with the picture's name and length in bytes, by which a set is identified.

    Raises:
        DataError: it is missing; names the annotations that list it.
    """
    try:
        return f"{path.name} {path.stat().st_size}\n"
    except OSError as error:
        raise DataError(
            path, f"this picture is missing, which {annotations} names", remedy=remedy, code="missing-picture"
        ) from error


def name_in(root: Path, picture: Path) -> str:
    """How a picture is called within its set, wherever that lies."""
    absolute, root = picture.absolute(), root.absolute()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute)


def _pixels(path: Path, picture: ImageFile, data: bytes) -> NDArray[np.uint8]:
    """An opened picture (H, W, 3), not turned but for TIFFs; JPEGs by the decoder that tells of damage."""
    if picture.format in ("JPEG", "MPO"):
        if picture.mode in _PLAIN:
            return jpeg.pixels(data)
        jpeg.check_inks(data)
    return rgb(path, picture)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """What is raised while a picture is read, as errors of data."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(
            path, "this picture is missing", remedy=_ANOTHER_COPY, code="missing-picture"
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(
            path, f"this picture is too large ({error})", remedy=_SHRINK, code="picture-too-large"
        ) from error
    except UnidentifiedImageError as error:
        problem = f"this is none of the pictures that are read ({', '.join(FORMATS)})"
        raise DataError(path, problem, remedy=_ANOTHER_COPY, code="broken-picture") from error
    except _UNREADABLE as error:
        problem = f"this picture can't be decoded ({error})"
        raise DataError(path, problem, remedy=_ANOTHER_COPY, code="broken-picture") from error


def _check_size(path: Path, header: Header, turn: bool, claimed: Size | None) -> None:
    width, height = header.shown if turn else header.stored
    if claimed is not None and (width, height) != claimed:
        raise DataError(
            path,
            f"is {width}x{height} pixels, its annotations say {claimed[0]}x{claimed[1]}",
            remedy="Correct one of the two: annotations of a picture that was resized don't fit it",
            code="other-picture-size",
        )
    if width * height > MOST_PIXELS or max(width, height) > LONGEST:
        millions = width * height / 1e6
        problem = (
            f"is {width}x{height} pixels ({millions:.0f} megapixels), more than {MOST_PIXELS / 1e6:.0f} "
            f"megapixels or a side longer than {LONGEST}"
        )
        raise DataError(path, problem, remedy=_SHRINK, code="picture-too-large")
