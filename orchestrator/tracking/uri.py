"""The address of a tracking store, and how to print it without its credentials."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from orchestrator.util.errors import UserError
from orchestrator.util.redact import redacted, shown

DATABASES = ("postgresql", "mysql", "mssql")


class TrackingError(UserError):
    """The store can't be used, or something could not be written; the message names it, never a password."""


@dataclass(frozen=True)
class StoreUri:
    """The address of a tracking store.

    Args:
        uri: as MLflow takes it, with an absolute path where it is a file.
        file: the sqlite file, for a store that is one.
        artifacts: the folder for artifacts; None where a server decides.
    """

    uri: str
    file: Path | None
    artifacts: Path | None

    @property
    def is_database(self) -> bool:
        """Whether it is a database other than a sqlite file."""
        return self.uri.partition("://")[0].partition("+")[0] in DATABASES

    @property
    def shown(self) -> str:
        """The address without user, password and query."""
        return f"sqlite:///{self.file}" if self.file is not None else shown(self.uri)

    def hide(self, text: str) -> str:
        """`text` without the credentials of this address."""
        return redacted(text, self.uri)


def sqlite_uri(file: Path) -> str:
    """The address of a sqlite file, whatever signs its path has; `parse` is the inverse."""
    return f"sqlite:///{str(file.absolute()).replace('%', '%25').replace('?', '%3F')}"


def parse(uri: str, artifacts: Path | None, *, create: bool = True) -> StoreUri:
    """Read the address of a tracking store.

    Args:
        uri: `sqlite:///relative.db`, `sqlite:////absolute.db`, another SQL database, or a server's http(s)
            address.
        artifacts: the folder for artifacts of a database; beside the file if None and it is sqlite. A
            server decides where it keeps artifacts.
        create: whether experiments may be made in it, which need that folder.

    Raises:
        TrackingError: none of these, or a database without a folder for artifacts.
    """
    scheme, _, rest = uri.partition("://")
    driver = scheme.partition("+")[0]
    if driver in ("http", "https") and _host(uri):
        return StoreUri(uri, None, None)
    if driver == "sqlite" and rest.startswith("/") and len(rest.partition("?")[0]) > 1:
        path, mark, query = rest[1:].partition("?")
        file = Path(unquote(path)).absolute()  # decoded as SQLAlchemy does it
        artifacts = (artifacts or file.parent / "artifacts").absolute()
        return StoreUri(f"{scheme}{sqlite_uri(file).removeprefix('sqlite')}{mark}{query}", file, artifacts)
    if driver in DATABASES:
        if artifacts is None and create:
            raise TrackingError(
                f"{shown(uri)}: a database needs a folder for artifacts beside it", code="no-artifacts"
            )
        return StoreUri(uri, None, None if artifacts is None else artifacts.absolute())
    raise TrackingError(
        f"{shown(uri)}: not a tracking store. "
        "Give sqlite:///file.db, another SQL database, or a server's http://host:port",
        code="not-a-store",
    )


def _host(uri: str) -> str | None:
    try:
        return urlsplit(uri).hostname
    except ValueError:
        return None
