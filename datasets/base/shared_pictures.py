"""Pictures that are in both splits, so that a model is measured on what it was trained on."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from datasets.io.assumptions import Assumed

BOTH = (
    "{n} {picture|pictures} for validation {is|are} for training too ({first}): numbers are those of known "
    "pictures"
)


def assumed(train: Iterable[Path], val: Iterable[Path]) -> Assumed:
    """How many pictures of `val` are among `train`, as the same file or with the same bytes; the first named.

    Files that can't be read are passed over: reading them has errors of its own.
    """
    trained = dict(_sizes(train))
    sizes = set(trained.values())
    measured = [(path, size) for path, size in _sizes(val) if path in trained or size in sizes]
    alike = {size for path, size in measured if path not in trained}
    digests = {_checksum(path) for path, size in trained.items() if size in alike}
    shared = [path for path, _ in measured if path in trained or _checksum(path) in digests]
    return {BOTH.replace("{first}", shared[0].name): len(shared)} if shared else {}


def _sizes(paths: Iterable[Path]) -> Iterator[tuple[Path, int]]:
    for path in paths:
        try:
            yield path, path.stat().st_size
        except OSError:
            continue


def _checksum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return f"unreadable {path}"
