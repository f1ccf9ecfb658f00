"""Files that are either complete or not there."""

import os
import uuid
from pathlib import Path


def write_whole(path: Path, content: bytes, *, mode: int = 0o666, durable: bool = False) -> None:
    """Write or replace a file; a link in its place is replaced and not followed.

    Args:
        mode: who may read it, before the umask.
        durable: whether it is on disk, not only in memory, before it has its name.

    Raises:
        OSError: it can't be written; what was there before still is.
    """
    partial = path.with_name(f".partial-{uuid.uuid4().hex}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
