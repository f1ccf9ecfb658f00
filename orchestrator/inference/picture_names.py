"""Which picture on the disk is meant by a name in a file.

A name means the picture whose path ends with most of its parts: `cam1/000001.png` is never the picture
`cam2/000001.png` while a file has both.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

from datasets.io.errors import DataError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Of the files in a folder that count as pictures."""

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
"""Of files that are no pictures, but hold some."""

Parts = tuple[str, ...]
"""Of a path, the last first."""

APART = (
    "Write folders into file_name, such as {example}, or give the pictures of each folder a file of their own"
)

_TELLING = r"(?:COCO_(?:train|val|test)\d+_)?\d+"
"""Names that are nothing but a number, as COCO's."""


def by_name(file: Path, pictures: Sequence[Path], names: Sequence[str]) -> dict[Path, int]:
    """For each picture that is named, which of the names is meant.

    Where base names differ, both in the file and among the pictures, they suffice; else a folder must agree
    too, unless the file names none.

    Args:
        file: for messages.
        names: with or without folders, of either system.

    Raises:
        DataError: two names fit a picture, or two pictures a name.
    """
    wanted = [_parts(PurePosixPath(name.replace("\\", "/"))) for name in names]
    there = [_parts(picture.absolute()) for picture in pictures]
    bases = [parts[0] for parts in wanted]
    plain = len(set(bases)) == len(bases) and len({parts[0] for parts in there}) == len(there)
    candidates: dict[str, list[int]] = {}
    for index, base in enumerate(bases):
        candidates.setdefault(base, []).append(index)
    chosen: dict[int, dict[int, int]] = {}  # name -> picture -> parts that agree
    for place, parts in enumerate(there):
        agreeing = {name: _common(parts, wanted[name]) for name in candidates.get(parts[0], ())}
        enough = {name: n for name, n in agreeing.items() if plain or n >= min(2, len(wanted[name]))}
        best = [name for name, n in enough.items() if n == max(enough.values())]
        if len(best) > 1:
            problem = f"{names[best[0]]} and {names[best[1]]} may both mean {pictures[place]}"
            raise _ambiguous(file, problem, pictures[place])
        for name in best:
            chosen.setdefault(name, {})[place] = enough[name]
    return {pictures[_nearest(file, names[name], of, pictures)]: name for name, of in chosen.items()}


def by_number(file: Path, pictures: Sequence[Path], numbers: set[int]) -> dict[Path, int]:
    """For each picture, the last number in its name, if it is one of `numbers`.

    Raises:
        DataError: two pictures have one of the numbers.
    """
    found = {picture: number for picture in pictures if (number := number_of(picture)) in numbers}
    counts = Counter(found.values())
    again = [picture for picture, number in found.items() if counts[number] > 1]
    if again:
        problem = (
            f"image_id {found[again[0]]} may mean {again[0]} or {again[1]}, of which it is the last number"
        )
        raise _ambiguous(file, problem, again[0])
    return {picture: number for picture, number in found.items() if number is not None}


def same_folder(picture: Path, name: str) -> bool:
    """Whether a picture lies in the folder that its name in a file has, if it has one."""
    wanted = _parts(PurePosixPath(name.replace("\\", "/")))
    return _common(_parts(picture.absolute()), wanted) >= min(2, len(wanted))


def number_of(picture: Path) -> int | None:
    """The last number in its name: 000000000139.jpg and COCO_val2014_000000000139.jpg are 139."""
    digits = re.findall(r"\d+", picture.stem)
    return int(digits[-1]) if digits else None


def is_number(picture: Path) -> bool:
    """Whether its name is a number and nothing else, so that nothing is assumed."""
    return re.fullmatch(_TELLING, picture.stem) is not None


def shortest_names(pictures: Sequence[Path]) -> Mapping[Path, str]:
    """By which results call pictures: with as many folders as tell them apart."""
    absolute = {picture: picture.absolute().parts for picture in pictures}
    names = {picture: picture.name for picture in pictures}
    for depth in range(2, max((len(parts) for parts in absolute.values()), default=0) + 1):
        counts = Counter(names.values())
        if all(count == 1 for count in counts.values()):
            break
        names |= {p: "/".join(absolute[p][-depth:]) for p, name in names.items() if counts[name] > 1}
    return names


def _nearest(file: Path, name: str, of: Mapping[int, int], pictures: Sequence[Path]) -> int:
    """The picture that agrees most with a name.

    Raises:
        DataError: two agree alike.
    """
    most = [place for place, n in of.items() if n == max(of.values())]
    if len(most) > 1:
        problem = f"{name} may mean {pictures[most[0]]} or {pictures[most[1]]}"
        raise _ambiguous(file, problem, pictures[most[0]])
    return most[0]


def _ambiguous(file: Path, problem: str, picture: Path) -> DataError:
    remedy = APART.format(example="/".join(picture.absolute().parts[-2:]))
    return DataError(file, problem, remedy=remedy, code="ambiguous-pictures")


def _parts(path: Path | PurePosixPath) -> Parts:
    return tuple(unicodedata.normalize("NFC", part) for part in reversed(path.parts) if part not in "./")


def _common(a: Parts, b: Parts) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
