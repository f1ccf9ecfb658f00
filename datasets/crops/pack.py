"""Pictures decoded once: the regions that crops need, raw, in one file that every process maps.

A pack is a folder with `pixels.bin` (uint8 RGB tiles at native resolution, one after the other), `arrays.npz`
(where the tiles are, and whatever the data set keeps beside them) and `about.json`. An index is the same
without `pixels.bin`: it names the pictures, which are decoded each time that a crop is taken from them. The
bits of a crop are the same.

Shapes: N samples, B samples of a batch, H W pixels of a crop.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.contract import DataPaths
from datasets.crops.lazy_pictures import LazyPictures
from datasets.crops.tile_plan import Job, plan
from datasets.io.atomic_folder import publish
from datasets.io.errors import DataError, NotPreparedError
from datasets.io.image import PictureFile, decode, size_of
from datasets.io.problems import parse_each, raise_if_any

FORMAT = 2
"""Raised when the files of a pack change their meaning."""

Progress = Callable[[int, int], None]
"""Called with how many pictures are done, and of how many."""

_DECODERS = 4  # threads; libjpeg runs outside Python's lock
_NO_PACK = "keep no decoded pictures (--no-pack)"
_WARP = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, eq=False)
class Pack:
    """An open pack or index. The pixels are mapped, not read."""

    pixels: NDArray[np.uint8] | LazyPictures  # (bytes,) of all tiles, or the pictures that hold them
    tiles: NDArray[np.int64]  # (N, 5), rows as in `tiles.Tile`
    arrays: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]

    def crop(
        self, rows: NDArray[np.int64], maps: NDArray[np.float64], size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        """Crops (B, H, W, 3) of the samples in `rows`, bilinear, black outside the picture.

        Args:
            maps: (B, 2, 3), from the crop to the whole picture, as `crop.matrices` gives them.
            size: (H, W).

        Raises:
            DataError: a picture of an index is missing, broken or of another size by now.
        """
        height, width = size
        crops = np.empty((len(rows), height, width, 3), np.uint8)
        tiles = self.tiles[rows]
        local = maps.copy()
        local[:, :, 2] -= tiles[:, 1:3]
        for place, tile in _decoded(self.pixels, tiles):
            cv2.warpAffine(tile, local[place], (width, height), dst=crops[place], flags=_WARP)
        return crops


def _decoded(
    pixels: NDArray[np.uint8] | LazyPictures, tiles: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Pixels (h, w, 3) of tiles, each with its place in `tiles`."""
    if isinstance(pixels, LazyPictures):
        yield from pixels.tiles(tiles)
        return
    for place, (start, _, _, w, h) in enumerate(tiles.tolist()):
        yield place, pixels[start : start + 3 * w * h].reshape(h, w, 3)


@lru_cache(maxsize=16)
def open_pack(folder: Path) -> Pack:
    """Map a pack, or read an index, once in each process.

    Raises:
        DataError: there is none, or it is damaged.
    """
    prepare = "Prepare the data first (`rle-lab prepare`)"
    try:
        about = json.loads((folder / "about.json").read_text())
        with (folder / "arrays.npz").open("rb") as file, np.load(file) as stored:
            arrays = dict(stored)
        if "root" in about:
            names, sizes = arrays.pop("picture_names"), arrays.pop("picture_sizes")
            return Pack(LazyPictures(Path(about["root"]), names, sizes), arrays.pop("tiles"), arrays, about)
        pixels = np.memmap(folder / "pixels.bin", np.uint8, mode="r")
    except FileNotFoundError as error:
        raise NotPreparedError(
            folder, "the prepared data are not here", remedy=prepare, code="not-prepared"
        ) from error
    except (OSError, EOFError, ValueError, BadZipFile) as error:
        raise damaged(folder, "this pack is", str(error)) from error
    if len(pixels) != about["bytes"]:
        raise damaged(
            folder, "this pack is", f"pixels.bin has {len(pixels)} bytes instead of {about['bytes']}"
        )
    # A plain view: slicing a memmap costs more than the warp of a small crop.
    return Pack(pixels.view(np.ndarray), arrays.pop("tiles"), arrays, about)


def damaged(folder: Path, what: str, how: str) -> DataError:
    """The error for prepared data that can't be read; `what`: such as "this pack is"."""
    remedy = "Remove the folder and prepare again"
    return DataError(folder, f"{what} damaged: {how}", remedy=remedy, code="damaged")


Write = Callable[
    [
        Path,
        Sequence[PictureFile],
        NDArray[np.int64],
        NDArray[np.float64],
        Mapping[str, NDArray[Any]],
        Mapping[str, Any],
    ],
    None,
]
"""Writes a pack or an index, as `write_pack` without what is the same for all of a data set."""


def writer(place: DataPaths, progress: Progress | None) -> Write:
    """Of packs, or of indexes where pictures stay in their files."""
    if place.pack:
        return partial(write_pack, progress=progress)
    return partial(write_index, root=_pictures_of(place), progress=progress)


def folder_of(place: DataPaths, name: str) -> Path:
    """Where a pack lies, or the index in its stead: another one for each place that the pictures lie at."""
    cache = place.cache.absolute()
    if place.pack:
        return cache / "packs" / name
    copy = hashlib.sha256(os.fsencode(_pictures_of(place))).hexdigest()[:8]
    return cache / "indexes" / f"{name}-{copy}"


def _pictures_of(place: DataPaths) -> Path:
    """The folder that they lie below: generated ones in the cache."""
    return (place.root or place.cache).absolute()


def write_pack(
    folder: Path,
    pictures: Sequence[PictureFile],
    picture: NDArray[np.int64],
    reach: NDArray[np.float64],
    arrays: Mapping[str, NDArray[Any]],
    about: Mapping[str, Any],
    progress: Progress | None = None,
) -> None:
    """Decode what the samples need into `folder`, which appears complete or not at all.

    Two processes may write the same pack; the first one to end wins. The bits do not depend on the threads.

    Args:
        picture: (N,) index into `pictures`; those without a sample are not opened.
        reach: (N, 4) corners of what a sample's crops may show, in its picture; may lie partly outside.
        arrays: kept beside the pixels. `about`: the same for JSON.

    Raises:
        DataError: pictures are missing, broken or of another size, or the disk is full.
    """
    tiles, jobs = plan(pictures, picture, reach)
    total = sum(3 * tile.width * tile.height for _, job in jobs for tile in job)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder.parent).free) < total:
        raise _full(folder, f"{total / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free", _NO_PACK)

    def fill(draft: Path) -> None:
        with (draft / "pixels.bin").open("wb") as file:
            _each(partial(_cut, file.fileno()), jobs, progress)
        _save(draft, {**arrays, "tiles": tiles}, {**about, "bytes": total})

    publish_data(folder, fill, open_pack, _NO_PACK)


def write_index(
    folder: Path,
    pictures: Sequence[PictureFile],
    picture: NDArray[np.int64],
    reach: NDArray[np.float64],
    arrays: Mapping[str, NDArray[Any]],
    about: Mapping[str, Any],
    progress: Progress | None = None,
    *,
    root: Path,
) -> None:
    """As `write_pack` without the pixels: of pictures only the size is read.

    Args:
        root: the folder of the data; paths below it are kept as relative ones.

    Raises:
        DataError: pictures are missing, something else or of another size, or the disk is full.
    """
    tiles, jobs = plan(pictures, picture, reach)
    tiles[:, 0] = np.unique(picture, return_inverse=True)[1]  # jobs are in the order of their pictures
    named = LazyPictures.of(root, [file for file, _ in jobs])
    kept = {**arrays, "tiles": tiles, "picture_names": named.names, "picture_sizes": named.sizes}

    def fill(draft: Path) -> None:
        _each(_check_size, jobs, progress)
        _save(draft, kept, {**about, "root": str(named.root)})

    publish_data(folder, fill, open_pack)


def publish_data(
    folder: Path, fill: Callable[[Path], None], check: Callable[[Path], object], *remedies: str
) -> None:
    """As `publish`, with what to do about it where nothing can be written.

    Raises:
        DataError: writing failed, or `check` refuses what is there already.
    """
    try:
        publish(folder, fill, check)
    except OSError as error:
        raise _full(folder, f"writing failed ({error})", *remedies) from error


def _full(folder: Path, how: str, *remedies: str) -> DataError:
    remedy = ", or ".join(("Free some space", "keep the data on another disk", *remedies))
    return DataError(folder, how, remedy=remedy, code="disk-full")


def _each(work: Callable[[Job], None], jobs: Sequence[Job], progress: Progress | None) -> None:
    """Do it for every picture, and report all broken ones together."""
    with ThreadPoolExecutor(_DECODERS) as threads:
        running = [threads.submit(parse_each, work, [job]) for job in jobs]
        try:
            for done, finished in enumerate(as_completed(running), 1):
                finished.result()
                if progress is not None:
                    progress(done, len(jobs))
        finally:
            threads.shutdown(cancel_futures=True)
    raise_if_any([broken for finished in running for broken in finished.result()[1]])


def _save(folder: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)
    (folder / "about.json").write_text(json.dumps(about))


def _check_size(job: Job) -> None:
    picture, _ = job
    size_of(picture.path, (picture.width, picture.height))


def _cut(file: int, job: Job) -> None:
    picture, tiles = job
    pixels = decode(picture.path, (picture.width, picture.height))
    for tile in tiles:
        cut = pixels[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        _write(file, cut.tobytes(), tile.source)


def _write(file: int, data: bytes, offset: int) -> None:
    while data:
        done = os.pwrite(file, data, offset)
        data, offset = data[done:], offset + done
