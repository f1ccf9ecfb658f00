"""MATLAB's `.mat` files, versions 5 and 7.3, from sources that are not trusted.

Version 5 is read here ("MAT-File Format", MathWorks, chapter 1): a file of a few hundred bytes, damaged or
made so, crashes scipy's reader or has it ask for gigabytes. Everything that a file declares is compared with
the bytes that are there. Of version 7.3, which is HDF5, arrays of numbers are read.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.io.errors import DataError

LARGEST = 2**30
"""Bytes that a variable may unfold to; MPII's and the DME set's take less than half."""

_DEEPEST = 32  # structures in structures; MPII's go down to 5
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _TEXT = 1, 2, 4
_COMPLEX = 0x800
_PEEK = 512  # bytes within which a variable's name stands: it has 63 letters at most
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""How numbers lie in the file, by the kind of element ..."""
_MEANT = dict(zip(range(6, 16), ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"), strict=True))
"""... and what they are, by the class of matrix."""
_LETTERS = {1: "latin1", 2: "latin1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_DEFLATED = 1032
"""No deflated byte unfolds to more."""


class MatError(Exception):
    """What a file declares can't be."""


def load(path: Path, names: Sequence[str], remedy: str = "Get the file again") -> Mapping[str, Any]:
    """Variables of a `.mat` file, those of `names` that are there.

    Returns:
        arrays of numbers in MATLAB's shape; a text as str; cells as a list, column by column; a structure as
        a dict, several as a list of dicts.

    Raises:
        DataError: the file is missing, can't be read, or declares more than it has.
    """
    import h5py

    if not path.is_file():
        raise DataError(path, "is missing", remedy="Check the path", code="missing-file")
    try:
        if h5py.is_hdf5(path):
            return _hdf5(path, names)
        return _version5(path.read_bytes(), names)
    except Exception as error:  # HDF5 raises many kinds for a file that is damaged
        text = " ".join(str(error).split())[:200] or type(error).__name__
        problem = f"can't be read as a .mat file ({text})"
        raise DataError(path, problem, remedy=remedy, code="not-mat") from error


def _hdf5(path: Path, names: Sequence[str]) -> dict[str, Any]:
    import h5py

    with h5py.File(path) as file:
        for name in names:  # before a link is followed
            if not isinstance(file.get(name, getlink=True), (h5py.HardLink, type(None))):
                raise MatError(f"{name} is a link")
        found = {name: file[name] for name in names if isinstance(file.get(name), h5py.Dataset)}
        for name, array in found.items():
            if _lies_elsewhere(array):
                raise MatError(f"{name} lies in another file")
            if array.dtype.kind not in "biuf" or array.size is None:
                raise MatError(f"{name} has no numbers but {array.dtype}")
            declared, stored = array.size * array.dtype.itemsize, array.id.get_storage_size()
            # An array whose parts were never written is as large as it says when it is read.
            if declared > min(LARGEST, _DEFLATED * stored):
                raise MatError(f"{name} declares {declared} bytes, and has {stored}")
        # MATLAB stores columns first; HDF5 shows them in the opposite order.
        return {name: np.asarray(array[()]).T for name, array in found.items()}


def _lies_elsewhere(array: Any) -> bool:
    """Whether an array's numbers are those of other files, which may be anybody's: raw or HDF5's."""
    return bool(array.is_virtual) or array.id.get_create_plist().get_external_count() > 0


class _Element(NamedTuple):
    """A tag of the file, and where its content lies."""

    kind: int
    start: int
    end: int


class _Matrix(NamedTuple):
    """What stands at the beginning of a matrix, and the elements that follow."""

    sort: int
    is_complex: bool
    shape: tuple[int, ...]
    name: str
    parts: Iterator[_Element]

    def part(self) -> _Element:
        """The next element."""
        if (part := next(self.parts, None)) is None:
            raise MatError("a matrix ends too early")
        return part


_PAIRS = {order: Struct(f"{order}II") for order in "<>"}
_SIZES = {order: Struct(f"{order}ii") for order in "<>"}


def _version5(data: bytes, names: Sequence[str]) -> dict[str, Any]:
    if len(data) < _HEADER or 0 in data[:4] or data[126:128] not in (b"IM", b"MI"):
        raise MatError("its version is neither 5 nor 7.3")
    order = "<" if data[126:128] == b"IM" else ">"
    found: dict[str, Any] = {}
    for element in _elements(data, _HEADER, len(data), order):
        content, matrix = data, element
        if element.kind == _COMPRESSED:
            folded = data[element.start : element.end]
            if _name_of(zlib.decompressobj().decompress(folded, _PEEK), order) not in names:
                continue
            content = _unfolded(folded)
            matrix = next(_elements(content, 0, len(content), order), element)
        name = _name_of(content[matrix.start - 8 : matrix.start + _PEEK], order)
        if name is not None and name in names:
            found[name] = _value(content, matrix, order, 0)
    return found


def _name_of(head: bytes, order: str) -> str | None:
    """The name of a variable, from its first bytes; None if it is none, or damaged."""
    try:
        return _opened(head, _Element(_MATRIX, 8, len(head)), order).name
    except MatError:
        return None


def _unfolded(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    unfolded = stream.decompress(data, LARGEST)
    if stream.unconsumed_tail or not stream.eof:
        raise MatError(f"it ends too early, or unfolds to more than {LARGEST} bytes")
    return unfolded


def _elements(data: bytes, start: int, end: int, order: str) -> Iterator[_Element]:
    """The elements between two places, one after the other.

    Raises:
        MatError: one declares more bytes than there are.
    """
    pair = _PAIRS[order]
    while start + 8 <= end:
        kind, length = pair.unpack_from(data, start)
        if kind >> 16:  # small: kind and length in four bytes, the content in the next four
            length, kind = kind >> 16, kind & 0xFFFF
            element, start = _Element(kind, start + 4, start + 4 + length), start + 8
            fits = length <= 4
        else:
            element = _Element(kind, start + 8, start + 8 + length)
            start = element.end + (0 if kind == _COMPRESSED else -length % 8)
            fits = element.end <= end
        if not fits:
            raise MatError(f"an element declares {length} bytes, more than are left")
        yield element


def _opened(data: bytes, matrix: _Element, order: str) -> _Matrix:
    parts = _elements(data, matrix.start, matrix.end, order)
    flags, sizes, name = next(parts, None), next(parts, None), next(parts, None)
    if flags is None or sizes is None or name is None or flags.end - flags.start != 8:
        raise MatError("a matrix has no flags, dimensions or name")
    (word, _) = _PAIRS[order].unpack_from(data, flags.start)
    if sizes.end - sizes.start == 8:
        shape = _SIZES[order].unpack_from(data, sizes.start)
    else:
        shape = tuple(_numbers(data, sizes, order, "i4").tolist())
    if min(shape, default=0) < 0 or len(shape) > _DEEPEST:
        raise MatError(f"a matrix is {shape} large")
    text = data[name.start : name.end].decode("latin1")
    return _Matrix(word & 0xFF, bool(word & _COMPLEX), shape, text, parts)


def _value(data: bytes, element: _Element, order: str, depth: int) -> Any:
    """The value of a matrix."""
    if element.kind != _MATRIX or depth > _DEEPEST:
        raise MatError(f"no matrix where there should be one, or more than {_DEEPEST} in each other")
    if element.start == element.end:
        return np.zeros((0, 0))
    matrix = _opened(data, element, order)
    count = prod(matrix.shape)
    if count > element.end - element.start:
        raise MatError(f"a matrix of {count} elements has {element.end - element.start} bytes")
    if matrix.sort in _MEANT:
        return _array(data, matrix, order)
    if matrix.sort == _TEXT:
        return _text(data, matrix.part(), order) if count else ""
    if matrix.sort == _CELL:
        return [_value(data, matrix.part(), order, depth + 1) for _ in range(count)]
    if matrix.sort == _STRUCT:
        names = _field_names(data, matrix, order)
        inner = depth + 1
        structs = [{name: _value(data, matrix.part(), order, inner) for name in names} for _ in range(count)]
        return structs[0] if count == 1 else structs
    raise MatError("it holds objects, functions or sparse matrices")


def _array(data: bytes, matrix: _Matrix, order: str) -> NDArray[Any]:
    meant = _MEANT[matrix.sort]
    array = _numbers(data, matrix.part(), order, meant)
    if matrix.is_complex:
        array = array + 1j * _numbers(data, matrix.part(), order, meant)
    if array.size != prod(matrix.shape):
        raise MatError(f"a matrix of shape {matrix.shape} has {array.size} numbers")
    return array.reshape(matrix.shape, order="F")


def _numbers(data: bytes, element: _Element, order: str, meant: str) -> NDArray[Any]:
    kind = _STORED.get(element.kind)
    if kind is None or (element.end - element.start) % int(kind[1]):
        raise MatError(f"numbers are of kind {element.kind}")
    with np.errstate(invalid="ignore"):
        return np.frombuffer(data[element.start : element.end], order + kind).astype(meant)


def _text(data: bytes, element: _Element, order: str) -> str:
    coding = _LETTERS.get(element.kind)
    if coding is None:
        raise MatError(f"letters are of kind {element.kind}")
    little = {"<": "-le", ">": "-be"}[order] if coding in ("utf-16", "utf-32") else ""
    return data[element.start : element.end].decode(coding + little)


def _field_names(data: bytes, matrix: _Matrix, order: str) -> list[str]:
    """Names of a structure's fields, which stand in places of one length, filled up with zeros."""
    lengths = _numbers(data, matrix.part(), order, "i4")
    names = matrix.part()
    if lengths.size != 1 or lengths[0] < 1:
        raise MatError("a structure's fields have names of no length")
    length, text = int(lengths[0]), data[names.start : names.end]
    places = range(0, len(text) // length * length, length)
    return [text[at : at + length].split(b"\0")[0].decode("latin1") for at in places]
