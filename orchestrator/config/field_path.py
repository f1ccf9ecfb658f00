"""Fields of a config by their path, such as `objective.flow.width`."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.config.vary import vary
from orchestrator.util.errors import SweepError

Value = TypeVar("Value", bound=BaseModel)


def value_at(config: BaseModel, field: str, asked: str = "") -> Any:
    """What the field holds.

    Args:
        field: its path.
        asked: what asked for it, with which errors begin.

    Raises:
        SweepError: there is no such field.
    """
    found: Any = config
    for name in field.split("."):
        found = _inner(found, name, field, asked)
    return found


def with_value(config: Value, field: str, value: Any, asked: str = "") -> Value:
    """The config with another value for a field; every config on the way there is validated again.

    Raises:
        SweepError: there is no such field, or the value does not fit it.
    """
    changed: Value = _with(config, field, field.split("."), value, asked)
    return changed


def word(value: Any) -> str:
    """A value as a command line has it."""
    return value if isinstance(value, str) else json.dumps(value)


def _with(config: Any, field: str, path: Sequence[str], value: Any, asked: str) -> Any:
    name, *rest = path
    inner = _inner(config, name, field, asked)
    changed = _with(inner, field, rest, value, asked) if rest else value
    try:
        return vary(config, **{name: changed})
    except ValidationError as error:
        problem = "; ".join(one["msg"] for one in error.errors())
        raise SweepError(f"{asked}{field}={word(value)}: {problem}", code="invalid-value") from error


def _inner(config: Any, name: str, field: str, asked: str) -> Any:
    if not isinstance(config, BaseModel) or name not in type(config).model_fields:
        raise SweepError(f"{asked}{field}: {_unknown(config, name)}", code="no-field")
    return getattr(config, name)


def _unknown(config: Any, name: str) -> str:
    if not isinstance(config, BaseModel):
        return f"{config!r} has no fields, so no {name!r}"
    known = list(type(config).model_fields)
    near = get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{type(config).__name__} has no field {name!r}; {meant}It has {', '.join(known)}"
