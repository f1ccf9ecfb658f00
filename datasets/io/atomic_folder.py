"""Folders that are either complete or not there."""

import tempfile
from collections.abc import Callable
from pathlib import Path


def publish(root: Path, fill: Callable[[Path], None], check: Callable[[Path], object]) -> None:
    """Makes `root` appear at once with all that `fill` writes, unless it is there already.

    Two processes may do so at the same time: the first to end wins, and the other accepts what it finds. An
    exception, Ctrl-C among them, leaves nothing behind.

    Args:
        fill: writes into the empty folder that it is given, a sibling of `root`.
        check: raises if an existing `root` is not what `fill` would have made.
    """
    if _holds_something(root):
        check(root)
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{root.name}-", dir=root.parent, ignore_cleanup_errors=True
    ) as spare:
        unfinished = Path(spare) / root.name
        unfinished.mkdir()
        fill(unfinished)
        try:
            unfinished.rename(root)
        except OSError:
            if not _holds_something(root):
                raise
            check(root)


def _holds_something(root: Path) -> bool:
    return root.is_file() or (root.is_dir() and any(root.iterdir()))
