"""Whether pictures are still those that a pack or an index was made from."""

import os
import time
from pathlib import Path

import numpy as np

from datasets.crops.lazy_pictures import LazyPictures, no_longer
from datasets.io import sealed
from datasets.io.image import content_digest, file_bytes
from datasets.io.problems import parse_each, raise_if_any


def check_same(prepared: Path, pictures: LazyPictures) -> None:
    """Compare pictures with those of a pack or index: one set has one content, packed or not.

    Raises:
        DataError: one of the same name is another, or the folder is damaged.
    """
    arrays, _ = sealed.load(prepared)
    known = dict(zip(arrays["picture_names"].tolist(), arrays["picture_digests"].tolist(), strict=True))
    for name, digest in zip(pictures.names.tolist(), pictures.digests.tolist(), strict=True):
        if known.get(name, digest) != digest:
            raise no_longer(pictures.root / os.fsdecode(name), prepared)


def check_unchanged(prepared: Path, root: Path) -> None:
    """Compare the pictures that were written or moved since the folder was prepared or last checked.

    Args:
        root: the folder of the data, as when they were prepared.

    Raises:
        DataError: a picture is missing or another, or the folder is damaged.
    """
    arrays, _ = sealed.load(prepared)
    about, now = prepared / sealed.ABOUT, time.time_ns()
    since = about.stat().st_mtime_ns

    def check(one: tuple[bytes, int]) -> bool:
        path = root / os.fsdecode(one[0])
        touched = _changed(path) >= since
        if touched and _digest(path) != one[1]:
            raise no_longer(path, prepared)
        return touched

    pairs = zip(arrays["picture_names"].tolist(), arrays["picture_digests"].tolist(), strict=True)
    touched, broken = parse_each(check, pairs)
    raise_if_any(broken)
    if any(touched):
        os.utime(about, ns=(now, now))


def _changed(path: Path) -> int:
    """When the file was written, or another put in its place; now for one that is missing."""
    try:
        found = path.stat()
    except OSError:
        return time.time_ns()
    return max(found.st_mtime_ns, found.st_ctime_ns)


def _digest(path: Path) -> int:
    return int(np.frombuffer(content_digest(file_bytes(path)), np.uint64)[0])
