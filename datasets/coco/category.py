"""The kind of thing whose keypoints a COCO file annotates."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.io.errors import DataError
from datasets.io.json_file import Record


@dataclass(frozen=True)
class Category:
    """The kind of thing whose keypoints are annotated."""

    id: int
    keypoints: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]  # counted from 1


def choose(path: Path, records: Sequence[Record]) -> Category:
    """The one category with keypoints, or of several the people.

    Raises:
        DataError: there is none, or its names or limbs are wrong.
    """
    usable = [record for record in records if record.fields.get("keypoints")]
    people = [record for record in usable if record.fields.get("name") == "person"]
    chosen = usable if len(usable) == 1 else people
    if len(chosen) != 1:
        names = ", ".join(str(record.fields.get("name")) for record in records) or "none"
        raise DataError(
            path,
            f"no single category has keypoints (categories: {names})",
            remedy="Keep one category with them",
            code="no-single-category",
        )
    (record,) = chosen
    names_given = record.fields["keypoints"]
    if not isinstance(names_given, list) or not all(isinstance(name, str) for name in names_given):
        raise record.wrong("keypoints is not a list of names", code="not-names")
    if len(set(names_given)) != len(names_given):
        raise record.wrong("a keypoint's name occurs twice", code="repeated-name")
    return Category(record.whole("id"), tuple(names_given), _skeleton(record, len(names_given)))


def _skeleton(record: Record, K: int) -> tuple[tuple[int, int], ...]:
    limbs = record.fields.get("skeleton") or []
    if not isinstance(limbs, list) or not all(_is_limb(limb, K) for limb in limbs):
        raise record.wrong(f"skeleton is not a list of pairs from 1 to {K}", code="bad-skeleton")
    return tuple((a, b) for a, b in limbs)


def _is_limb(limb: Any, K: int) -> bool:
    return (
        isinstance(limb, list) and len(limb) == 2 and all(type(end) is int and 1 <= end <= K for end in limb)
    )
