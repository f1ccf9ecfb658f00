"""Folders of prepared data that know their name and checksums, so that damage is an error and no number.

`arrays.npz` holds arrays, `about.json` values of JSON: among them the folder's name, a checksum of the arrays
and one of itself.
"""

import hashlib
import io
import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from datasets.io.atomic_folder import publish
from datasets.io.errors import DataError, NotPreparedError
from datasets.io.regular_file import read_regular

ABOUT, ARRAYS = "about.json", "arrays.npz"
_UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
    BadZipFile,
)
"""What reading a file raises that somebody damaged or made up; RuntimeError is
an encrypted zip's and that of a deep JSON."""
_MOST = 2**36  # bytes of arrays


class Contents(NamedTuple):
    """What a sealed folder holds beside its pixels."""

    arrays: dict[str, NDArray[Any]]
    about: dict[str, Any]


def save(folder: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write and seal; the folder has its final name already, wherever it lies."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    (folder / ARRAYS).write_bytes(buffer.getbuffer())
    kept = {**about, "name": folder.name, "arrays": _hash(buffer.getbuffer())}
    (folder / ABOUT).write_text(json.dumps({**kept, "sum": _sum(kept)}))


def load(folder: Path) -> Contents:
    """What was saved.

    Raises:
        NotPreparedError: there is no such folder.
        DataError: it is damaged, or another's.
    """
    try:
        return _load(folder)
    except FileNotFoundError as error:
        if folder.is_dir():
            raise damaged(folder, f"{Path(error.filename).name} is missing") from error
        remedy = "Prepare the data first (`rle-lab prepare`)"
        problem = "the prepared data are not here"
        raise NotPreparedError(folder, problem, remedy=remedy, code="not-prepared") from error
    except _UNREADABLE as error:
        raise damaged(folder, str(error) or type(error).__name__) from error


def _load(folder: Path) -> Contents:
    about = json.loads(read_regular(folder / ABOUT))
    if about.pop("sum", None) != _sum(about):
        raise ValueError(f"{ABOUT} is not what was written")
    if about["name"] != folder.name:
        raise ValueError(f"these are other data, {about['name']}")
    data = read_regular(folder / ARRAYS, _MOST)
    if about["arrays"] != _hash(data):
        raise ValueError(f"{ARRAYS} is not what was written")
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return Contents(dict(stored), about)


def damaged(folder: Path, how: str) -> DataError:
    """The error for prepared data that can't be read, or are not what was written."""
    remedy = "Remove the folder and prepare again"
    return DataError(folder, f"these prepared data are damaged: {how}", remedy=remedy, code="damaged")


class Checked:
    """Parts of a mapped file, each compared with its checksum when this process first uses it."""

    def __init__(self, file: Path, sums: NDArray[np.uint32]) -> None:
        self._file, self._sums, self._sound = file, sums, np.zeros(len(sums), bool)

    def check(self, part: int, data: NDArray[np.uint8]) -> None:
        """Compare contiguous data with the checksum of a part.

        Raises:
            DataError: they differ.
        """
        if not self._sound[part]:
            if zlib.crc32(data.data) != self._sums[part]:
                raise damaged(self._file.parent, f"part {part} of {self._file.name} is not what was written")
            self._sound[part] = True


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
        raise full(folder, f"writing failed ({error})", *remedies) from error


def full(folder: Path, how: str, *remedies: str) -> DataError:
    """The error for a disk that has no room."""
    remedy = ", or ".join(("Free some space", "keep the data on another disk", *remedies))
    return DataError(folder, how, remedy=remedy, code="disk-full")


def _hash(data: bytes | memoryview) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _sum(about: Mapping[str, Any]) -> str:
    return _hash(json.dumps(about, sort_keys=True).encode())
