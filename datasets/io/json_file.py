"""JSON from elsewhere, checked by pydantic: errors name file, record and field."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from reprlib import Repr
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, FailFast, Field, Strict, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from datasets.io.errors import DataError
from datasets.io.image import PictureFile
from datasets.io.problems import Problem, parse_each
from datasets.io.regular_file import read_regular

Parsed = TypeVar("Parsed")

ABSURD = 1e15
"""No length, place or score in a data set is as large."""

_MOST = 2**34
"""Bytes of a file, beside which COCO's are small."""

_AGAIN = "Correct it, take it out, or get or export the file again"

_CODES = {
    **dict.fromkeys(("list_type", "tuple_type"), "not-a-list"),
    **dict.fromkeys(("too_short", "too_long"), "wrong-length"),
    **{"int_type": "not-whole", "float_type": "not-numbers", "string_type": "not-a-text"},
    **{"finite_number": "not-finite", "missing": "missing-field", "dict_type": "not-an-object"},
}
"""Of an error, by pydantic's type of it; that of a number beyond a bound is `out-of-range`."""


def could_name_a_file(text: str) -> bool:
    """JSON can write halves of characters, and names that the system refuses."""
    parts = text.encode(errors="surrogatepass").split(b"/")
    whole = not any("\ud800" <= letter <= "\udfff" for letter in text)
    return bool(text) and whole and "\0" not in text and len(text) < 4000 and max(map(len, parts)) <= 255


def _file_name(text: str) -> str:
    if not could_name_a_file(text):
        raise PydanticCustomError("not-a-text", "No file can have this name")
    return text


Whole = Annotated[int, Strict(), Field(ge=0, lt=2**63)]
Side = Annotated[int, Strict(), Field(ge=1, le=2**16)]  # pixels: no JPEG is larger
Number = Annotated[float, Strict(), Field(gt=-ABSURD, lt=ABSURD, allow_inf_nan=False)]
NotNegative = Annotated[Number, Field(ge=0)]
Positive = Annotated[Number, Field(gt=0)]
Row = Annotated[list[Number], FailFast()]
Box = tuple[Number, Number, NotNegative, NotNegative]  # x, y, width, height
FileName = Annotated[str, AfterValidator(_file_name)]

a_whole = TypeAdapter(Whole).validate_python
a_number = TypeAdapter(Number).validate_python
a_row = TypeAdapter(Row).validate_python
a_box = TypeAdapter(Box).validate_python
a_name = TypeAdapter(FileName).validate_python
a_list = TypeAdapter(list[Any]).validate_python
a_dict = TypeAdapter(dict[Any, Any]).validate_python


class Picture(BaseModel):
    """What a record says of a picture."""

    file_name: FileName
    width: Side
    height: Side

    def file(self, folder: Path) -> PictureFile:
        """The picture in its folder."""
        return PictureFile(folder / self.file_name, self.width, self.height)


class Record(NamedTuple):
    """A value in a JSON file, most often an object, and how to name it in an error."""

    path: Path
    name: str  # such as `annotations[3]`; empty for the whole file
    value: Any

    def wrong(self, problem: str, *, code: str) -> DataError:
        """The error for this record."""
        ident = self.value.get("id") if isinstance(self.value, dict) else None
        name = f"{self.name} (id {ident})" if type(ident) is int else self.name
        return DataError(self.path, problem, record=name, remedy=_AGAIN, code=code)

    def parse(self, check: Callable[[Any], Parsed], key: str = "") -> Parsed:
        """What pydantic's check, such as `Picture.model_validate`, makes of the value, or of its field `key`.

        Raises:
            DataError: something is missing or wrong; names the first field.
        """
        try:
            return check(self.value[key] if key else self.value)
        except KeyError:
            raise self.wrong(f"has no {key}", code="missing-field") from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        field, kind = (key + "".join(parts)).lstrip("."), first["type"]
        if kind == "missing":
            raise self.wrong(f"has no {field}", code="wrong-length" if field.endswith("]") else _CODES[kind])
        problem = f"{field} is {quoted(first['input'])}: {first['msg']}".lstrip()
        raise self.wrong(problem, code=_CODES.get(kind, kind if "-" in kind else "out-of-range"))

    def as_object(self) -> "Record":
        """This record, if it is an object.

        Raises:
            DataError: it is something else.
        """
        if not isinstance(self.value, dict):  # else it would be copied
            self.parse(a_dict)
        return self

    def new(self, key: str, seen: set[int]) -> int:
        """A whole number that is not among those seen; now it is."""
        value = self.parse(a_whole, key)
        if value in seen:
            raise self.wrong(f"its {key} occurs twice", code="repeated-id")
        seen.add(value)
        return value


class _RepeatedKeyError(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, if each of its keys is there once: Python would keep the last of two."""
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _RepeatedKeyError(next(key for key, count in counts.items() if count > 1))
    return found


def load(path: Path) -> Record:
    """The file's JSON.

    Raises:
        DataError: it is missing or not JSON, or an object has a key twice.
    """
    try:
        return Record(path, "", json.loads(read_regular(path, _MOST), object_pairs_hook=_once))
    except FileNotFoundError as error:
        raise DataError(path, "is missing", remedy="Check the path", code="missing-file") from error
    except _RepeatedKeyError as error:
        problem = f"has the key {quoted(error.key)} twice in one object"
        raise DataError(path, problem, remedy="Keep the right one of the two", code="repeated-key") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(path, f"is not JSON ({error})", remedy=_AGAIN, code="not-json") from error


def parse_objects(
    path: Path, values: Sequence[Any], name: str, parse: Callable[[Record], Parsed]
) -> tuple[list[Parsed], list[Problem]]:
    """What `parse` makes of each object of a list; and what is broken, elements that are no objects too."""
    records = (Record(path, f"{name}[{index}]", value) for index, value in enumerate(values))
    return parse_each(lambda record: parse(record.as_object()), records)


def quoted(value: Any) -> str:
    """A value as an error quotes it, however long or deep it is."""
    text = _BRIEF.repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


_BRIEF = Repr()
_BRIEF.maxlevel, _BRIEF.maxstring, _BRIEF.maxother = 3, 40, 40
