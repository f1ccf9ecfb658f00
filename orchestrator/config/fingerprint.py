"""Fingerprints: which fields of a value decide a result, and a digest of them."""

import hashlib
import json
from typing import Any

from pydantic import (
    BaseModel,
)
from pydantic.fields import FieldInfo

SCHEMA = 1
"""Raised whenever a default or the mathematics changes: results from before no longer count as the same."""


def essence(value: BaseModel) -> dict[str, Any]:
    """The fields of `value` that change a result: those that differ from their default, and every `kind`."""
    changed = {
        name: getattr(value, name)
        for name, field in type(value).model_fields.items()
        if name == "kind" or (getattr(value, name) != field.default and not _is_neutral(field))
    }
    return {name: _plain(inner) for name, inner in changed.items()}


def digest(fields: dict[str, Any]) -> str:
    """16 hex digits of the canonical JSON of `fields` and the schema number."""
    text = json.dumps({"schema": SCHEMA, **fields}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def flatten(value: BaseModel) -> dict[str, str]:
    """Every field as `dotted.name: text`, as MLflow shows and compares parameters."""
    return dict(_leaves("", value.model_dump(mode="json")))


def _leaves(prefix: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return [(prefix, value if isinstance(value, str) else json.dumps(value))]
    stem = f"{prefix}." if prefix else ""
    return [leaf for key, inner in value.items() for leaf in _leaves(stem + key, inner)]


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return essence(value)
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value


def _is_neutral(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("neutral"))
