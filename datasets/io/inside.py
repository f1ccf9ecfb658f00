"""Pictures that lie where they should: in the folder that the user named."""

import os
from collections.abc import Iterable
from pathlib import Path

from datasets.io.errors import DataError


def check_inside(root: Path, pictures: Iterable[Path]) -> None:
    """Refuse files that are reached through `..`, an absolute name or a link that leads out of a folder.

    Raises:
        DataError: there are such pictures; names the first of them.
    """
    real, folders = Path(os.path.realpath(root)), dict[str, Path]()
    outside = []
    for picture in pictures:
        parent, name = os.path.split(picture)
        if parent not in folders:
            folders[parent] = Path(os.path.realpath(parent))
        is_link = name == ".." or picture.is_symlink()
        place = Path(os.path.realpath(picture)) if is_link else folders[parent]
        if not place.is_relative_to(real):
            outside.append((picture, place if is_link else place / name))
    if outside:
        picture, place = outside[0]
        others = f", and {len(outside) - 1} others lie outside too" if outside[1:] else ""
        raise DataError(
            picture,
            f"this picture lies outside the data root {root}, at {place}{others}",
            remedy="Move it into the data root, or read it from there with --allow-outside",
            code="outside-root",
        )
