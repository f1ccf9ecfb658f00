"""JSON that somebody else wrote: every field is checked, and what is wrong is named."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from reprlib import Repr
from typing import Any, TypeVar

from datasets.io.errors import DataError
from datasets.io.problems import Broken, sift

Parsed = TypeVar("Parsed")

_LARGEST = 2**63
_ABSURD = 1e15
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
        raise DataError(path, "is missing", remedy="Check the path") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(path, f"is not JSON ({error})", remedy=_AGAIN) from error


@dataclass(frozen=True)
class Record:
    """A JSON object, and how to name it in an error."""

    path: Path
    name: str  # such as `annotations[3]`
    fields: dict[str, Any]

    def wrong(self, problem: str, remedy: str = _AGAIN) -> DataError:
        """The error that says what is the matter with this record."""
        ident = self.fields.get("id")
        name = f"{self.name} (id {ident})" if type(ident) is int else self.name
        return DataError(self.path, problem, record=name, remedy=remedy)

    def text(self, key: str) -> str:
        """A string that is not empty and could name a file."""
        value = self._get(key)
        if not isinstance(value, str) or not could_name_a_file(value):
            raise self.wrong(f"{key} is {shown(value)}, not a text")
        return value

    def whole(self, key: str) -> int:
        """A whole number from 0."""
        value = self._get(key)
        if type(value) is not int or not 0 <= value < _LARGEST:
            raise self.wrong(f"{key} is {shown(value)}, not a whole number from 0")
        return value

    def new(self, key: str, seen: set[int]) -> int:
        """A whole number that is not among those seen; now it is."""
        value = self.whole(key)
        if value in seen:
            raise self.wrong(f"its {key} stands twice")
        seen.add(value)
        return value

    def side(self, key: str) -> int:
        """The width or height of a picture."""
        value = self.whole(key)
        if not 1 <= value <= _LONGEST_SIDE:
            raise self.wrong(f"{key} is {value}, and no picture's")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        return self.numbers([self._get(key)], key, 1)[0]

    def row(self, key: str, length: int) -> list[float]:
        """So many finite numbers."""
        return self.numbers(self._get(key), key, length)

    def numbers(self, value: Any, key: str, length: int) -> list[float]:
        """`value`, if it is so many finite numbers."""
        if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
            raise self.wrong(f"{key} is {shown(value)}, not numbers")
        if len(value) != length:
            raise self.wrong(f"{key} has {len(value)} numbers instead of {length}")
        if not all(-_ABSURD < number < _ABSURD for number in value):  # a NaN is neither
            wrong = next(number for number in value if not -_ABSURD < number < _ABSURD)
            problem = f"{key} has a number that is not finite or absurdly large: {shown(wrong)}"
            raise self.wrong(f"{problem} at place {value.index(wrong) + 1}")
        return value

    def listed(self, key: str) -> list[Any]:
        """A list of whatever."""
        return a_list(self.path, self._get(key), key)

    def inner(self, key: str) -> "Record":
        """An object within this one."""
        fields = self.fields.get(key)
        if not isinstance(fields, dict):
            raise self.wrong(f"has no object {key}")
        return Record(self.path, f"{self.name}.{key}".lstrip("."), fields)

    def _get(self, key: str) -> Any:
        if key not in self.fields:
            raise self.wrong(f"has no {key}")
        return self.fields[key]


def a_list(path: Path, value: Any, name: str) -> list[Any]:
    """`value`, if it is a list.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, list):
        raise DataError(path, f"{name} is {shown(value)}, not a list", remedy=_AGAIN)
    return value


def an_object(path: Path, value: Any, name: str) -> Record:
    """`value` as a record, if it is an object.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, dict):
        raise DataError(path, f"is {shown(value)}, not an object", record=name, remedy=_AGAIN)
    return Record(path, name, value)


def sift_objects(
    path: Path, values: list[Any], name: str, parse: Callable[[Record], Parsed]
) -> tuple[list[Parsed], list[Broken]]:
    """What `parse` makes of each object of a list; and what is broken, elements that are no objects too."""
    return sift(lambda one: parse(an_object(path, one[1], f"{name}[{one[0]}]")), enumerate(values))


def shown(value: Any) -> str:
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
