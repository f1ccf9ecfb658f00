"""Files of a set that may be broken, and the check of them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from datasets.io.errors import DataError
from datasets.io.image import name_in
from datasets.io.problems import Problem, parse_each

MOST_BROKEN = 1000
"""So many broken files may be left out. An experiment names them all."""

_THREADS = 4  # libjpeg runs outside Python's lock


class Checkable(Protocol):
    """A file, and how to find out whether it can be used."""

    @property
    def path(self) -> Path: ...

    def check(self) -> object:
        """Read it whole.

        Raises:
            DataError: it is missing, broken or other than its annotations say.
        """
        ...

    def __iter__(self) -> Iterator[Any]:
        """Its fields: the path, and what annotations say about it."""
        ...


class Survey(NamedTuple):
    """What reading a set's annotations tells, before the files that they name are opened."""

    broken: tuple[Problem, ...]
    files: tuple[Checkable, ...]  # that samples are taken from
    unit: str = "pictures"  # what a file is called
    per_task: int = 128  # so many files take about a second to check
    contents: Any = None  # what was read, for binding the set next


Check = Callable[[Survey], Sequence[Problem]]
"""Finds the files that are missing, broken or of another size than claimed."""


def check_files(files: Sequence[Checkable], threads: int = _THREADS) -> tuple[Problem, ...]:
    """Read whole files, and say which can't be used."""
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda file: parse_each(lambda one: one.check(), [file])[1], files)
        return tuple(one for broken in found for one in broken)


def check_here(survey: Survey) -> tuple[Problem, ...]:
    """Check every file in this process."""
    return check_files(survey.files, min(_THREADS, survey.per_task))


def names_of(root: Path, found: Sequence[Problem], survey: Survey) -> tuple[str, ...]:
    """Names in `root` of the files that were found broken.

    Raises:
        DataError: they are more than anybody should go on without.
    """
    if len(found) > MOST_BROKEN:
        raise DataError(
            root,
            f"{len(found)} of {len(survey.files)} {survey.unit} are broken, too many to go on without them",
            remedy=f"Get the {survey.unit} again",
            code="too-many-broken",
        )
    return tuple(sorted({name_in(root, Path(one.file)) for one in found}))
