"""What a generated set says of itself, and the check that a folder holds a certain one."""

import json
from pathlib import Path
from typing import Any

from datasets.config import Generator
from datasets.io.errors import DataError

_NAME = "generator.json"
_ELSEWHERE = "Name another folder, or remove this one"


def mark(folder: Path, generator: Generator) -> None:
    """Write down which set the folder holds."""
    document: dict[str, Any] = {
        "fingerprint": generator.fingerprint(),
        "generator": generator.model_dump(mode="json"),
    }
    (folder / _NAME).write_text(json.dumps(document, indent=1))


def check(generator: Generator, pictures: int, folder: Path) -> None:
    """Raises DataError unless `folder` holds this very set, with as many pictures in `images/`."""
    try:
        found = json.loads((folder / _NAME).read_text())["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(folder, "exists and is not a generated set", remedy=_ELSEWHERE) from error
    if found != (wanted := generator.fingerprint()):
        raise DataError(folder / _NAME, f"is of another set ({found}, not {wanted})", remedy=_ELSEWHERE)
    if (there := sum(1 for _ in (folder / "images").rglob("*.jpg"))) != pictures:
        problem = f"holds {there} of {pictures} pictures"
        raise DataError(folder / "images", problem, remedy="Remove the folder, and it is generated anew")
