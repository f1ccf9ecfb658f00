"""DeepLabCut's labels: `labeled-data/VIDEO/CollectedData_SCORER.csv` beside the frames that were labelled.

The first rows of the table are the levels of pandas' columns (scorer, of several animals individuals,
bodyparts, coords), the first columns the path of the frame in one cell or in three; a point that is not
labelled has empty cells.

Shapes: K bodyparts.
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import yaml

from datasets.exports.labelled import Annotation, Export, Labelled
from datasets.io.errors import DataError
from datasets.io.image import size_of
from datasets.io.problems import parse_each, raise_if_any
from datasets.io.regular_file import read_regular

LEVELS = ("scorer", "individuals", "bodyparts", "coords")
UNIQUE = "single"
"""The individual to which DeepLabCut assigns points that no animal has, such as corners of the cage."""

LABELLED = 2
"""COCO's visibility: DeepLabCut does not tell points that are seen from those that were guessed."""

_PLACES = ("labeled-data/*/", "*/", "")
_OUTSIDE = (
    "{n} {point lies|points lie} outside {its picture|their pictures}: not labelled, as DeepLabCut has it"
)
_UNIQUE = "bodyparts of the individual `single`, which no animal has, are left out"
_NO_LIMBS = "config.yaml can't be read: nothing joins keypoints in drawings"

Cells = Sequence[str]
Column = tuple[str, str, str]
"""Individual, bodypart and coordinate."""


@dataclass(frozen=True)
class _Table:
    """A file of labels."""

    file: Path
    columns: tuple[Column, ...]
    first: int  # how many columns name the frame
    rows: Sequence[tuple[int, Cells]]  # with the numbers of lines

    @property
    def individuals(self) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(individual for individual, _, _ in self.columns))
        return names if len(names) == 1 else tuple(name for name in names if name != UNIQUE)

    @property
    def bodyparts(self) -> tuple[str, ...]:
        """Of animals."""
        animals = self.individuals
        return tuple(dict.fromkeys(part for animal, part, _ in self.columns if animal in animals))


def is_deeplabcut(folder: Path) -> bool:
    """Whether a folder, or a file, has DeepLabCut's labels in it."""
    if not folder.is_dir():
        return folder.suffix.lower() in (".csv", ".h5")
    return any(_found(folder, "csv")) or any(_found(folder, "h5"))


def read_deeplabcut(source: Path) -> Export:
    """Read all labels of a project, of one of its videos, or of one file.

    Raises:
        DataError: there are labels as HDF5 alone, two people's of one video, something else than labels, or a
            picture is missing.
    """
    tables = [_table(file) for file in _files(source)]
    names = tuple(dict.fromkeys(part for table in tables for part in table.bodyparts))
    parsed, broken = parse_each(
        lambda row: _labelled(*row, names), [(table, *row) for table in tables for row in table.rows]
    )
    raise_if_any(broken, skippable=False)
    if not any(picture.annotations for picture, _ in parsed):
        raise DataError(source, "has no labelled point", remedy="Label some frames", code="no-keypoints")
    limbs, assumed = _limbs(source, names)
    unique = any(len({one for one, _, _ in t.columns}) > len(t.individuals) for t in tables)
    outside = sum(count for _, count in parsed)
    return Export(
        tuple(picture for picture, _ in parsed),
        [{"id": 1, "name": "animal", "keypoints": list(names), "skeleton": limbs}],
        {_OUTSIDE: outside, _UNIQUE: int(unique), **assumed},
    )


def _found(folder: Path, suffix: str) -> list[Path]:
    """Files of labels in the first place that has some."""
    places = (sorted(folder.glob(f"{place}CollectedData*.{suffix}")) for place in _PLACES)
    return next((found for found in places if found), [])


def _files(source: Path) -> list[Path]:
    """One file of each video.

    Raises:
        DataError: a video has none but HDF5, or several.
    """
    if source.suffix.lower() == ".h5":
        raise _pickled(source)
    if not source.is_dir():
        return [source]
    found = _found(source, "csv")
    folders = {file.parent for file in found}
    for file in _found(source, "h5"):
        if file.parent not in folders:
            raise _pickled(file)
    if len(folders) < len(found):
        twice = next(
            file for file, other in zip(found[1:], found, strict=False) if file.parent == other.parent
        )
        problem = "labels the same frames as another file beside it"
        raise DataError(twice, problem, remedy="Move one of the two away", code="repeated-picture")
    return found


def _pickled(file: Path) -> DataError:
    remedy = f"Give {file.with_suffix('.csv').name}, which DeepLabCut writes beside it"
    return DataError(file, "may hold Python objects and is not read", remedy=remedy, code="pickled")


def _table(file: Path) -> _Table:
    try:
        text = read_regular(file).decode("utf-8-sig")
        lines = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(text)), 1) if any(row)]
    except (OSError, ValueError, csv.Error) as error:
        raise _no_labels(file, f"can't be read ({error})") from error
    head = {row[0]: row[1:] for _, row in lines[: len(LEVELS)] if row[0] in LEVELS}
    if not head.keys() >= {"bodyparts", "coords"} or len({len(row) for row in head.values()}) != 1:
        raise _no_labels(file, "does not begin with rows of scorer, bodyparts and coords")
    empty = next((place for place, cell in enumerate(head["coords"]) if cell), 0)
    animals = head.get("individuals", [""] * len(head["coords"]))
    columns = tuple(zip(animals[empty:], head["bodyparts"][empty:], head["coords"][empty:], strict=True))
    if {coordinate for _, _, coordinate in columns} != {"x", "y"}:
        raise _no_labels(file, "has other columns than x and y, as predictions have")
    if len(set(columns)) != len(columns) or 2 * len({column[:2] for column in columns}) != len(columns):
        raise _no_labels(file, "has a bodypart with other columns than one x and one y")
    return _Table(file, columns, 1 + empty, lines[len(head) :])


def _no_labels(file: Path, problem: str) -> DataError:
    remedy = "Give the CollectedData_*.csv of labeled-data/, as DeepLabCut saves labels"
    return DataError(file, problem, remedy=remedy, code="no-labels")


def _labelled(table: _Table, line: int, row: Cells, names: Sequence[str]) -> tuple[Labelled, int]:
    """A frame, and how many of its points lie outside.

    Raises:
        DataError: the picture is missing, or a cell is no number.
    """
    # The cells are of the machine where labels were made; the frames lie beside the table.
    path = table.file.parent / PureWindowsPath("/".join(row[: table.first])).name
    size = size_of(path)
    values = dict(zip(table.columns, _numbers(table, line, row), strict=True))
    annotations: list[Annotation] = []
    outside = 0
    for animal in table.individuals:
        keypoints: list[float] = []
        for name in names:
            x, y = (values.get((animal, name, axis), math.nan) for axis in "xy")
            known, inside = not (math.isnan(x) or math.isnan(y)), 0 <= x < size[0] and 0 <= y < size[1]
            outside += known and not inside
            keypoints += [x, y, LABELLED] if inside else [0, 0, 0]
        annotations += _annotation(keypoints)
    name = f"{table.file.parent.name}/{path.name}"
    return Labelled(path, name, size, tuple(annotations)), outside


def _numbers(table: _Table, line: int, row: Cells) -> Iterator[float]:
    if len(row) != table.first + len(table.columns):
        problem = f"has {len(row)} cells instead of {table.first + len(table.columns)}"
        raise DataError(table.file, problem, record=f"line {line}", remedy="Correct it", code="wrong-length")
    for cell in row[table.first :]:
        try:
            value = float(cell or "nan")
        except ValueError:
            value = math.inf
        if math.isinf(value):
            problem = f"{cell[:40]!r} is no number"
            raise DataError(
                table.file, problem, record=f"line {line}", remedy="Correct it", code="not-numbers"
            )
        yield value


def _annotation(keypoints: list[float]) -> Iterator[Annotation]:
    """None of an animal without a label."""
    if count := sum(map(bool, keypoints[2::3])):
        yield {"category_id": 1, "iscrowd": 0, "num_keypoints": count, "keypoints": keypoints}


def _limbs(source: Path, names: Sequence[str]) -> tuple[list[list[int]], Mapping[str, int]]:
    """Pairs of keypoints, counted from 1, that the project's configuration joins in drawings."""
    folders = (source, *source.resolve().parents[:3])
    config = next((file for one in folders if (file := one / "config.yaml").is_file()), None)
    if config is None:
        return [], {}
    try:
        listed: Any = yaml.safe_load(read_regular(config)).get("skeleton") or []
        pairs = [one for one in listed if len(one) == 2 and set(one) <= set(names)]
        return [[names.index(end) + 1 for end in one] for one in pairs], {}
    except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError):
        return [], {_NO_LIMBS: 1}
