"""A folder for Ray that nobody else can look into."""

import os
import stat
import tempfile
from pathlib import Path

LONGEST = 40
"""Characters: sockets lie in it, whose names have 107 at most."""


def private_folder() -> Path | None:
    """Where a cluster that is started here keeps logs and sockets, in a folder of mode 0700; None where the
    user has chosen another with RAY_TMPDIR, or there can't be one."""
    if os.environ.get("RAY_TMPDIR"):
        return None
    base = tempfile.gettempdir()
    folder = Path(base if len(base) <= LONGEST else "/tmp") / f"rle-lab-ray-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
            folder = Path(tempfile.mkdtemp(prefix="rle-lab-ray-", dir=folder.parent))
        folder.chmod(0o700)
    except OSError:
        return None
    return folder / "ray"  # which Ray opens to all
