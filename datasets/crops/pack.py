"""Pictures decoded once: the regions that crops need, raw, in one file that every process maps.

A pack is a folder with `pixels.bin` (uint8 RGB tiles at native resolution, one after the other), `arrays.npz`
(where the tiles are, and whatever the data set keeps beside them) and `about.json`. An index is the same
without `pixels.bin`: it names the pictures, which are decoded each time that a crop is taken from them. The
bits of a crop are the same. Both keep a digest of each picture, and a pack a checksum of each tile, which is
compared when a process first uses it.

Shapes: N samples, B samples of a batch, H W pixels of a crop.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.crops.lazy_pictures import LazyPictures
from datasets.io import sealed
from datasets.io.sealed import Checked

FORMAT = 3
"""Raised when the files of a pack change their meaning."""

PIXELS = "pixels.bin"

Progress = Callable[[int, int], None]
"""Called with how many pictures are done, and of how many."""

_WARP = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, eq=False)
class Pack:
    """An open pack or index. The pixels are mapped, not read."""

    pixels: NDArray[np.uint8] | LazyPictures  # (bytes,) of all tiles, or the pictures that hold them
    tiles: NDArray[np.int64]  # (N, 5), rows as in `tiles.Tile`
    arrays: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]
    seal: Checked | None = None  # of each sample's tile; None for pixels that no file holds

    def crop(
        self, rows: NDArray[np.int64], maps: NDArray[np.float64], size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        """Crops (B, H, W, 3) of the samples in `rows`, bilinear, black outside the picture.

        Args:
            maps: (B, 2, 3), from the crop to the whole picture, as `crop.matrices` gives them.
            size: (H, W).

        Raises:
            DataError: pixels are damaged; or a picture of an index is missing, damaged or another by now.
        """
        height, width = size
        crops = np.empty((len(rows), height, width, 3), np.uint8)
        tiles = self.tiles[rows]
        local = maps.copy()
        local[:, :, 2] -= tiles[:, 1:3]
        for place, tile in self._tiles(rows, tiles):
            cv2.warpAffine(tile, local[place], (width, height), dst=crops[place], flags=_WARP)
        return crops

    def _tiles(
        self, rows: NDArray[np.int64], tiles: NDArray[np.int64]
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Pixels (h, w, 3) of tiles, each with its place in `tiles`."""
        if isinstance(self.pixels, LazyPictures):
            yield from self.pixels.tiles(tiles)
            return
        for place, (start, _, _, w, h) in enumerate(tiles.tolist()):
            pixels = self.pixels[start : start + 3 * w * h]
            if self.seal is not None:
                self.seal.check(int(rows[place]), pixels)
            yield place, pixels.reshape(h, w, 3)


@lru_cache(maxsize=16)
def open_pack(folder: Path) -> Pack:
    """Map a pack, or read an index, once in each process.

    Raises:
        DataError: there is none, or it is damaged.
    """
    arrays, about = sealed.load(folder)
    try:
        tiles = arrays.pop("tiles")
        names, digests = arrays.pop("picture_names"), arrays.pop("picture_digests")
        if "root" in about:
            sizes, as_stored = arrays.pop("picture_sizes"), arrays.pop("picture_as_stored")
            lazy = LazyPictures(Path(about["root"]), names, sizes, as_stored, digests)
            return Pack(lazy, tiles, arrays, about)
        pixels = np.memmap(folder / PIXELS, np.uint8, mode="r")
        if len(pixels) != about["bytes"]:
            raise ValueError(f"{PIXELS} has {len(pixels)} bytes instead of {about['bytes']}")
        sums = arrays.pop("tile_sums")
        _check_tiles(tiles, sums, len(pixels))
        seal = Checked(folder / PIXELS, sums)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise sealed.damaged(folder, str(error)) from error
    # A plain view: slicing a memmap costs more than the warp of a small crop.
    return Pack(pixels.view(np.ndarray), tiles, arrays, about, seal)


def _check_tiles(tiles: NDArray[Any], sums: NDArray[Any], size: int) -> None:
    """Raises ValueError where tiles (N, 5) do not lie within so many bytes, or have not a sum each."""
    if tiles.dtype != np.int64 or tiles.ndim != 2 or tiles.shape[1] != 5:
        raise ValueError(f"its tiles are {tiles.dtype} {tiles.shape}")
    if sums.dtype != np.uint32 or sums.shape != (len(tiles),):
        raise ValueError(f"its {len(tiles)} tiles have {sums.dtype} {sums.shape} as sums")
    start, _, _, width, height = tiles.astype(np.float64).T  # in which nothing overflows
    if (
        (tiles < 0).any()
        or (width < 1).any()
        or (height < 1).any()
        or (start + 3 * width * height > size).any()
    ):
        raise ValueError(f"a tile is not within the {size} bytes of {PIXELS}")
