"""The address of a tracking store, and how to print it without its credentials."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from orchestrator.util.errors import UserError

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
    def shown(self) -> str:
        """The address without user, password and query."""
        parts = urlsplit(self.uri)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def hide(self, text: str) -> str:
        """`text` without the credentials of this address."""
        text = re.sub(r"://[^\s@]*@", "://", text.replace(self.uri, self.shown))
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _secrets(self) -> Iterable[str]:
        parts = urlsplit(self.uri)
        values = [value for _, value in parse_qsl(parts.query)]
        password = parts.password or ""
        return {secret for secret in (password, unquote(password), *values) if secret}


def parse(uri: str, artifacts: Path | None) -> StoreUri:
    """Read the address of a tracking store.

    Args:
        uri: `sqlite:///relative.db`, `sqlite:////absolute.db`, another SQL database, or a server's http(s)
            address.
        artifacts: the folder for artifacts of a database; beside the file if None and it is sqlite. A
            server decides where it keeps artifacts.

    Raises:
        TrackingError: none of these, or a database without a folder for artifacts.
    """
    parts = urlsplit(uri)
    driver = parts.scheme.partition("+")[0]
    shown = StoreUri(uri, None, None).shown
    if driver in ("http", "https") and parts.hostname:
        return StoreUri(uri, None, None)
    if driver == "sqlite" and len(parts.path) > 1 and not parts.netloc:
        file = Path(parts.path[1:]).absolute()
        query = f"?{parts.query}" if parts.query else ""
        return StoreUri(
            f"{parts.scheme}:///{file}{query}", file, (artifacts or file.parent / "artifacts").absolute()
        )
    if driver in DATABASES:
        if artifacts is None:
            raise TrackingError(
                f"{shown}: a database needs a folder for artifacts beside it", code="no-artifacts"
            )
        return StoreUri(uri, None, artifacts.absolute())
    raise TrackingError(
        f"{shown if parts.scheme else uri}: not a tracking store. "
        "Give sqlite:///file.db, another SQL database, or a server's http://host:port",
        code="not-a-store",
    )
