"""Crops that mirroring alone changes, cut once for all epochs and trainings.

Without scaling, turning and shifting a sample has two crops, and a mirrored one is the other read from right
to left, one pixel further: the middle of a box becomes W / 2, so that pixel i shows what pixel W - i shows in
the mirror. Crops are kept with one column more, W + 1, which holds both to the bit. Every process maps the
same file.

Shapes: N samples, B samples of a batch, H W pixels of a crop.
"""

import zlib
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.crops import crop
from datasets.crops.crop import Augment
from datasets.crops.lazy_pictures import LazyPictures
from datasets.crops.pack import Pack, open_pack
from datasets.io import sealed
from datasets.io.sealed import Checked, publish_data

Size = tuple[int, int]
Crops = NDArray[np.uint8]

CROPS = "crops.bin"

_AT_ONCE = 256  # samples


def cut(pack: Path, size: Size, augment: Augment) -> None:
    """Cut the crops (H, W) of a pack's samples, if `augment` allows it and they are not there yet.

    Of an index nothing is cut, since its pictures shall not be kept decoded.

    Raises:
        DataError: there is no pack, the crops that are there are damaged, or the disk is full.
    """
    if not _mirrors_only(augment) or isinstance(open_pack(pack).pixels, LazyPictures):
        return
    publish_data(_folder(pack, size), partial(_fill, open_pack(pack), size), lambda _: _open(pack, size))


def crops(
    pack: Path, rows: NDArray[np.int64], maps: NDArray[np.float64], size: Size, augment: Augment
) -> Crops:
    """Crops (B, H, W, 3) of the samples in `rows`, to the bit as `Pack.crop` gives them.

    Args:
        maps: (B, 2, 3), as `crop.matrices` gives them for what `augment` drew.
    """
    if not _mirrors_only(augment) or not _folder(pack, size).exists():
        return open_pack(pack).crop(rows, maps, size)
    (kept, seal), image = _open(pack, size), np.empty((len(rows), *size, 3), np.uint8)
    for place, (row, mirrored) in enumerate(zip(rows.tolist(), maps[:, 0, 0] < 0, strict=True)):
        seal.check(row, kept[row])
        if mirrored:  # OpenCV is seven times as fast at this as numpy
            cv2.flip(kept[row, :, 1:], 1, dst=image[place])
        else:
            image[place] = kept[row, :, :-1]
    return image


def _mirrors_only(augment: Augment) -> bool:
    turns = augment.rotation and augment.rotation_probability
    return augment.scale == (1.0, 1.0) and not (turns or augment.shift or augment.half_body)


def _folder(pack: Path, size: Size) -> Path:
    return pack.with_name(f"{pack.name}-{size[0]}x{size[1]}")


def _fill(pack: Pack, size: Size, folder: Path) -> None:
    bodies = pack.arrays["options"][:, 0]
    still = np.zeros(len(bodies))
    maps = crop.matrices(bodies, still, still > 0, size)
    sums: list[int] = []
    with (folder / CROPS).open("wb") as file:
        for start in range(0, len(maps), _AT_ONCE):
            rows = np.arange(start, min(start + _AT_ONCE, len(maps)))
            made = pack.crop(rows, maps[rows], (size[0], size[1] + 1))
            sums += map(zlib.crc32, made)
            file.write(made.tobytes())
    sealed.save(folder, {"sums": np.array(sums, np.uint32)}, {})


@lru_cache(maxsize=16)
def _open(pack: Path, size: Size) -> tuple[Crops, Checked]:
    """All crops (N, H, W + 1, 3), mapped from the disk, and their checksums."""
    folder, shape = _folder(pack, size), (len(open_pack(pack).tiles), size[0], size[1] + 1, 3)
    arrays, _ = sealed.load(folder)
    try:
        pixels = np.memmap(folder / CROPS, np.uint8, mode="r").view(np.ndarray)
        return pixels.reshape(shape), Checked(folder / CROPS, arrays["sums"])
    except (OSError, KeyError, ValueError) as error:
        raise sealed.damaged(folder, str(error)) from error
