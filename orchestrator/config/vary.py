"""Values that differ from others in a few fields."""

from typing import Any, TypeVar

from pydantic import (
    BaseModel,
)

Value = TypeVar("Value", bound=BaseModel)


def vary(value: Value, **changes: Any) -> Value:
    """`value` with some fields changed, validated again.

    Raises:
        pydantic.ValidationError: an unknown field, or a value that does not fit it.
    """
    fields = {name: getattr(value, name) for name in type(value).model_fields}
    return type(value)(**(fields | changes))
