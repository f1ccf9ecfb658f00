"""The kind of thing whose keypoints a COCO file annotates."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator

from datasets.io.errors import DataError
from datasets.io.json_file import Record, Whole


class Category(BaseModel, frozen=True):
    """The kind of thing whose keypoints are annotated."""

    id: Whole
    keypoints: tuple[str, ...]
    skeleton: Annotated[tuple[tuple[Whole, Whole], ...], BeforeValidator(lambda limbs: limbs or ())] = ()
    """Pairs of keypoints, counted from 1."""


def choose(path: Path, records: Sequence[Record]) -> Category:
    """The one category with keypoints, or of several the people.

    Raises:
        DataError: there is none, or its names or limbs are wrong.
    """
    usable = [record for record in records if record.value.get("keypoints")]
    people = [record for record in usable if record.value.get("name") == "person"]
    chosen = usable if len(usable) == 1 else people
    if len(chosen) != 1:
        names = ", ".join(str(record.value.get("name")) for record in records) or "none"
        raise DataError(
            path,
            f"no single category has keypoints (categories: {names})",
            remedy="Keep one category with them",
            code="no-single-category",
        )
    category, K = chosen[0].parse(Category.model_validate), len(chosen[0].value["keypoints"])
    if len(set(category.keypoints)) != K:
        raise chosen[0].wrong("a keypoint's name occurs twice", code="repeated-name")
    if not all(1 <= end <= K for limb in category.skeleton for end in limb):
        raise chosen[0].wrong(f"skeleton has a keypoint that is not 1 to {K}", code="bad-skeleton")
    return category
