"""Fingerprints: which fields of a value decide a result, and a digest of them."""

import hashlib
import json
from functools import cached_property
from typing import Any, Self

from pydantic import (
    BaseModel,
)
from pydantic.fields import FieldInfo

from models.config import Frozen
from orchestrator.util.mathematics import SCHEMA
from orchestrator.util.own_code import digest_of


class Fingerprinted(Frozen):
    """A value with a fingerprint, which is computed once and is no part of equality, hash or JSON."""

    def fingerprint(self) -> str:
        """16 hex digits; equal for two values exactly when their results must be equal."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return digest(self._decisive_fields())

    def _decisive_fields(self) -> dict[str, Any]:
        return essence(self)

    def __copy__(self) -> Self:
        """Without the fingerprint: `model_copy` may change fields of a copy."""
        copied = super().__copy__()
        copied.__dict__.pop("_fingerprint", None)
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        """Without the fingerprint: another version of the code may compute another."""
        state = super().__getstate__()
        fields = {name: value for name, value in state["__dict__"].items() if name != "_fingerprint"}
        return state | {"__dict__": fields}


def essence(value: BaseModel) -> dict[str, Any]:
    """The fields of `value` that change a result: those that differ from their default, and every `kind`.

    Fields that have a fingerprint stand there as that. A class of one's own has the digest of its code too.

    Raises:
        SweepError: a class of one's own is not in a file.
    """
    changed = {
        name: getattr(value, name)
        for name, field in type(value).model_fields.items()
        if name == "kind" or (getattr(value, name) != field.default and not _is_neutral(field))
    }
    code = digest_of(type(value))
    return {name: _plain(inner) for name, inner in changed.items()} | ({"code": code} if code else {})


def digest(fields: dict[str, Any]) -> str:
    """16 hex digits of the canonical JSON of `fields` and the schema number."""
    text = json.dumps({"schema": SCHEMA, **fields}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Fingerprinted):
        return value.fingerprint()
    if isinstance(value, BaseModel):
        return essence(value)
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value


def _is_neutral(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("neutral"))
