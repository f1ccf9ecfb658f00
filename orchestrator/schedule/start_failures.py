"""Why Ray did not start here, as far as this machine tells."""

import os
import resource
import tempfile
from pathlib import Path

SMALL_FILE = 2**30
"""Bytes that a file must be allowed to have: Ray maps its object store."""
BUSY = 2.0
"""Waiting processes for each core."""


def why_not_started(folder: Path | None) -> str:
    """A remedy, for what is found to be wrong.

    Args:
        folder: Ray's.
    """
    place = folder.parent if folder else Path(tempfile.gettempdir())
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and limit < SMALL_FILE:
        return f"Files may have {limit:,} bytes here, too few for Ray: raise it with ulimit -f unlimited"
    for where, what in ((Path.home(), "set HOME to a folder that can be written"), (place, _ROOM)):
        if reason := _not_writable(where):
            return f"{where} can't be written ({reason}): {what}"
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > BUSY * cores:
        return f"The machine is busy ({load:.0f} processes want its {cores} cores): try again later"
    return f"Ray's own logs are in {place}"


_ROOM = "free some space, or name another folder with RAY_TMPDIR"


def _not_writable(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 2**20)
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return ""
