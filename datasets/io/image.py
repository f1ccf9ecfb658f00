"""Pictures from files: the whole picture, or an error."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.io.errors import DataError

_ANOTHER_COPY = "Put an intact copy there, or take the picture out of the annotations"


class PictureFile(NamedTuple):
    """A picture and the size that its annotations claim."""

    path: Path
    width: int
    height: int

    def check(self) -> None:
        """Decode it whole.

        Raises:
            DataError: it is missing, truncated, no picture, or of another size.
        """
        decode(self.path, (self.width, self.height))


_MOST_PIXELS = 90_000_000  # as many as Pillow takes without a warning


def decode(path: Path, claimed: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """A picture as uint8 (H, W, 3), RGB; grey, palette and CMYK pictures are converted, EXIF is ignored.

    Pillow raises where a file ends too early; OpenCV returns what there is and fills up with grey.

    Args:
        claimed: width and height, compared before anything is decoded.

    Raises:
        DataError: the file is missing, truncated, no picture, or of another size.
    """
    try:
        with Image.open(path) as picture:
            _check_size(path, picture.size, claimed)
            # Converting what is RGB already would copy it once more.
            return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    except (*_UNREADABLE, MemoryError) as error:
        raise _unreadable(path, error) from error


def size_of(path: Path, claimed: tuple[int, int] | None = None) -> tuple[int, int]:
    """Width and height from a picture's first bytes.

    Args:
        claimed: what they should be.

    Raises:
        DataError: the file is missing, no picture, or of another size.
    """
    try:
        with Image.open(path) as picture:
            _check_size(path, picture.size, claimed)
            return picture.size
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


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


_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""Pillow's decoders signal broken files by all of these."""


def _unreadable(path: Path, error: BaseException) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(path, "this picture is missing", remedy=_ANOTHER_COPY, code="missing-picture")
    return DataError(
        path, f"this picture can't be decoded ({error})", remedy=_ANOTHER_COPY, code="broken-picture"
    )


def _check_size(path: Path, size: tuple[int, int], claimed: tuple[int, int] | None) -> None:
    if claimed is not None and size != claimed:
        raise DataError(
            path,
            f"is {size[0]}x{size[1]} pixels, its annotations say {claimed[0]}x{claimed[1]}",
            remedy="Annotations count pixels as stored, without EXIF rotation; correct one of the two",
            code="other-picture-size",
        )
    if size[0] * size[1] > _MOST_PIXELS:
        problem = f"is {size[0]}x{size[1]} pixels, too large a picture"
        raise DataError(path, problem, remedy=_ANOTHER_COPY, code="picture-too-large")
