"""`generator.json`, which says what generated data a folder holds, and the check against an expected set."""

import json
from pathlib import Path
from typing import Any

from datasets.config import Generator
from datasets.io.errors import DataError

_NAME = "generator.json"
_REMOVE = "Remove the folder, and it is generated again"


def document(generator: Generator, **head: str) -> dict[str, Any]:
    """What a set says of itself: `head`, its fingerprint and all its parameters."""
    return {
        **head,
        "fingerprint": generator.fingerprint(),
        "generator": generator.model_dump(mode="json"),
    }


def write(folder: Path, generator: Generator, **head: str) -> None:
    """Writes `generator.json`."""
    (folder / _NAME).write_text(json.dumps(document(generator, **head), indent=1))


def check(folder: Path, generator: Generator) -> None:
    """Raises DataError (`not-generated`, `another-set`) unless `folder` says that it holds this very set."""
    remedy = "Name another folder, or remove this one"
    try:
        found = json.loads((folder / _NAME).read_text())["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = "exists and is not a generated set"
        raise DataError(folder, problem, remedy=remedy, code="not-generated") from error
    if found != (expected := generator.fingerprint()):
        problem = f"is of another set ({found}, not {expected})"
        raise DataError(folder / _NAME, problem, remedy=remedy, code="another-set")


def check_images(folder: Path, expected: int) -> None:
    """Raises DataError (`incomplete-set`) unless so many JPEG files lie in `folder` and below."""
    if (found := sum(1 for _ in folder.rglob("*.jpg"))) != expected:
        raise incomplete(folder, f"holds {found} of {expected} images")


def incomplete(path: Path, problem: str) -> DataError:
    """The error of a set of which something is missing."""
    return DataError(path, problem, remedy=_REMOVE, code="incomplete-set")
