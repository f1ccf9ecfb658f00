"""Pictures that stay in their files: decoded each time that a crop is taken from them.

Shapes: P pictures, B samples of a batch, h w pixels of a tile.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.io.errors import DataError
from datasets.io.image import PictureFile, content_digest, file_bytes, name_in


@dataclass(frozen=True, eq=False)
class LazyPictures:
    """Where pictures lie and what they are. Names are bytes, since sets have millions of them."""

    root: Path
    names: NDArray[np.bytes_]  # (P,) below the root; absolute for those elsewhere
    sizes: NDArray[np.int64]  # (P, 2) width and height
    as_stored: NDArray[np.bool_]  # (P,) as in `PictureFile`
    digests: NDArray[np.uint64]  # (P,) of the files, as from `content_digest`
    _known: set[int] = field(default_factory=set, init=False)  # compared with their digests

    @staticmethod
    def of(root: Path, files: Sequence[PictureFile], digests: Sequence[bytes]) -> "LazyPictures":
        """The files of a set that lies in `root`."""
        names = [os.fsencode(name_in(root, file.path)) for file in files]
        return LazyPictures(
            root.absolute(),
            np.array(names, np.bytes_),
            np.array([(file.width, file.height) for file in files], np.int64).reshape(-1, 2),
            np.array([file.as_stored for file in files], bool),
            np.frombuffer(b"".join(digests), np.uint64),
        )

    def tiles(self, tiles: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Pixels (h, w, 3) of tiles, each with its place in `tiles`; each picture is decoded once.

        Args:
            tiles: (B, 5), rows as `tiles.Tile`, whose `source` is the number of a picture.

        Raises:
            DataError: a picture is missing, damaged, or another than when it was prepared.
        """
        for number in np.unique(tiles[:, 0]).tolist():
            pixels = self._decoded(number)
            for place in np.flatnonzero(tiles[:, 0] == number).tolist():
                _, x, y, width, height = tiles[place].tolist()
                yield place, pixels[y : y + height, x : x + width]

    def _decoded(self, number: int) -> NDArray[np.uint8]:
        width, height = self.sizes[number].tolist()
        path = self.root / os.fsdecode(self.names[number])
        data = file_bytes(path)
        pixels = PictureFile(path, width, height, bool(self.as_stored[number])).decode(data)
        if number not in self._known:
            if content_digest(data) != self.digests[number].tobytes():
                raise no_longer(path, self.root)
            self._known.add(number)
        return pixels


def no_longer(path: Path, prepared: Path) -> DataError:
    """The error for a picture that has changed under a name and size that identify the set.

    Args:
        prepared: what it belongs to.
    """
    return DataError(
        path,
        f"is not the picture that was prepared for {prepared.name}",
        remedy="Restore it, or give a changed set a --results of its own: names and sizes of pictures, by "
        "which results are known, are the same",
        code="other-picture",
    )
