"""JSON from elsewhere: every field is checked, and errors name file, record and field."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from reprlib import Repr
from typing import Any, TypeVar

from datasets.io.errors import DataError
from datasets.io.problems import Problem, parse_each

Parsed = TypeVar("Parsed")

ABSURD = 1e15
"""No length, place or score in a data set is as large."""

_LARGEST = 2**63
_LONGEST_SIDE = 2**16  # pixels: no JPEG is larger
_AGAIN = "Correct it, or get or export the file again"


def load(path: Path) -> Any:
    """The file's JSON.

    Raises:
        DataError: it is missing or not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(path, "is missing", remedy="Check the path", code="missing-file") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(path, f"is not JSON ({error})", remedy=_AGAIN, code="not-json") from error


def load_object(path: Path) -> "Record":
    """The file's JSON, an object.

    Raises:
        DataError: it is missing, not JSON, or something else.
    """
    return an_object(path, load(path), "")


def load_list(path: Path, name: str) -> list[Any]:
    """The file's JSON, a list of what `name` says.

    Raises:
        DataError: it is missing, not JSON, or something else.
    """
    return a_list(path, load(path), name)


@dataclass(frozen=True)
class Record:
    """A JSON object, and how to name it in an error."""

    path: Path
    name: str  # such as `annotations[3]`
    fields: dict[str, Any]

    def wrong(self, problem: str, remedy: str = _AGAIN, *, code: str) -> DataError:
        """The error for this record."""
        ident = self.fields.get("id")
        name = f"{self.name} (id {ident})" if type(ident) is int else self.name
        return DataError(self.path, problem, record=name, remedy=remedy, code=code)

    def text(self, key: str) -> str:
        """A string that is not empty and could name a file."""
        value = self._get(key)
        if not isinstance(value, str) or not could_name_a_file(value):
            raise self.wrong(f"{key} is {quoted(value)}, not a text", code="not-a-text")
        return value

    def whole(self, key: str) -> int:
        """A whole number from 0."""
        value = self._get(key)
        if type(value) is not int or not 0 <= value < _LARGEST:
            raise self.wrong(f"{key} is {quoted(value)}, not a whole number from 0", code="not-whole")
        return value

    def new(self, key: str, seen: set[int]) -> int:
        """A whole number that is not among those seen; now it is."""
        value = self.whole(key)
        if value in seen:
            raise self.wrong(f"its {key} occurs twice", code="repeated-id")
        seen.add(value)
        return value

    def side(self, key: str) -> int:
        """The width or height of a picture."""
        value = self.whole(key)
        if not 1 <= value <= _LONGEST_SIDE:
            raise self.wrong(f"{key} is {value}, and no picture's", code="bad-picture-side")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        return self.numbers([self._get(key)], key, 1)[0]

    def row(self, key: str, length: int) -> list[float]:
        """A list of `length` finite numbers."""
        return self.numbers(self._get(key), key, length)

    def numbers(self, value: Any, key: str, length: int) -> list[float]:
        """`value`, if it is a list of `length` finite numbers."""
        if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
            raise self.wrong(f"{key} is {quoted(value)}, not numbers", code="not-numbers")
        if len(value) != length:
            raise self.wrong(f"{key} has {len(value)} numbers instead of {length}", code="wrong-length")
        if not all(-ABSURD < number < ABSURD for number in value):  # a NaN is neither
            wrong = next(number for number in value if not -ABSURD < number < ABSURD)
            problem = f"{key} has a number that is not finite or absurdly large: {quoted(wrong)}"
            raise self.wrong(f"{problem} at place {value.index(wrong) + 1}", code="not-finite")
        return value

    def rows(self, value: Any, key: str, count: int, length: int) -> list[list[float]]:
        """`value`, if it is `count` lists of `length` finite numbers."""
        if not isinstance(value, list) or len(value) != count:
            raise self.wrong(f"{key} is not a list of {count} places", code="wrong-length")
        return [self.numbers(row, f"{key}[{index}]", length) for index, row in enumerate(value)]

    def box(self, key: str = "bbox") -> list[float]:
        """x, y, width and height, the latter two not negative."""
        box = self.row(key, 4)
        if box[2] < 0 or box[3] < 0:
            raise self.wrong(f"{key} has a negative size, {box[2]} x {box[3]}", code="negative-box")
        return box

    def listed(self, key: str) -> list[Any]:
        """A list of any values."""
        return a_list(self.path, self._get(key), key)

    def inner(self, key: str) -> "Record":
        """An object within this one."""
        fields = self.fields.get(key)
        if not isinstance(fields, dict):
            raise self.wrong(f"has no object {key}", code="missing-field")
        return Record(self.path, f"{self.name}.{key}".lstrip("."), fields)

    def _get(self, key: str) -> Any:
        if key not in self.fields:
            raise self.wrong(f"has no {key}", code="missing-field")
        return self.fields[key]


def a_list(path: Path, value: Any, name: str) -> list[Any]:
    """`value`, if it is a list.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, list):
        raise DataError(path, f"{name} is {quoted(value)}, not a list", remedy=_AGAIN, code="not-a-list")
    return value


def an_object(path: Path, value: Any, name: str) -> Record:
    """`value` as a record, if it is an object.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, dict):
        problem = f"is {quoted(value)}, not an object"
        raise DataError(path, problem, record=name, remedy=_AGAIN, code="not-an-object")
    return Record(path, name, value)


def parse_objects(
    path: Path, values: Sequence[Any], name: str, parse: Callable[[Record], Parsed]
) -> tuple[list[Parsed], list[Problem]]:
    """What `parse` makes of each object of a list; and what is broken, elements that are no objects too."""
    return parse_each(lambda one: parse(an_object(path, one[1], f"{name}[{one[0]}]")), enumerate(values))


def quoted(value: Any) -> str:
    """A value as an error quotes it, however long or deep it is."""
    text = _BRIEF.repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def could_name_a_file(text: str) -> bool:
    """JSON can write halves of characters, and names that the system refuses."""
    parts = text.encode(errors="surrogatepass").split(b"/")
    whole = not any("\ud800" <= letter <= "\udfff" for letter in text)
    return bool(text) and whole and "\0" not in text and len(text) < 4000 and max(map(len, parts)) <= 255


_BRIEF = Repr()
_BRIEF.maxlevel, _BRIEF.maxstring, _BRIEF.maxother = 3, 40, 40
