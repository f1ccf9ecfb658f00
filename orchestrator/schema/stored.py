"""The base of values whose JSON lies in tracking stores."""

from typing import Any

from pydantic import model_validator

from models.config import Frozen


class Stored(Frozen):
    """A frozen value that also accepts the field names of older stores."""

    @model_validator(mode="before")
    @classmethod
    def _former_names(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        now = dict(fields)
        if "says" in now:
            now.setdefault("description", now.pop("says"))
        if "ours" in now:
            now.setdefault("in_paper", not now.pop("ours"))
        return now
