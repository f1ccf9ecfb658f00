"""Broken records: found all at once, and then reported together, or left out and counted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from datasets.io.errors import DataError

Item = TypeVar("Item")
Parsed = TypeVar("Parsed")

_NAMED = 3
"""So many broken records are named in one error."""

RECORDS, IN_PICTURES = "broken records", "in broken pictures"
"""What reports call records that are left out since they, or their pictures, are broken."""


@dataclass(frozen=True, order=True)
class Problem:
    """Why a record or picture can't be used."""

    file: str
    record: str  # within the file, such as `annotations[3] (id 17)`; empty for the file itself
    reason: str
    remedy: str
    code: str = ""  # of the error

    @staticmethod
    def of(error: DataError) -> "Problem":
        """What the error says."""
        return Problem(error.path, error.record, error.problem, error.remedy, error.code)

    @property
    def where(self) -> str:
        """In one line, without the remedy."""
        return f"{self.file}: {self.record}: {self.reason}" if self.record else f"{self.file}: {self.reason}"

    @property
    def error(self) -> DataError:
        """The error that says this."""
        return DataError(self.file, self.reason, record=self.record, remedy=self.remedy, code=self.code)


def parse_each(parse: Callable[[Item], Parsed], items: Iterable[Item]) -> tuple[list[Parsed], list[Problem]]:
    """What `parse` makes of each item; and one entry for each item for which it raised a DataError."""
    good: list[Parsed] = []
    broken: list[Problem] = []
    for item in items:
        try:
            good.append(parse(item))
        except DataError as error:
            broken.append(Problem.of(error))
    return good, broken


def unique(broken: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each once, in order: many records may be lost by one and the same cause."""
    return tuple(dict.fromkeys(broken))


def raise_if_any(broken: Sequence[Problem], *, skippable: bool = True) -> None:
    """Stop if anything is broken.

    Args:
        skippable: whether going on without what is broken would help.

    Raises:
        DataError: that of the only problem; or `broken-records`, which names the first few of several.
    """
    found = unique(broken)
    if not found:
        return
    first, *others = found
    if not others:
        raise first.error
    named = "; ".join(one.where for one in others[: _NAMED - 1])
    more = f"; {len(others) - _NAMED + 1} more" if len(others) >= _NAMED else ""
    skip = ", or go on without them with --skip-broken" if skippable else ""
    raise DataError(
        first.file,
        f"{first.reason}. {len(found)} records or pictures are broken: this; {named}{more}",
        record=first.record,
        remedy=f"`rle-lab prepare` lists all. Correct them{skip}",
        code="broken-records",
    )


def counted(counts: Mapping[str, int]) -> dict[str, int]:
    """Those that are not 0."""
    return {reason: count for reason, count in counts.items() if count}
