"""Files that predictions are written to: never an input, a link or somebody else's file."""

import csv
import errno
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.io.errors import DataError
from orchestrator.util.whole_file import write_whole

DRAWINGS = "drawings"

NOT_DRAWN = "not-drawn"
"""The code of a picture that is in the results and has no drawing."""

MARK = b"drawn by rle-lab"
"""The comment in each drawing, by which it is known to be one."""

OURS = {"file_name", "image_id"}
"""Fields of each result, by which a file of results is known to be one."""

LINES_BEGIN = b"[\n"
"""With what a file of results begins that has a line for each."""

_LONGEST_LINE = 2**24
_QUALITY = 92  # of JPEG
_OF_THE_NAME = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}
"""What makes a single file impossible and no other."""


@dataclass(frozen=True)
class Outputs:
    """A folder of results and drawings."""

    folder: Path
    results: str  # the name of the file
    header: tuple[str, ...] = ()  # of the same as CSV

    @property
    def table(self) -> str:
        """The name of the CSV file."""
        return Path(self.results).with_suffix(".csv").name

    def prepare(self, drawings: Iterable[str], inputs: Iterable[Path]) -> None:
        """Make the folders, and look at what lies there already.

        Args:
            drawings: the names of all that are going to be written.
            inputs: that must stay as they are, whatever they are called.

        Raises:
            DataError: something there is no earlier output, or the folder can't be written to.
        """
        place = self.folder / DRAWINGS
        try:
            place.mkdir(parents=True, exist_ok=True)
            kept = _identities(inputs)
            _check_no_link(place)
            for name in drawings:
                _check(place / name, kept, _is_drawing)
            _check(self.folder / self.results, kept, _is_results)
            _check(self.folder / self.table, kept, self._is_table)
        except OSError as error:
            raise self.not_writable(error) from error

    def draw(self, name: str, picture: Path, drawn: Callable[[], NDArray[np.uint8]]) -> None:
        """Write a drawing of a picture, (height, width, 3) RGB.

        Raises:
            DataError: this one can't be written; others may.
            OSError: none can.
        """
        encoded = io.BytesIO()
        try:
            Image.fromarray(drawn()).save(encoded, "JPEG", quality=_QUALITY, comment=MARK)
            write_whole(self.folder / DRAWINGS / name, encoded.getvalue())
        except (OSError, ValueError, MemoryError, cv2.error) as error:
            if isinstance(error, OSError) and error.errno not in {None, *_OF_THE_NAME}:
                raise
            remedy = (
                f"Its points are in {self.results}; make the picture smaller or its name shorter to see it"
            )
            problem = f"can't be drawn ({error or type(error).__name__})"
            raise DataError(picture, problem, remedy=remedy, code=NOT_DRAWN) from error

    def write(self, results: Sequence[dict[str, Any]], lines: Iterable[Sequence[object]] = ()) -> None:
        """Write all results, and the same as lines of a CSV file.

        Raises:
            DataError: they can't be.
        """
        try:
            write_whole(self.folder / self.results, json.dumps(results).encode())
            write_whole(self.folder / self.table, csv_lines([self.header, *lines]))
        except OSError as error:
            raise self.not_writable(error) from error

    def _is_table(self, path: Path) -> bool:
        first = csv_lines([self.header])
        with path.open("rb") as file:
            return file.read(len(first)) == first

    def not_writable(self, error: OSError) -> DataError:
        """What to say of an error."""
        problem = f"can't be written to ({error})"
        return DataError(self.folder, problem, remedy="Name another folder with --out", code="not-writable")


def csv_lines(lines: Iterable[Sequence[object]]) -> bytes:
    """As they stand in a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()


def check_replaceable(path: Path, suffix: str, inputs: Iterable[Path]) -> None:
    """Raises DataError unless nothing lies there, or a file of that suffix that is no link and no input."""
    _check(path, _identities(inputs), lambda file: file.suffix == suffix)


def _check(path: Path, kept: set[tuple[int, int]], is_ours: Callable[[Path], bool]) -> None:
    if not _can_be(path):
        return
    _check_no_link(path)
    if not path.exists():
        return
    if _identity(path) in kept:
        raise _in_the_way(path, "is one of the files that are read")
    if not path.is_file() or not is_ours(path):
        raise _in_the_way(path, "lies there already and was not written by this command")


def _check_no_link(path: Path) -> None:
    if path.is_symlink():
        raise _in_the_way(path, "is a link, and what it leads to is not written over")


def _in_the_way(path: Path, problem: str) -> DataError:
    remedy = "Name another place with --out, or move it away"
    return DataError(path, problem, remedy=remedy, code="would-overwrite")


def _can_be(path: Path) -> bool:
    """Whether the name is possible; where it is not, writing it fails and says so."""
    try:
        path.lstat()
    except OSError as error:
        return error.errno not in _OF_THE_NAME
    except ValueError:  # it has a null
        return False
    return True


def _identities(paths: Iterable[Path]) -> set[tuple[int, int]]:
    return {_identity(path) for path in paths if _can_be(path) and path.exists()}


def _identity(path: Path) -> tuple[int, int]:
    """The same for all names of a file."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _is_drawing(path: Path) -> bool:
    if path.suffix == ".mp4":
        return _is_drawn_video(path)
    try:
        with Image.open(path, formats=["JPEG"]) as picture:
            return bool(picture.info.get("comment") == MARK)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


def _is_drawn_video(path: Path) -> bool:
    from datasets.io.video import comment

    return comment(path) == MARK.decode()


def _is_results(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if file.readline(len(LINES_BEGIN)) == LINES_BEGIN:  # a video's: it may not fit into memory
                first = file.readline(_LONGEST_LINE).rstrip(b",\n")
                return first == b"]" or _is_result(json.loads(first))
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(found, list) and all(map(_is_result, found))


def _is_result(one: object) -> bool:
    return isinstance(one, dict) and one.keys() >= OURS
