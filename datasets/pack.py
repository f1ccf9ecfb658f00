"""Pictures decoded once: the regions that crops need, raw, in one file that every process maps.

A pack is a folder with `pixels.bin` (uint8 RGB tiles at native resolution, one after the other), `arrays.npz`
(where the tiles are, and whatever the data set keeps beside them) and `about.json`.

Shapes: N samples, B samples of a batch, H W pixels of a crop.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.broken import refuse, sift
from datasets.errors import DataError
from datasets.picture import PictureFile, decode
from datasets.synthetic.atomic_folder import publish

FORMAT = 2
"""Raised when the files of a pack change their meaning."""

Progress = Callable[[int, int], None]
"""Called with how many pictures are done, and of how many."""

_DECODERS = 4  # threads; libjpeg runs outside Python's lock
_WARP = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


class Tile(NamedTuple):
    """A rectangle of a picture, and where its pixels lie in `pixels.bin`."""

    offset: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Pack:
    """An open pack. The pixels stay on the disk until they are looked at."""

    pixels: NDArray[np.uint8]  # (bytes,)
    tiles: NDArray[np.int64]  # (N, 5), rows as in `Tile`
    arrays: Mapping[str, NDArray[Any]]
    about: Mapping[str, Any]

    def crop(
        self, rows: NDArray[np.int64], maps: NDArray[np.float64], size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        """Crops (B, H, W, 3) of the samples in `rows`, bilinear, black outside the picture.

        Args:
            maps: (B, 2, 3), from the crop to the whole picture, as `crop.matrices` gives them.
            size: (H, W).
        """
        height, width = size
        crops = np.empty((len(rows), height, width, 3), np.uint8)
        tiles = self.tiles[rows]
        local = maps.copy()
        local[:, :, 2] -= tiles[:, 1:3]
        for (offset, _, _, w, h), map_, crop in zip(tiles.tolist(), local, crops, strict=True):
            tile = self.pixels[offset : offset + 3 * w * h].reshape(h, w, 3)
            cv2.warpAffine(tile, map_, (width, height), dst=crop, flags=_WARP)
        return crops


@lru_cache(maxsize=16)
def open_pack(folder: Path) -> Pack:
    """Map a pack, once in each process.

    Raises:
        DataError: there is none, or it is damaged.
    """
    prepare = "Prepare the data first (`rle-lab prepare`)"
    try:
        about = json.loads((folder / "about.json").read_text())
        with (folder / "arrays.npz").open("rb") as file, np.load(file) as stored:
            arrays = dict(stored)
        pixels = np.memmap(folder / "pixels.bin", np.uint8, mode="r")
    except FileNotFoundError as error:
        raise DataError(folder, "the decoded pictures are not here", remedy=prepare) from error
    except (OSError, EOFError, ValueError, BadZipFile) as error:
        raise _damaged(folder, str(error)) from error
    if len(pixels) != about["bytes"]:
        raise _damaged(folder, f"pixels.bin has {len(pixels)} bytes instead of {about['bytes']}")
    # A plain view: slicing a memmap costs more than the warp of a small crop.
    return Pack(pixels.view(np.ndarray), arrays.pop("tiles"), arrays, about)


def _damaged(folder: Path, how: str) -> DataError:
    return DataError(folder, f"this pack is damaged: {how}", remedy="Remove the folder and prepare again")


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
        picture: (N,) index into `pictures`; those without a sample are not looked at.
        reach: (N, 4) corners of what a sample's crops may show, in its picture; may lie partly outside.
        arrays: kept beside the pixels. `about`: the same for JSON.

    Raises:
        DataError: pictures are missing, broken or of another size, or the disk is full.
    """
    tiles, jobs = _plan(pictures, picture, reach)
    total = sum(3 * tile.width * tile.height for _, job in jobs for tile in job)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder.parent).free) < total:
        raise _full(folder, f"{total / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free")
    fill = partial(
        _fill,
        jobs=jobs,
        arrays={**arrays, "tiles": tiles},
        about={**about, "bytes": total},
        progress=progress,
    )
    try:
        publish(folder, fill, open_pack)  # type: ignore[arg-type]  # opening it is the check
    except OSError as error:
        raise _full(folder, f"writing failed ({error})") from error


def _full(folder: Path, how: str) -> DataError:
    return DataError(folder, how, remedy="Free some space, or keep the data on another disk")


Job = tuple[PictureFile, list[Tile]]


def _plan(
    pictures: Sequence[PictureFile], picture: NDArray[np.int64], reach: NDArray[np.float64]
) -> tuple[NDArray[np.int64], list[Job]]:
    """Tiles of the samples (N, 5), and for each picture that has any, the tiles to cut."""
    sides = np.array([[p.width, p.height] * 2 for p in pictures])[picture]
    regions = reach.clip(0, sides).astype(np.int64)
    rows = np.empty((len(picture), 5), np.int64)
    jobs: list[Job] = []
    offset = 0
    order = np.argsort(picture, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(picture[order])) + 1):
        cuts, which = _cuts(regions[mine])
        tiles = []
        for x1, y1, x2, y2 in cuts.tolist():
            tiles.append(Tile(offset, x1, y1, x2 - x1, y2 - y1))
            offset += 3 * (x2 - x1) * (y2 - y1)
        rows[mine] = np.array(tiles)[which]
        jobs.append((pictures[picture[mine[0]]], tiles))
    return rows, jobs


def _cuts(regions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corners to cut from one picture, and for each region the cut that it lies in.

    One rectangle around all where that is smaller than each by itself: people stand close together.
    """
    around = np.concatenate([regions[:, :2].min(0), regions[:, 2:].max(0)])[None]
    if _area(around) < _area(regions):
        return around, np.zeros(len(regions), np.int64)
    return regions, np.arange(len(regions))


def _area(corners: NDArray[np.int64]) -> int:
    return int(np.prod(corners[:, 2:] - corners[:, :2], axis=1).sum())


def _fill(
    folder: Path,
    jobs: Sequence[Job],
    arrays: Mapping[str, NDArray[Any]],
    about: Mapping[str, Any],
    progress: Progress | None,
) -> None:
    with (folder / "pixels.bin").open("wb") as file, ThreadPoolExecutor(_DECODERS) as threads:
        running = [threads.submit(sift, partial(_cut, file.fileno()), [job]) for job in jobs]
        try:
            for done, finished in enumerate(as_completed(running), 1):
                finished.result()
                if progress is not None:
                    progress(done, len(jobs))
        finally:
            threads.shutdown(cancel_futures=True)
    refuse([broken for finished in running for broken in finished.result()[1]])
    np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)
    (folder / "about.json").write_text(json.dumps(about))


def _cut(file: int, job: Job) -> None:
    picture, tiles = job
    pixels = decode(picture.path, (picture.width, picture.height))
    for tile in tiles:
        cut = pixels[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        _write(file, cut.tobytes(), tile.offset)


def _write(file: int, data: bytes, offset: int) -> None:
    while data:
        done = os.pwrite(file, data, offset)
        data, offset = data[done:], offset + done
