"""Where one data set lies in the folder that the user names."""

from pathlib import Path

from datasets.io.errors import DataError


def home(root: Path, *names: str) -> Path:
    """The folder of one data set: the first of `names` that is a folder in `root`, or else `root` itself.

    Raises:
        DataError: `root` is no folder.
    """
    if not root.is_dir():
        raise DataError(root, "is not a folder", remedy="Name the folder of the data set")
    return next((root / name for name in names if (root / name).is_dir()), root)
