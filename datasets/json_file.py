"""JSON that somebody else wrote: every field is checked, and what is wrong is named."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.errors import DataError

_LARGEST = 2**63
_ABSURD = 1e15
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
        """A string that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(f"{key} is {_shown(value)}, not a text")
        return value

    def whole(self, key: str, least: int = 0) -> int:
        """A whole number."""
        value = self._get(key)
        if type(value) is not int or not least <= value < _LARGEST:
            raise self.wrong(f"{key} is {_shown(value)}, not a whole number from {least}")
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
            raise self.wrong(f"{key} is {_shown(value)}, not numbers")
        if len(value) != length:
            raise self.wrong(f"{key} has {len(value)} numbers instead of {length}")
        if not all(-_ABSURD < number < _ABSURD for number in value):  # a NaN is neither
            raise self.wrong(f"{key} has a number that is not finite or absurdly large: {_shown(value)}")
        return value

    def records(self, key: str) -> "list[Record]":
        """A list of objects."""
        return objects(self.path, self._get(key), key)

    def _get(self, key: str) -> Any:
        if key not in self.fields:
            raise self.wrong(f"has no {key}")
        return self.fields[key]


def objects(path: Path, value: Any, name: str) -> list[Record]:
    """A list of JSON objects as records.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, list):
        raise DataError(path, f"{name} is {_shown(value)}, not a list", remedy=_AGAIN)
    for index, fields in enumerate(value):
        if not isinstance(fields, dict):
            raise DataError(
                path, f"is {_shown(fields)}, not an object", record=f"{name}[{index}]", remedy=_AGAIN
            )
    return [Record(path, f"{name}[{index}]", fields) for index, fields in enumerate(value)]


def unique_ids(records: Sequence[Record]) -> NDArray[np.int64]:
    """(N,) the records' ids.

    Raises:
        DataError: an id is no whole number, or stands twice.
    """
    seen: set[int] = set()
    for record in records:
        ident = record.whole("id")
        if ident in seen:
            raise record.wrong("its id stands twice")
        seen.add(ident)
    return np.array([record.fields["id"] for record in records], np.int64)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
