"""Packs and indexes written: every picture is decoded once, and its digest kept.

Shapes: N samples.
"""

import hashlib
import os
import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.contract import DataPaths
from datasets.crops.lazy_pictures import LazyPictures
from datasets.crops.pack import PIXELS, Progress, open_pack
from datasets.crops.prepared_pictures import check_same
from datasets.crops.tile_plan import Job, plan
from datasets.io import sealed
from datasets.io.image import PictureFile, content_digest, file_bytes
from datasets.io.problems import parse_each, raise_if_any
from datasets.io.sealed import full, publish_data

_DECODERS = 4  # threads; libjpeg runs outside Python's lock
_NO_PACK = "keep no decoded pictures (--no-pack)"

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


class _Done(NamedTuple):
    """What was found of a picture."""

    digest: bytes  # of its file
    sums: list[int]  # of its tiles


def writer(place: DataPaths, progress: Progress | None) -> Write:
    """Of packs, or of indexes where pictures stay in their files."""
    write = write_pack if place.pack else write_index
    return partial(write, root=pictures_of(place), progress=progress)


def folder_of(place: DataPaths, name: str) -> Path:
    """Where a pack lies, or the index in its stead: another one for each place that the pictures lie at."""
    cache = place.cache.absolute()
    if place.pack:
        return cache / "packs" / name
    copy = hashlib.sha256(os.fsencode(pictures_of(place))).hexdigest()[:8]
    return cache / "indexes" / f"{name}-{copy}"


def pictures_of(place: DataPaths) -> Path:
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
    *,
    root: Path = Path("/"),
) -> None:
    """Decode what the samples need into `folder`, which appears complete or not at all.

    Two processes may write the same pack, the first to end wins; bits do not depend on threads.

    Args:
        picture: (N,) index into `pictures`; those without a sample are not opened.
        reach: (N, 4) corners of what a sample's crops may show; may lie partly outside its picture.
        arrays: kept beside the pixels. `about`: the same for JSON.
        root: of the data; pictures below it are named from there.

    Raises:
        DataError: pictures are missing, damaged or others than claimed or indexed; or the disk is full.
    """
    tiles, jobs = plan(pictures, picture, reach)
    _check_room(folder, total := sum(3 * tile.width * tile.height for _, job in jobs for tile in job))

    def fill(draft: Path) -> None:
        with (draft / PIXELS).open("wb") as file:
            done = _each(partial(_cut, file.fileno()), jobs, progress)
        named = _named(folder, root, jobs, done)
        kept: dict[str, NDArray[Any]] = {
            "tiles": tiles,
            "tile_sums": _sums(tiles, jobs, done),
            "picture_names": named.names,
            "picture_digests": named.digests,
        }
        sealed.save(draft, {**arrays, **kept}, {**about, "bytes": total})

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
    """As `write_pack` without the pixels. Pictures are decoded once all the same, to see that they are whole.

    Raises:
        DataError: as `write_pack`.
    """
    tiles, jobs = plan(pictures, picture, reach)
    tiles[:, 0] = np.unique(picture, return_inverse=True)[1]  # jobs are in the order of their pictures

    def fill(draft: Path) -> None:
        named = _named(folder, root, jobs, _each(_look, jobs, progress))
        kept = {
            "tiles": tiles,
            "picture_names": named.names,
            "picture_digests": named.digests,
            "picture_sizes": named.sizes,
            "picture_as_stored": named.as_stored,
        }
        sealed.save(draft, {**arrays, **kept}, {**about, "root": str(named.root)})

    publish_data(folder, fill, open_pack)


def _check_room(folder: Path, total: int) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder.parent).free) < total:
        raise full(folder, f"{total / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free", _NO_PACK)


def _sums(tiles: NDArray[np.int64], jobs: Sequence[Job], done: Sequence[_Done]) -> NDArray[np.uint32]:
    """(N,) the checksum of each sample's tile."""
    sums: dict[tuple[int, ...], int] = {}
    for (_, cut), one in zip(jobs, done, strict=True):
        sums |= zip(cut, one.sums, strict=True)
    return np.array([sums[tuple(tile)] for tile in tiles.tolist()], np.uint32)


def _named(folder: Path, root: Path, jobs: Sequence[Job], done: Sequence[_Done]) -> LazyPictures:
    """The pictures with their digests.

    Raises:
        DataError: they are not those of a pack or index of the same name.
    """
    named = LazyPictures.of(root, [file for file, _ in jobs], [one.digest for one in done])
    for twin in _twins(folder):
        check_same(twin, named)
    return named


def _twins(folder: Path) -> list[Path]:
    """The indexes of a pack, or the pack of an index, where they are prepared."""
    kind, cache = folder.parent.name, folder.parent.parent
    if kind == "packs":
        return sorted(cache.glob(f"indexes/{folder.name}-{'?' * 8}"))
    pack = cache / "packs" / folder.name[:-9]
    return [pack] if kind == "indexes" and pack.is_dir() else []


def _each(work: Callable[[Job], _Done], jobs: Sequence[Job], progress: Progress | None) -> list[_Done]:
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
    return [one for finished in running for one in finished.result()[0]]


def _look(job: Job) -> _Done:
    data = file_bytes(job[0].path)
    job[0].decode(data)
    return _Done(content_digest(data), [])


def _cut(file: int, job: Job) -> _Done:
    picture, tiles = job
    data, sums = file_bytes(picture.path), []
    pixels = picture.decode(data)
    for tile in tiles:
        cut = pixels[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width].tobytes()
        sums.append(zlib.crc32(cut))
        _write(file, cut, tile.source)
    return _Done(content_digest(data), sums)


def _write(file: int, data: bytes, offset: int) -> None:
    while data:
        done = os.pwrite(file, data, offset)
        data, offset = data[done:], offset + done
