"""Pictures that stay in their files: decoded each time that a crop is taken from them.

Shapes: P pictures, B samples of a batch, h w pixels of a tile.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.io.image import PictureFile, decode, name_in


@dataclass(frozen=True, eq=False)
class LazyPictures:
    """Where pictures lie and what size they have. Names are bytes, since sets have millions of them."""

    root: Path
    names: NDArray[np.bytes_]  # (P,) below the root; absolute for those elsewhere
    sizes: NDArray[np.int64]  # (P, 2) width and height

    @staticmethod
    def of(root: Path, files: Sequence[PictureFile]) -> "LazyPictures":
        """The files of a set that lies in `root`."""
        names = [os.fsencode(name_in(root, file.path)) for file in files]
        return LazyPictures(root.absolute(), np.array(names), np.array([file[1:] for file in files]))

    def tiles(self, tiles: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Pixels (h, w, 3) of tiles, each with its place in `tiles`; each picture is decoded once.

        Args:
            tiles: (B, 5), rows as `tiles.Tile`, whose `source` is the number of a picture.

        Raises:
            DataError: a picture is missing, broken or of another size by now.
        """
        for number in np.unique(tiles[:, 0]).tolist():
            pixels = self._decoded(number)
            for place in np.flatnonzero(tiles[:, 0] == number).tolist():
                _, x, y, width, height = tiles[place].tolist()
                yield place, pixels[y : y + height, x : x + width]

    def _decoded(self, number: int) -> NDArray[np.uint8]:
        width, height = self.sizes[number].tolist()
        return decode(self.root / os.fsdecode(self.names[number]), (width, height))
