"""Errors that a user can correct: the base of all of them, and those of data."""

from pathlib import Path


class UserError(Exception):
    """Something that the user of the command can correct.

    The text is for people and may change at any time. Programs and tests rely on the class and on `code`,
    a few words joined by hyphens that name the kind of mistake, such as `no-annotations`.
    """

    code: str = ""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword arguments do not survive the trip from a worker by themselves.
        return _restore, (type(self), self.args, self.__dict__)


class DataError(UserError):
    """A file or record that can't be used: which one, what is wrong with it, and what to do about it.

    Args:
        path: the file or folder.
        problem: what is wrong, in a few words.
        record: the record within the file, such as `annotation 17` or `images[3].file_name`.
        remedy: what the user can do.
        code: the kind of mistake.
    """

    def __init__(
        self, path: Path | str, problem: str, *, record: str = "", remedy: str = "", code: str = ""
    ) -> None:
        self.path, self.problem, self.record, self.remedy = str(path), problem, record, remedy
        where = f"{path}: {record}" if record else str(path)
        super().__init__(f"{where}: {problem}." + (f" {remedy}." if remedy else ""), code=code)


class NotPreparedError(DataError):
    """The data have not been prepared at this place."""


def _restore(kind: type[UserError], arguments: tuple[object, ...], fields: dict[str, object]) -> UserError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(fields)
    return error
