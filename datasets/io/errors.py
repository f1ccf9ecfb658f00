"""The one error that bad input raises, and what it is where only the preparation is missing."""

from pathlib import Path


class DataError(Exception):
    """A file or record that can't be used: says which, what is wrong with it, and what to do about it.

    Args:
        path: the file or folder.
        problem: what is wrong, in a few words.
        record: the record within the file, such as `annotation 17` or `images[3].file_name`.
        remedy: what the user can do.
    """

    def __init__(self, path: Path | str, problem: str, *, record: str = "", remedy: str = "") -> None:
        self.path, self.problem, self.record, self.remedy = str(path), problem, record, remedy
        where = f"{path}: {record}" if record else str(path)
        super().__init__(f"{where}: {problem}." + (f" {remedy}." if remedy else ""))

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword arguments do not survive the trip from a worker by themselves.
        return (_restore, (self.path, self.problem, self.record, self.remedy))


class NotPreparedError(DataError):
    """What `prepare` makes of the data is not at this place."""


def _restore(path: str, problem: str, record: str, remedy: str) -> DataError:
    return DataError(path, problem, record=record, remedy=remedy)
